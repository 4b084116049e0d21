"""Built-in and standard library values come back equal in value and type."""

from __future__ import annotations

import sys
from collections import Counter, OrderedDict, defaultdict, deque
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pendulum
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exclusive_redis_xcom.codec import encode
from exclusive_redis_xcom.memory import joined
from tests.unit.codec.samples import SlyText
from tests.unit.codec.support import LIMIT, read, round_trip, same

PARIS = ZoneInfo("Europe/Paris")
zones = st.sampled_from(
    [None, timezone.utc, timezone(timedelta(hours=5, minutes=45)), timezone(timedelta(seconds=-1), "odd"), PARIS]
)
text = st.text(st.characters())  # lone surrogates too
hashables = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.integers(-(2**200), 2**200),
        st.floats(),
        text,
        st.binary(),
        st.decimals().filter(lambda number: not number.is_snan()),  # sNaN has no hash
        st.uuids(),
        st.datetimes(timezones=zones),
        st.dates(),
        st.times(timezones=st.sampled_from([None, timezone.utc, PARIS])),
        st.timedeltas(),
    ),
    lambda children: st.one_of(
        st.lists(children, max_size=4).map(tuple), st.frozensets(st.integers() | text, max_size=4)
    ),
    max_leaves=5,
)
values = st.recursive(
    hashables | st.binary().map(bytearray),
    lambda children: st.one_of(
        st.lists(children, max_size=5),
        st.lists(children, max_size=5).map(tuple),
        st.dictionaries(text, children, max_size=5),
        st.dictionaries(hashables, children, max_size=5),
        st.dictionaries(st.integers() | st.tuples(st.integers()), children, max_size=5).map(OrderedDict),
        st.sets(st.integers() | text | st.binary(), max_size=5),
        st.lists(children, max_size=3).map(deque),
    ),
    max_leaves=25,
)


@settings(max_examples=400, deadline=None)
@given(values)
def test_any_value_comes_back_equal_in_value_and_type(value):
    assert same(round_trip(value), value)


@settings(max_examples=100, deadline=None)
@given(values, st.sampled_from(["auto", "zstd", "off"]))
def test_any_value_comes_back_from_any_compression_and_from_a_memoryview(value, compression):
    encoded = encode(value, compression=compression, max_bytes=LIMIT)

    assert same(read(encoded, payload=memoryview(joined(encoded.payload))), value)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        "",
        "text",
        "\ud800 alone",
        b"",
        b"\x00bytes",
        bytearray(b"array"),
        -(2**63),
        2**64 - 1,
        2**64,
        -(2**63) - 1,
        10**400,
        -0.0,
        float("nan"),
        float("-inf"),
        (),
        (1, (2, [3, (4,)])),
        {7: {2: (3,)}, True: 0, None: 1, 2.5: 2, (1, 2): 3, b"k": 4},
        {2**70: 1, "\udfff": 2},
        {1, "a", None, (2,)},
        frozenset({frozenset({1}), 2}),
        Decimal("NaN"),
        Decimal("-sNaN12"),
        Decimal("-Infinity"),
        Decimal("1E+400"),
        Decimal("0.10"),
        Decimal("-0E-10"),
        UUID(int=7),
        OrderedDict([("b", 1), ("a", 2)]),
        Counter("aab"),
        deque([1, (2,)], 5),
        date(1, 1, 1),
        time(23, 59, 59, 999999, tzinfo=timezone.utc, fold=1),
        timedelta(-1, 1, 1),
        timedelta.max,
        datetime.max,
        datetime(2024, 10, 27, 2, 30, tzinfo=PARIS, fold=1),
        datetime(2024, 3, 31, 2, 30, tzinfo=PARIS),  # does not exist
        datetime(2024, 1, 1, tzinfo=timezone(timedelta(hours=1), "X")),
        timezone.utc,
        PARIS,
        [bytearray(b"x")],
        {"a": [{"b": bytearray(b"x")}], "c": b"\xc4"},
    ],
    ids=lambda value: "a set" if isinstance(value, set) else repr(value)[:40],  # whose order differs
)
def test_a_value_comes_back_alone_and_nested(value):
    assert same(round_trip(value), value)
    nested = {"list": [value], "tuple": (value, {"deep": [(value,)]})}
    assert same(round_trip(nested), nested)


