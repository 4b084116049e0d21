"""Find the rows that follow an item of a mapped task's results. Airflow gives rows by their numbers alone.

Rows may come and go before the item, and then the same number means another row. The references in rows tell their
map_indexes, which never change. So the place after the item is searched for, and mostly it is where it was.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from exclusive_redis_xcom.formats import reference as references

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Airflow is asked so often in one search. More is needed only where rows come and go faster than answers do.
_MOST_ANSWERS: Final = 30


class RowSource(NamedTuple):
    """How to ask Airflow for rows of a sequence.

    Attributes:
        rows: Returns the rows from one number up to another, without claiming any.
        row: Returns the row of a number.
        row_at: Returns the row of a map_index; None if there is none.

    Raises:
        IndexError: `row` finds no such row.
    """

    rows: Callable[[int, int], Sequence[Any]]
    row: Callable[[int], Any]
    row_at: Callable[[int], Any]


class Found(NamedTuple):
    """The rows that follow, the number of the first, and whether it is known that no row follows these."""

    rows: Sequence[Any]
    number: int
    are_last: bool


def after(source: RowSource, map_index: int | None, number: int, size: int) -> Found:
    """Return rows that follow an item.

    Args:
        source: How to ask Airflow.
        map_index: The map_index of the item; None if it is not known. Then only the number counts.
        number: The number that the next row had before rows came or went.
        size: How many rows are wanted at most.
    """
    if map_index is None:
        rows = source.rows(number, number + size)
        return Found(rows, number, len(rows) < size)
    # The number looked for is in between. As long as one of the two is not known, steps get longer and longer.
    low, high, step = 0, None, size
    for _ in range(_MOST_ANSWERS):
        start, stop = max(0, number - 1), number + size
        rows = source.rows(start, stop)
        new = _new(rows, map_index, may_lack=start > 0)
        if new is None:
            low, high = (low if low <= start else 0), start
            number = (low + high) // 2 if low else max(0, number - step)
        elif new == len(rows) == stop - start:  # all of them come before the next item
            low = stop
            number = stop + step - size if high is None else max(stop, (stop + high) // 2)
        else:
            return Found(rows[new:], start + new, len(rows) < stop - start)
        step *= 2
    rows = source.rows(number, number + size)
    new = _new(rows, map_index, may_lack=False) or 0
    return Found(rows[new:], number + new, len(rows) < size)


def _new(rows: Sequence[Any], map_index: int, *, may_lack: bool) -> int | None:
    """Return the position of the first row after a map_index; None if rows before these may be after it, too.

    Args:
        rows: Rows from a number on. The first should be the last item.
        map_index: The map_index of the last item.
        may_lack: Whether there are rows before them.
    """
    if rows and references.map_index_of(rows[0]) == map_index:
        return 1
    indexes = references.map_indexes_of(rows)
    known = [index for index in indexes if index is not None]
    if len(known) < len(rows) or known != sorted(set(known)):
        return min(1, len(rows))  # somebody has written or edited rows: numbers are all there is
    if may_lack and (not known or known[0] > map_index):
        return None
    return bisect_right(known, map_index)
