"""Measure the section `chain`: Airflow's own push with our middleware in the API server's chain of middlewares.

Real API servers share one database. One is without this package, one watches (`enforcement = worker`), and one has the
ring (`enforcement = server`). A build before adds two of its own. The running task's token pushes the same plain value
through each, call by call in turn. Each round gives one ratio.
"""

from __future__ import annotations

import contextlib
import statistics
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.airflows import BACKEND_VARIABLE, BASE_XCOM, python_path
from benchmarks.base.trees import NEW
from benchmarks.contenders import LIKE_A_REFERENCE
from benchmarks.figures import compared
from benchmarks.timing import in_turn
from devtools.components import OURS
from devtools.worlds.api_plan import at
from devtools.worlds.api_world import World, open_world

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.base.trees import Tree
    from devtools.worlds.api_caller import Caller

ROUNDS = {False: 600, True: 150}
WARM_UP = 30
#: Without this package; and what the package puts into the chain, by `enforcement`.
ABSENT, WATCH, RING = "without", "watch", "ring"


def measure(trees: Sequence[Tree], redis_url: str, *, quick: bool) -> dict[str, Any]:
    """Measure all servers in turn; return the section.

    `ms`: server -> median. `to_absent`: server -> `figures.compared` with the server without the package. Of the build
    before, the names of servers end with `before`.
    """
    with tempfile.TemporaryDirectory(prefix="bench-chain-") as folder, contextlib.ExitStack() as stack:
        world = stack.enter_context(open_world(_home(folder, "world"), redis_url))
        pushes = {RING: partial(_push, world.caller)}
        for name, env in _servers(world, trees).items():
            pushes[name] = partial(_push, stack.enter_context(world.serve(_home(folder, name), env)))
        found = in_turn(pushes, ROUNDS[quick], warm_up=WARM_UP)
    ms = {name: measured.ms for name, measured in found.items()}
    return {
        "rounds": ROUNDS[quick],
        "ms": {name: statistics.median(times) for name, times in ms.items()},
        "to_absent": {name: compared(times, ms[ABSENT]) for name, times in ms.items() if name != ABSENT},
    }


def label(chain: str, tree: str) -> str:
    """Name a server by what is in its chain, and by its build."""
    return chain if tree == NEW else f"{chain} before"


def _servers(world: World, trees: Sequence[Tree]) -> Mapping[str, Mapping[str, str]]:
    """Return the environments of the other servers, by name. The world's own has this build's ring."""
    new = next(tree for tree in trees if tree.name == NEW)
    found = {ABSENT: {**python_path(new), "BENCH_PACKAGE": "absent", BACKEND_VARIABLE: BASE_XCOM}}
    keys = f"{world.keys.private} {world.older_keys.private}"
    for tree in trees:
        found[label(WATCH, tree.name)] = {**python_path(tree), f"{OURS}ENFORCEMENT": "worker"}
        if tree != new:
            found[label(RING, tree.name)] = {**python_path(tree), f"{OURS}SEAL_PRIVATE_KEYS": keys}
    return found


def _push(server: Caller) -> None:
    answer = server.xcom("owner", "POST", at("extract", "plain"), json=LIKE_A_REFERENCE)
    assert answer.is_success, answer.text


def _home(folder: str, name: str) -> Path:
    home = Path(folder) / name.replace(" ", "-")
    home.mkdir()
    return home
