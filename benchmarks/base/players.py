"""Processes that play tasks, one for each tree, and the rounds in which they take turns."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.base.program import Program, running
from benchmarks.base.ratios import Ratios
from benchmarks.base.trees import NEW
from benchmarks.timing import quartiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from benchmarks.base.trees import Tree

#: Processes of each tree, if there are two trees; and of the one, where it is alone.
RUNS = {False: 12, True: 2}
ALONE = {False: 3, True: 1}
#: Rounds of each process.
ROUNDS = 20

DICTS = "push of 20,000 small dicts, before Airflow's call"
#: Row -> the player's operation, and how often it runs in one round.
OPERATIONS = {
    "push of 100 B, before Airflow's call": ("push", 12),
    "direct pull of 100 B": ("direct pull", 16),
    "direct pull of 100 mapped results": ("direct pull, mapped", 6),
    "pull of 100 B by its row": ("pull by row", 16),
    DICTS: ("push of dicts", 3),
}


class Player:
    """A process that plays tasks with one tree's package. `start` has the times of its start, in ms."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self.start = {row: calm(times) for row, times in program.start.items()}

    def time(self, operation: str, times: int) -> float:
        """Run an operation so often; return what it takes, in ms."""
        return calm(self._program.ask(operation, times))


@contextlib.contextmanager
def playing(tree: Tree, url: str, home: Path) -> Iterator[Player]:
    """Play tasks with a tree's package against a Redis of its own, until the block ends."""
    with running("player.py", tree, home, url) as program:
        yield Player(program)


def measure(trees: Sequence[Tree], redis_url: str, *, quick: bool) -> dict[str, Any]:
    """Let the trees play against one Redis; return the section `own`: what our part of an operation takes."""
    ratios = Ratios()
    with tempfile.TemporaryDirectory(prefix="bench-own-") as home:
        # Not database 0: a connection to any other one begins with a SELECT, and all trees must pay for it.
        urls = {tree.name: f"{redis_url.rpartition('/')[0]}/{number}" for number, tree in enumerate(trees, start=1)}

        def start(tree: Tree) -> AbstractContextManager[Player]:
            return playing(tree, urls[tree.name], Path(home))

        play(ratios, trees, start, runs=(RUNS if len(trees) > 1 else ALONE)[quick], rounds=ROUNDS)
    return ratios.section()


def play(
    ratios: Ratios,
    trees: Sequence[Tree],
    start: Callable[[Tree], AbstractContextManager[Player]],
    *,
    runs: int,
    rounds: int,
) -> None:
    """Let the trees play in turn: so many processes of each, each for so many rounds.

    A process differs from the next of the same tree by what its memory looks like; so there are many.
    The first ones only warm up: they compile bytecode and fill the system's caches.
    """
    for run in range(-1, runs):
        with contextlib.ExitStack() as stack:
            players = {tree.name: stack.enter_context(start(tree)) for tree in _turned(trees, run)}
            if run < 0:
                continue
            for row in players[NEW].start:
                ratios.add(row, {name: player.start[row] for name, player in players.items()})
            for number in range(rounds):
                for row, (operation, times) in OPERATIONS.items():
                    names = _turned(list(players), number)
                    ratios.add(row, {name: players[name].time(operation, times) for name in names})


def calm(times: Sequence[float]) -> float:
    """Return the lower quartile: of a few times on a busy machine, it varies half as much as the median."""
    return quartiles(times)[0]


def _turned(pair: Sequence[Any], number: int) -> Sequence[Any]:
    return pair[::-1] if number % 2 else pair
