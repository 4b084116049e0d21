"""Rows of tables, dicts with keys of all kinds, large bytes: the quick ways are as exact as the slow one."""

from __future__ import annotations

import enum
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import numpy as np
import ormsgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exclusive_redis_xcom.codec import encode
from exclusive_redis_xcom.codec.slabs import SMALLEST
from exclusive_redis_xcom.errors import CorruptValue, XComNotSerializable
from tests.unit.codec.samples import SlyText
from tests.unit.codec.support import LIMIT, raw, round_trip, same

BIG = b"\xc4" * SMALLEST
scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary()
rows = st.integers(1, 4).flatmap(lambda width: st.lists(st.tuples(*[scalars] * width), min_size=4, max_size=9))
keys = scalars | st.tuples(scalars, st.tuples(scalars)) | st.dates() | st.uuids() | st.integers()
tables = st.recursive(
    rows | st.dictionaries(keys, scalars, max_size=4) | st.just(BIG) | scalars.map(lambda item: (item,)),
    lambda children: st.lists(children, max_size=5) | st.dictionaries(keys, children, max_size=4),
    max_leaves=8,
)


def codec_of(value: object) -> str:
    return encode(value, compression="off", max_bytes=LIMIT).codec


@settings(max_examples=300, deadline=None)
@given(tables)
def test_tables_in_containers_with_any_keys_come_back(value):
    assert same(round_trip(value), value)


ROW = (1, "a", None, (2, [3]), datetime(2024, 1, 1))


@pytest.mark.parametrize(
    "value",
    [
        [ROW] * 4,
        [ROW, ROW, ROW, ROW[:2]],
        [()] * 10,
        [(1,), (2,), (3,), [4]],
        {"rows": [ROW] * 5, "more": {"rows": [[ROW] * 5]}},
        ([ROW] * 5, {1: [ROW] * 5}),
        [[(i, j) for i in range(5)] for j in range(5)],
        [([(1, 2)] * 4,)] * 4,
        [(bytearray(b"x"),)] * 4,
        [("\ud800",)] * 4,
        [(2**64,)] * 4,
    ],
    ids=range(11),
)
def test_rows_come_back(value):
    assert same(round_trip(value), value)


def test_rows_are_one_item_and_not_one_per_tuple():
    encoded = encode([(1, "a")] * 1000, compression="off", max_bytes=LIMIT)

    assert encoded.decoded_size < 1000 * 3 + 20


@pytest.mark.parametrize("key", [0, -(2**63), 2**64 - 1, True, None, 1.5, -0.0, b"k", (), (1, ("a", (None,))), "k"])
def test_keys_that_msgpack_knows_stay_in_the_fast_form(key):
    value = [{key: {key: 1}}, {"s": [({key: 2},)]}]

    assert codec_of(value) == "msgpack"
    assert same(round_trip(value), value)


class Weekday(enum.IntEnum):
    MONDAY = 0


@pytest.mark.parametrize(
    "key",
    [
        2**64,
        date(2024, 1, 1),
        datetime(2024, 1, 1),
        timedelta(1),
        timezone.utc,
        UUID(int=1),
        Decimal(1),
        frozenset({1}),
        "\ud800",
        (1, "\ud800"),
        (date(2024, 1, 1),),
        ((2**64,),),
        (frozenset(),),
    ],
    ids=repr,
)
def test_other_keys_are_not_turned_into_text(key):
    value = {"a": [{key: 1, 2: 3}]}

    assert codec_of(value) == "flat"
    assert same(round_trip(value), value)


@pytest.mark.parametrize("key", [SlyText("kept"), Weekday.MONDAY, np.int64(0), (SlyText("kept"),)])
def test_keys_of_subclasses_come_back_as_they_do_as_values(key):
    (found,) = round_trip({key: 1, 2: 3}).keys() - {2}
    (alone,) = round_trip([key])

    assert same(found, alone)


def test_a_bytearray_below_int_keys_does_not_become_bytes():
    assert same(round_trip({1: [bytearray(b"x")]}), {1: [bytearray(b"x")]})


@pytest.mark.parametrize(
    "wrap",
    [lambda b: [b], lambda b: {"a": b}, lambda b: {1: (b,)}, lambda b: {"a": {"b": [b, b]}}, lambda b: {date.min: b}],
    ids=range(5),
)
def test_large_bytes_in_containers_are_slabs_and_not_copied(wrap):
    value = wrap(BIG)
    encoded = encode(value, compression="off", max_bytes=LIMIT)

    assert encoded.codec == "slabs"
    assert any(piece is BIG for piece in encoded.payload)
    assert same(round_trip(value), value)


@pytest.mark.parametrize("value", [bytearray(BIG), [bytearray(BIG)], {"a": (bytearray(BIG),)}], ids=range(3))
def test_a_large_bytearray_is_a_slab(value):
    assert codec_of(value) == "slabs"
    assert same(round_trip(value), value)


def test_large_bytes_far_down_or_among_very_many_items_come_back_too():
    deep = {"a": [{"b": [{"c": [BIG]}]}]}
    wide = [*range(10_000), BIG, [BIG]]

    assert same(round_trip(deep), deep)
    assert same(round_trip(wide), wide)


def test_the_value_pushed_is_not_changed():
    rows = [(1, 2)] * 5
    value = {"rows": rows, "bytes": [BIG]}

    encode(value, max_bytes=LIMIT)

    assert value["rows"] is rows
    assert value["bytes"][0] is BIG


def test_what_contains_itself_is_still_found_out() -> None:
    value: dict[object, object] = {"rows": [(1,)] * 5, 1: BIG}
    value[2] = [value, value]

    with pytest.raises(XComNotSerializable, match="contains itself"):
        encode(value, max_bytes=LIMIT)


@pytest.mark.parametrize(
    "children", [[], [0], [0, 1], [-1, 1], [2, 1], [3, 1, 2, 3, 4], [2**62, 1], [1.0, 1], ["1", 1], [True, 1], [[], 1]]
)
@pytest.mark.parametrize("codec", ["msgpack", "flat"])
def test_forged_rows_are_refused(children, codec):
    with pytest.raises(CorruptValue):
        raw(ormsgpack.packb(ormsgpack.Ext(19, ormsgpack.packb(children))), codec)
