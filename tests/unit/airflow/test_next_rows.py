"""The rows after an item are found, whatever rows have come or gone before it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from exclusive_redis_xcom.airflow import next_rows
from exclusive_redis_xcom.airflow.next_rows import RowSource
from exclusive_redis_xcom.formats.reference import MARK, map_index_of

INDEXES = st.lists(st.integers(0, 3000), unique=True, max_size=600).map(sorted)


def row(index: int) -> Any:
    return {MARK: {"about": "", "reference": {"v": 3, "to": f"dag/run/task/key/{index} "}}}


class Database:
    """Rows by their numbers, and how often somebody asked for some."""

    def __init__(self, rows: Sequence[Any]) -> None:
        self.held = rows
        self.asked = 0
        self.source = RowSource(self._rows, self.held.__getitem__, self.held.__getitem__)

    def _rows(self, start: int, stop: int) -> Sequence[Any]:
        self.asked += 1
        return self.held[start:stop]


@given(INDEXES, st.integers(0, 3000), st.integers(0, 700), st.integers(1, 256))
@example(list(range(5, 10)), 7, 8, 1)  # the loop has read 0 to 7, and then the first five rows have gone
@example([*range(401), *range(600, 700)], 500, 501, 32)
@example(list(range(600)), 300, 1, 1)  # rows have come before the item
@example([], 7, 8, 32)
def test_they_are_found_with_few_questions(indexes: list[int], last: int, number: int, size: int) -> None:
    database = Database([row(index) for index in indexes])

    found = next_rows.after(database.source, last, number, size)

    follow = [index for index in indexes if index > last]
    assert [map_index_of(one) for one in found.rows] == follow[: len(found.rows)]
    assert found.number == len(indexes) - len(follow)
    assert len(found.rows) == len(follow) or not found.are_last
    assert found.rows or found.are_last
    assert database.asked <= 3 + 2 * math.log2(2 + abs(found.number - number))


def test_it_mostly_takes_one_question() -> None:
    database = Database([row(index) for index in range(100)])

    found = next_rows.after(database.source, 49, 50, 32)

    assert (found.number, len(found.rows), found.are_last, database.asked) == (50, 32, False, 1)


def test_without_a_map_index_the_number_counts() -> None:
    database = Database(["a", "b", "c"])

    assert next_rows.after(database.source, None, 1, 5) == (["b", "c"], 1, True)


def test_rows_that_do_not_tell_their_map_index_are_counted() -> None:
    database = Database([row(0), "by hand", row(2)])

    assert next_rows.after(database.source, 0, 1, 5) == (["by hand", row(2)], 1, True)
    assert next_rows.after(database.source, 1, 2, 5) == ([row(2)], 2, True)


def test_where_rows_never_stay_the_search_ends() -> None:
    """All rows are after the item, then all are before it, and so on."""
    database = Database([])
    far = 10_000

    def rows(start: int, stop: int) -> Sequence[Any]:
        database.asked += 1
        return [row(number + 2 * far * (database.asked % 2)) for number in range(stop - start)]

    found = next_rows.after(database.source._replace(rows=rows), far, 1000, 8)

    assert database.asked == 31
    assert [map_index_of(one) for one in found.rows] == [2 * far + number for number in range(8)]
