"""The rows that this package's own reader wants of a slice."""

from __future__ import annotations

import pytest

from exclusive_redis_xcom.airflow import slices
from exclusive_redis_xcom.api_server.requests.window import Window, window_of


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"start=0&stop=2048&step=1", Window(0, 2048, 1)),
        (b"start=7&stop=9&step=0", Window(7, 9, 0)),
        (b"start=0&stop=10240&step=1", Window(0, 10240, 1)),
        (b"start=0&stop=10241&step=1", None),
        (b"start=7&stop=8&step=1", None),
        (b"start=7&stop=7&step=1", None),
        (b"start=9&stop=7&step=1", None),
        (b"start=0&stop=9&step=2", None),
        (b"start=0&stop=9&step=-1", None),
        (b"start=-9&stop=9&step=1", None),
        (b"start=00&stop=9&step=1", None),
        (b"start=0&stop=9", None),
        (b"stop=9&start=0&step=1", None),
        (b"start=0&stop=9&step=1&include_prior_dates=true", None),
        (b"start=0&stop=9&step=1\n", None),
        ("start=0&stop=\uff19&step=1".encode(), None),
        (b"", None),
    ],
)
def test_only_the_readers_own_queries_name_rows(query: bytes, expected: Window | None) -> None:
    assert window_of(query) == expected


@pytest.mark.parametrize("rows", [slices.ROWS_AT_ONCE, slices.SHORT_AT_ONCE])
def test_what_the_reader_asks_for_at_once_is_not_too_many(rows: int) -> None:
    assert window_of(b"start=0&stop=%d&step=1" % rows) is not None


def test_the_request_for_the_first_row_is_the_same_but_for_its_query() -> None:
    scope = {"type": "http", "path": "/a", "query_string": b"start=7&stop=9&step=1"}

    assert Window(7, 9, 1).of_first_row(scope) == {**scope, "query_string": b"start=7&stop=8"}
    assert scope["query_string"] == b"start=7&stop=9&step=1"
