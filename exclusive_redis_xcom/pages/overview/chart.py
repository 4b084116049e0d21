"""A small bar chart: refusals and would-be refusals of each day. All numbers are in pixels."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exclusive_redis_xcom.formats.observed import Day

DAYS = 14
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_STEP, _BAR, _TALLEST, _TOP, _LEFT = 42, 26, 110, 22, 6
_LEAST = 2


@dataclass(frozen=True, slots=True)
class Bar:
    """One day.

    Attributes:
        date: The day, as `2026-11-30`.
        label: The day below the bar, as `11-30`.
        refused: Refused pulls.
        would_refuse: Pulls that only would have been refused.
        x: The left edge.
        middle: The middle, for labels.
        refused_top: The upper edge of the part for refusals.
        refused_height: Its height.
        would_top: The upper edge of the part for would-be refusals, which stands on the other.
        would_height: Its height.
    """

    date: str
    label: str
    refused: int
    would_refuse: int
    x: int
    middle: int
    refused_top: int
    refused_height: int
    would_top: int
    would_height: int

    @property
    def total(self) -> int:
        """Both together."""
        return self.refused + self.would_refuse

    @property
    def number(self) -> str:
        """Both together, short enough to stand above the bar."""
        for size, unit in ((1_000_000_000, "G"), (1_000_000, "M"), (10_000, "k")):
            if self.total >= size:
                return f"{self.total // (1_000 if unit == 'k' else size)}{unit}"
        return str(self.total)


@dataclass(frozen=True, slots=True)
class Chart:
    """The bars, the oldest day first."""

    bars: tuple[Bar, ...]
    width: int = 2 * _LEFT + DAYS * _STEP
    height: int = _TOP + _TALLEST + 24
    base: int = _TOP + _TALLEST

    @property
    def refused(self) -> int:
        """All refused pulls."""
        return sum(bar.refused for bar in self.bars)

    @property
    def would_refuse(self) -> int:
        """All pulls that only would have been refused."""
        return sum(bar.would_refuse for bar in self.bars)


def today() -> int:
    """Return the number of today since 1970, in UTC."""
    return (datetime.now(timezone.utc) - _EPOCH).days


def chart(days: Iterable[Day], last: int) -> Chart:
    """Sum days up and draw them.

    Args:
        days: Days of any DAGs. Those that are not shown are left out.
        last: The last day that is shown.
    """
    refused, would = dict[int, int](), dict[int, int]()
    for each in days:
        refused[each.day] = refused.get(each.day, 0) + each.refused
        would[each.day] = would.get(each.day, 0) + each.would_refuse
    shown = range(last - DAYS + 1, last + 1)
    tallest = max((refused.get(day, 0) + would.get(day, 0) for day in shown), default=0)
    return Chart(
        tuple(_bar(place, day, refused.get(day, 0), would.get(day, 0), tallest) for place, day in enumerate(shown))
    )


def _bar(place: int, day: int, refused: int, would_refuse: int, tallest: int) -> Bar:
    date = _EPOCH + timedelta(days=day)
    x = _LEFT + place * _STEP + (_STEP - _BAR) // 2
    first, second = _height(refused, tallest), _height(would_refuse, tallest)
    base = _TOP + _TALLEST
    return Bar(
        date=f"{date:%Y-%m-%d}",
        label=f"{date:%m-%d}",
        refused=refused,
        would_refuse=would_refuse,
        x=x,
        middle=x + _BAR // 2,
        refused_top=base - first,
        refused_height=first,
        would_top=base - first - second,
        would_height=second,
    )


def _height(number: int, tallest: int) -> int:
    """Return a height in proportion. What is not nothing can be seen."""
    return max(number * (_TALLEST - _LEAST) // tallest, _LEAST) if number else 0
