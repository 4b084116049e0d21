"""Ratios of this tree to the base: each from one round, so that a machine that slows down falls on both alike."""

from __future__ import annotations

import statistics
from collections import defaultdict
from typing import TYPE_CHECKING

from benchmarks.markdown import table
from benchmarks.timing import quartiles

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The limit of a row's median ratio.
LIMIT = 1.03


class Ratios:
    """Times in ms by row and round, of the trees `base` and `new`."""

    def __init__(self) -> None:
        self._pairs: dict[str, list[tuple[float, float]]] = defaultdict(list)

    def add(self, row: str, times: Mapping[str, float]) -> None:
        """Add one round of a row."""
        self._pairs[row].append((times["base"], times["new"]))

    def quartiles(self, row: str) -> tuple[float, float, float]:
        """Return a row's ratios new/base over its rounds: first quartile, median, third quartile."""
        return quartiles([new / base for base, new in self._pairs[row]])

    def exceeded(self) -> list[str]:
        """Return the rows whose median ratio exceeds the limit."""
        return [row for row in self._pairs if self.quartiles(row)[1] > LIMIT]

    def table(self) -> str:
        """Return a Markdown table with a line for each row."""
        head = f"|base, ms|new, ms|new : base|quartiles|rounds|limit {LIMIT}"
        exceeded = self.exceeded()
        return table(head, (self._line(row, "exceeded" if row in exceeded else "ok") for row in self._pairs))

    def _line(self, row: str, verdict: str) -> list[str]:
        pairs, (low, middle, high) = self._pairs[row], self.quartiles(row)
        medians = (f"{statistics.median(times):.3f}" for times in zip(*pairs, strict=True))
        return [row, *medians, f"{middle:.3f}", f"{low:.3f} - {high:.3f}", str(len(pairs)), verdict]
