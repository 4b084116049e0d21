"""Times of this tree and of the base: a ratio for each round, so that a machine that slows down falls on both alike."""

from __future__ import annotations

import statistics
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from benchmarks.base.trees import BASE, NEW
from benchmarks.figures import compared

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The limit of a row's median ratio.
LIMIT = 1.03


class Ratios:
    """Times in ms by row and round, of this tree and, if it is measured, of the base."""

    def __init__(self) -> None:
        self._times: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))

    def add(self, row: str, times: Mapping[str, float]) -> None:
        """Add one round of a row: tree -> ms."""
        for tree, ms in times.items():
            self._times[row][tree].append(ms)

    def section(self) -> dict[str, Any]:
        """Return the rows: each with the median of this tree's times, and `before` as `figures.compared` returns it."""
        return {"rows": [self._row(row, times) for row, times in self._times.items()]}

    def _row(self, row: str, times: Mapping[str, list[float]]) -> dict[str, Any]:
        before = compared(times[NEW], times[BASE]) if BASE in times else None
        return {"row": row, "ms": statistics.median(times[NEW]), "rounds": len(times[NEW]), "before": before}
