"""Measure in turn: A B C, B C A, C A B, ... So whatever else the machine does falls on all alike."""

from __future__ import annotations

import gc
import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.turns import Partner

_T = TypeVar("_T")


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
    partner: Partner | None = None,
) -> dict[str, Measured]:
    """Run all operations `rounds` times, in turn.

    Args:
        operations: What to run, by name. What one returns is freed outside its time.
        rounds: How often.
        calls: A counter that is read before and after each operation.
        warm_up: Rounds before those that count.
        collect: Whether to collect garbage before each operation, so that none pays for another's.
        partner: Another process that runs as many rounds, in turn with this one.
    """
    measured = {name: Measured() for name in operations}
    names = list(operations)
    for turn in range(-warm_up, rounds):
        if partner:
            partner.wait()
        times = {}
        for name in rotated(names, turn):
            if collect:
                gc.collect()
            before, start = calls(), time.perf_counter()
            result = operations[name]()
            times[name] = (time.perf_counter() - start) * 1000
            del result
            if turn >= 0:
                measured[name].ms.append(times[name])
                measured[name].calls.append(calls() - before)
        if partner:
            partner.pass_on(times)
    if partner:
        partner.end()
    return measured


def rotated(items: Sequence[_T], turn: int) -> list[_T]:
    """Return the items, in each turn beginning with another."""
    start = turn % len(items) if items else 0
    return [*items[start:], *items[:start]]


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the first quartile, the median and the third quartile."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high
