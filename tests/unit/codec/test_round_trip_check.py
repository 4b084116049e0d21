"""The check that a packed value comes back unchanged: the quick ways accept what a slow walk accepts, and no more."""

from __future__ import annotations

import enum
from collections import OrderedDict
from typing import Any

import numpy as np
import ormsgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exclusive_redis_xcom.codec import encode
from exclusive_redis_xcom.codec.nested import OPTIONS
from exclusive_redis_xcom.codec.round_trip import comes_back
from tests.unit.codec.support import LIMIT, round_trip, same

#: More items than the check looks at one by one, and more than it looks at in one go.
LENGTHS = [1, 255, 256, 1024, 1025, 2500]

scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=3)
held = scalars | st.binary(max_size=3) | st.builds(bytearray, st.binary(max_size=3)) | st.just(memoryview(b"m"))
values = st.recursive(
    held,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)


def slow(value: Any) -> bool:
    """Return whether no bytearray and no memoryview is in a value."""
    if type(value) in (bytearray, memoryview):
        return False
    return all(map(slow, value.values() if type(value) is dict else value if type(value) is list else ()))


@given(values, st.sampled_from(LENGTHS), st.sampled_from([0, 7, -1]), scalars, st.booleans())
def test_the_check_says_what_a_walk_over_every_item_says(
    value: Any, length: int, place: int, other: Any, in_rows: bool
) -> None:
    items = [{"a": other, "b": 1} if in_rows else other for _ in range(length)]
    items[place % length] = value

    assert comes_back(items, any_keys=False) is slow(value)
    assert comes_back({"rows": [items], "more": 1}, any_keys=False) is slow(value)


class Weekday(enum.IntEnum):
    MONDAY = 0


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize(
    "odd",
    [
        True,
        Weekday.MONDAY,
        Text("a"),
        np.float64(0.5),
        np.int64(1),
        OrderedDict(a=1),
        2**64,
        -(2**63) - 1,
        float("nan"),
        -0.0,
        "\ud800",
        {1: "a"},
        {"a": {2.5: b""}},
        b"\xc4",
        bytearray(b"a"),
        (1, bytearray(b"a")),
        [[[bytearray()]]],
    ],
    ids=repr,
)
def test_one_odd_item_among_many_comes_back_as_it_does_alone(odd: Any, length: int) -> None:
    plain: list[Any] = [{"id": i, "amount": 196 * i * 1.5, "active": i % 2 == 0, "note": None} for i in range(length)]
    plain[length // 2]["note"] = odd

    found = round_trip(plain)

    (alone,) = round_trip([odd])
    assert same(found.pop(length // 2)["note"], alone)
    assert same(found, [*plain[: length // 2], *plain[length // 2 + 1 :]])


def test_a_container_that_two_items_share_is_no_cycle() -> None:
    shared = {"a": [1.5] * 300}
    value = [shared, [shared]] * 1000

    assert same(round_trip(value), value)


def test_many_rows_are_what_ormsgpack_writes() -> None:
    rows = [{"id": i, "amount": i / 7} for i in range(20_000)]

    encoded = encode(rows, compression="off", max_bytes=LIMIT)

    assert encoded.codec == "msgpack"
    assert b"".join(encoded.payload) == ormsgpack.packb(rows, option=OPTIONS)
