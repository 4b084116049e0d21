"""Processes that play tasks, one for each tree, and the rounds in which they take turns."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.timing import quartiles
from devtools.airflow_home import NOT_INHERITED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.base.ratios import Ratios
    from benchmarks.base.trees import Tree

PLAYER = Path(__file__).with_name("player.py")
#: Row -> the player's operation, and how often it runs in one round.
OPERATIONS = {
    "push of 100 B, before Airflow's call": ("push", 12),
    "direct pull of 100 B": ("direct pull", 16),
    "direct pull of 100 mapped results": ("direct pull, mapped", 6),
    "pull of 100 B by its row": ("pull by row", 16),
}
_END_SECONDS = 30


class Player:
    """A process that plays tasks with one tree's package. `start` has the times of its start, in ms."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.start = {row: _calm(times) for row, times in self._answer().items()}

    def time(self, operation: str, times: int) -> float:
        """Run an operation so often; return what it takes, in ms."""
        assert self._process.stdin is not None
        print(operation, times, file=self._process.stdin, flush=True)
        return _calm(self._answer())

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"a player ended with exit code {self._process.wait(_END_SECONDS)}; see above")
        return json.loads(line)


@contextlib.contextmanager
def playing(tree: Tree, url: str, home: Path) -> Iterator[Player]:
    """Play tasks with a tree's package against a Redis of its own, until the block ends."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(NOT_INHERITED)}
    env |= {"AIRFLOW_HOME": str(home), "PYTHONPATH": str(tree.root), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    command = [str(tree.python), str(PLAYER), url]
    with subprocess.Popen(
        command, env=env, cwd=tree.root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Player(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()


def measure(ratios: Ratios, trees: Sequence[Tree], start: Callable[[Tree], Any], *, runs: int, rounds: int) -> None:
    """Let both trees play in turn: so many pairs of processes, each for so many rounds.

    A process differs from the next of the same tree by what its memory looks like; so there are many.
    The first pair only warms up: it compiles bytecode and fills the system's caches.
    """
    for run in range(-1, runs):
        with contextlib.ExitStack() as stack:
            players = {tree.name: stack.enter_context(start(tree)) for tree in _turned(trees, run)}
            if run < 0:
                continue
            for row in players["new"].start:
                ratios.add(row, {name: player.start[row] for name, player in players.items()})
            for number in range(rounds):
                for row, (operation, times) in OPERATIONS.items():
                    names = _turned(list(players), number)
                    ratios.add(row, {name: players[name].time(operation, times) for name in names})


def _calm(times: Sequence[float]) -> float:
    """Return the lower quartile: of a few times on a busy machine, it varies half as much as the median."""
    return quartiles(times)[0]


def _turned(pair: Sequence[Any], number: int) -> Sequence[Any]:
    return pair[::-1] if number % 2 else pair
