"""Marks of both generations."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exclusive_redis_xcom.formats import mark
from exclusive_redis_xcom.formats.mark import Mark

VERSION = "0123456789abcdef" * 2
PUSHED, COMMITTED = 1_796_000_000_123, 1_796_000_000_456


def packed(size: int = 59, *, pushed: int = PUSHED, committed: int = COMMITTED, described: bool = False) -> bytes:
    start = mark.start(VERSION, size, described=described, generation=3)
    return start + pushed.to_bytes(6, "big") + committed.to_bytes(6, "big")


def text(size: int = 59, *, described: bool = False) -> bytes:
    start = mark.start(VERSION, size, described=described, generation=2)
    return b"%b %d %d" % (start, PUSHED, COMMITTED)


@pytest.mark.parametrize("described", [True, False])
def test_a_completed_mark_is_read(described: bool) -> None:
    expected = Mark(VERSION, 59, PUSHED, described, has_rule=False)

    assert mark.completed(packed(described=described)) == expected
    assert mark.completed(text(described=described)) == expected._replace(has_rule=True)


def test_the_script_says_that_the_rule_has_a_field() -> None:
    data = packed()
    flagged = mark.completed(data[:1] + b"\1" + data[2:])

    assert flagged == Mark(VERSION, 59, PUSHED, described=False, has_rule=True)


@pytest.mark.parametrize(
    "data", [packed()[:-6], packed()[:-1], packed() + b"\0", text().rpartition(b" ")[0], b"", None]
)
def test_one_that_is_not_completed_or_cut_is_none(data: bytes | None) -> None:
    assert mark.completed(data) is None


@pytest.mark.parametrize(
    "data", [packed(pushed=PUSHED, committed=PUSHED - 1), packed(pushed=2**48 - 2, committed=2**48 - 1)]
)
def test_times_in_a_wrong_order_or_beyond_all_dates_are_none(data: bytes) -> None:
    assert mark.completed(data) is None


@given(st.binary(max_size=60))
@example(b"\3" * 34)
@example(b"\4" + packed()[1:])
def test_anything_else_is_a_mark_or_none(data: bytes) -> None:
    found = mark.completed(data)

    assert found is None or (found.size >= 0 and found.pushed_ms >= 0)


@given(
    st.lists(
        st.sampled_from([packed(), packed(7, described=True), text(), packed()[:-1], b""]) | st.binary(), max_size=5
    )
)
@example([packed(), packed(7, described=True)])
@example([packed(), text()])
@example([packed(), b"\4" + packed()[1:]])
@example([packed(), packed(pushed=PUSHED, committed=PUSHED - 1)])
def test_several_are_read_as_each_of_them(data: list[bytes]) -> None:
    found = [mark.completed(each) for each in data]

    assert mark.completed_all(data) == (None if None in found else found)
