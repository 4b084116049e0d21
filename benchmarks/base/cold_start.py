"""From the fork of a task's process to the first line of its code, in a real Airflow, with two trees in turn.

Both run on this tree's Python and DAGs. PYTHONPATH decides which package, entry points and dependencies they find.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks import cold
from benchmarks.airflows import HERE, Airflows, Kind, Variant, kinds
from benchmarks.played import PREFIX
from devtools.components import BACKEND

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.base.ratios import Ratios
    from benchmarks.base.trees import Tree

#: Row -> the phase of benchmarks/cold.py.
ROWS = {"fork to user code, one argument": "all", "of that, pull the argument and render": "pull the argument, render"}


def measure(ratios: Ratios, trees: Sequence[Tree], redis_url: str, home: Path, *, rounds: int, enough: float) -> None:
    """Run each tree's API server, and a scheduler that takes turns with the other tree's."""
    found = [_kind(tree, redis_url) for tree in trees]
    variants = [Variant(tree.name, BACKEND, tree.name) for tree in trees]
    os.chdir(home)  # `python -m airflow` looks there first, before PYTHONPATH
    for tree in trees:
        _check(tree)
    with Airflows(home, found, {}) as airflows:
        for one in cold.play_rounds(airflows, variants, rounds, enough).medians():
            for row, phase in ROWS.items():
                ratios.add(row, {name: phases[phase] for name, phases in one.items()})


def _kind(tree: Tree, redis_url: str) -> Kind:
    worker = kinds(redis_url, f"{PREFIX}:{tree.name}")["worker"]
    return Kind(tree.name, env={**worker.env, "PYTHONPATH": _python_path(tree)})


def _check(tree: Tree) -> None:
    """Make sure that a Python that starts here finds the tree's package: no tree may be compared with itself."""
    command = [sys.executable, "-c", "import exclusive_redis_xcom as found; print(found.__file__)"]
    env = {**os.environ, "PYTHONPATH": _python_path(tree)}
    found = subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout.strip()
    assert found == str(tree.root / "exclusive_redis_xcom" / "__init__.py"), f"{tree.name} would run {found}"


def _python_path(tree: Tree) -> str:
    return os.pathsep.join([str(HERE / "site"), *tree.python_path()])
