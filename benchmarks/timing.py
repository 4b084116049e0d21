"""Measuring in turn: A B C, B C A, C A B, ... so that whatever else the machine does falls on all alike."""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


@dataclass
class Measured:
    """What the rounds of one contender took, in ms, and how many calls of Airflow's API each made."""

    ms: list[float] = field(default_factory=list)
    calls: list[int] = field(default_factory=list)


def in_turn(
    operations: Mapping[str, Callable[[], Any]],
    rounds: int,
    *,
    calls: Callable[[], int] = int,
    warm_up: int = 1,
    collect: bool = False,
) -> dict[str, Measured]:
    """Run all operations `rounds` times, in turn.

    Args:
        operations: What to run, by name. What one returns is freed outside its time.
        rounds: How often.
        calls: A counter that is read before and after each operation.
        warm_up: Rounds before those that count.
        collect: Whether to collect garbage before each operation, so that none pays for another's.
    """
    measured = {name: Measured() for name in operations}
    names = list(operations)
    for turn in range(-warm_up, rounds):
        for name in rotated(names, turn):
            if collect:
                gc.collect()
            before, start = calls(), time.perf_counter()
            result = operations[name]()
            ms = (time.perf_counter() - start) * 1000
            del result
            if turn >= 0:
                measured[name].ms.append(ms)
                measured[name].calls.append(calls() - before)
    return measured


def rotated(names: Sequence[str], turn: int) -> Iterator[str]:
    """Yield the names, each time beginning with another."""
    start = turn % len(names) if names else 0
    yield from (*names[start:], *names[:start])
