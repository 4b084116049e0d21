"""From the fork of a task's process to the first line of its code, in a real Airflow, with two trees in turn.

Both run on this tree's Python and DAGs. PYTHONPATH decides whose package, entry points and dependencies are found.
"""

from __future__ import annotations

import os
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
    with Airflows(home, found, {}) as airflows:
        for one in cold.play_rounds(airflows, variants, rounds, enough).medians():
            for row, phase in ROWS.items():
                ratios.add(row, {name: phases[phase] for name, phases in one.items()})


def _kind(tree: Tree, redis_url: str) -> Kind:
    worker = kinds(redis_url, f"{PREFIX}:{tree.name}")["worker"]
    python_path = os.pathsep.join([str(HERE / "site"), *tree.python_path()])
    return Kind(tree.name, env={**worker.env, "PYTHONPATH": python_path})
