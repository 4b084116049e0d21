"""Measure the section `cold-before`: from the fork of a task's process to the first line of its code, with two trees.

Both run on this tree's Python, DAGs and benchmarks, in one Airflow and in turn. PYTHONPATH decides which package, entry
points and dependencies of the package they find.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import cold
from benchmarks.airflows import Airflows, Kind, Variant, kinds
from benchmarks.base.ratios import Ratios
from benchmarks.played import PREFIX
from devtools.components import BACKEND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.base.trees import Tree

#: Name of what is compared -> the kind of API server, and further environment of its tasks.
COMPARED: dict[str, tuple[str, dict[str, str]]] = {
    "worker": ("worker", {}),
    "server": ("server", {}),
    "unpreloaded": ("worker", {"BENCH_PACKAGE": "unpreloaded"}),
    "unpreloaded-server": ("server", {"BENCH_PACKAGE": "unpreloaded"}),
}
ROUNDS = {False: 12, True: 2}
#: After so many seconds no further round begins.
ENOUGH = {False: 300, True: 60}
#: Row -> the phase of benchmarks/cold.py.
_PHASES = {
    "fork to user code, one argument": "all",
    "of that, pull the argument and render": "pull the argument, render",
}


def measure(trees: Sequence[Tree], redis_url: str, *, quick: bool) -> dict[str, Any]:
    """Run an API server of each kind and tree, and schedulers that take turns; return the section."""
    ratios = Ratios()
    found = [kind for tree in trees for kind in _kinds(redis_url, tree).values()]
    wanted = [kind for kind in found if kind.package == "whole"]
    variants = [
        Variant(f"{name}-{tree.name}", BACKEND, f"{kind}-{tree.name}", env)
        for name, (kind, env) in COMPARED.items()
        for tree in trees
    ]
    with tempfile.TemporaryDirectory(prefix="bench-cold-") as home, Airflows(Path(home), wanted, {}) as airflows:
        for one in cold.play_rounds(airflows, variants, ROUNDS[quick], ENOUGH[quick]).medians():
            for name in COMPARED:
                for row, phase in _PHASES.items():
                    times = {tree.name: one[f"{name}-{tree.name}"][phase] for tree in trees}
                    ratios.add(f"{name}: {row}", times)
    return ratios.section()


def _kinds(redis_url: str, tree: Tree) -> dict[str, Kind]:
    return kinds(redis_url, f"{PREFIX}:{tree.name}", tree, suffix=f"-{tree.name}")