@pytest.mark.parametrize(
    "value",
    [
        {"__classname__": "builtins.tuple", "__version__": 1, "__data__": [1]},
        {"__type": "dict", "__var": {"a": 1}},
        {"__id__": "x", "__cache__": 1},
        {"__classname__": 1},
    ],
)
def test_a_dict_with_the_reserved_keys_of_airflows_serde_stays_as_it_was(value):
    assert same(round_trip([value]), [value])


def test_a_defaultdict_keeps_a_builtin_factory():
    value = defaultdict(list, {"a": [1]})

    found = round_trip([value])[0]

    assert same(found, value)
    assert found.default_factory is list


def test_a_defaultdict_with_a_factory_of_its_own_comes_back_as_a_dict():
    assert same(round_trip(defaultdict(lambda: 1, {"a": 2})), {"a": 2})


@pytest.mark.parametrize(
    "value",
    [
        pendulum.datetime(2024, 10, 27, 2, 30, tz="Europe/Paris"),
        pendulum.datetime(2024, 1, 1),
        pendulum.naive(2024, 1, 1, 3, 4, 5, 6),
        pendulum.datetime(2024, 1, 1, tz=pendulum.FixedTimezone(3600)),
        pendulum.date(2024, 1, 1),
        pendulum.time(1, 2, 3, 4),
        pendulum.timezone("Asia/Tokyo"),
    ],
    ids=str,
)
def test_pendulums_types_come_back(value):
    assert same(round_trip({"at": value}), {"at": value})


def test_pendulums_fixed_offset_comes_back():
    found = round_trip(pendulum.FixedTimezone(-3600, "name"))

    assert type(found) is pendulum.FixedTimezone
    assert (found.offset, found.name) == (-3600, "name")


def test_subclasses_of_builtin_types_come_back_as_the_builtin_as_airflow_has_it():
    class Words(list):
        pass

    class Table(dict):
        pass

    class Number(int):
        pass

    value = [SlyText("kept"), Words(["x"]), Table(a=1), Number(5), {SlyText("key"): 1}]

    assert same(round_trip(value), ["kept", ["x"], {"a": 1}, 5, {"key": 1}])


@pytest.mark.parametrize("levels", [8, 9, 254, 255, 256, 500, 900])
@pytest.mark.parametrize("wrap", [lambda v: [v], lambda v: {"a": v}, lambda v: (v,), lambda v: {1: v}])
def test_deep_nesting_is_carried(levels, wrap):
    value = 1
    for _ in range(levels):
        value = wrap(value)

    found = round_trip(value)

    for _ in range(levels):
        assert type(found) is type(value)
        (found,) = found.values() if isinstance(found, dict) else found
        (value,) = value.values() if isinstance(value, dict) else value
    assert found == 1


def test_shared_parts_are_carried():
    shared = [1]

    assert same(round_trip([shared, {1: shared}, (shared,)]), [[1], {1: [1]}, ([1],)])


def test_text_and_bytes_at_the_top_are_stored_bare():
    assert encode("ä", max_bytes=9).payload == ("ä".encode(),)
    content = b"content"
    assert encode(content, max_bytes=9).payload[0] is content


@pytest.mark.parametrize("character", ["a", "\x00", "\x7f", "\x80", "ä", "\u20ac", "\U0001f600"])
def test_a_large_text_comes_back(character):
    text = "0123456789" * 110_000 + character

    for value in (text, [text], {text: text}):
        assert round_trip(value) == value
        assert round_trip(value, "zstd") == value


def test_a_large_ascii_text_is_sent_from_its_own_memory():
    text = "0123456789" * 110_000
    before = sys.getrefcount(text)

    (payload,) = encode(text, compression="off", max_bytes=LIMIT).payload

    assert payload.readonly
    assert sys.getrefcount(text) == before + 1  # the payload keeps it
    assert payload == text.encode()
    del payload
    assert sys.getrefcount(text) == before


def test_a_large_text_with_a_lone_surrogate_comes_back():
    text = "0123456789" * 110_000 + "\ud800"

    assert round_trip(text) == text
