"""Dict keys come back as they are where they are carried, and else as the text that Airflow makes of all keys."""

from __future__ import annotations

import enum
import ipaddress
from collections import Counter, OrderedDict, defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path, PurePosixPath, PureWindowsPath

import ormsgpack
import pytest

from exclusive_redis_xcom.codec import XComNotImportable, encode
from exclusive_redis_xcom.errors import CorruptValue, XComNotSerializable
from tests.unit.codec.conftest import SERDE
from tests.unit.codec.samples import Color, Keyed, OnlySerialize, Pair, Point, Sealed
from tests.unit.codec.support import LIMIT, raw, round_trip, same

EXACT = [
    Path("/data/a b.csv"),
    Path("\udcff"),
    Path(),
    PurePosixPath("x/../y"),
    PureWindowsPath("C:/x"),
    ipaddress.ip_address("10.0.0.1"),
    ipaddress.ip_address("fe80::1%eth0"),
    ipaddress.ip_network("10.0.0.0/8"),
    ipaddress.ip_network("2001:db8::/32"),
    ipaddress.ip_interface("10.0.0.1/8"),
    ipaddress.ip_interface("::1/64"),
    int,
    ValueError,
    Decimal("1.10"),
    date(2024, 1, 1),
    (Path("a"), 1),
]


@pytest.mark.parametrize("make", [dict, OrderedDict, lambda items: defaultdict(list, items)], ids=["dict", "od", "dd"])
@pytest.mark.parametrize("key", EXACT, ids=repr)
def test_a_key_comes_back(key, make):
    value = {"a": [make({key: 1, "b": {key: 2}})]}

    assert same(round_trip(value), value)


@pytest.mark.parametrize("value", [item for item in EXACT if not isinstance(item, type)], ids=repr)
def test_a_path_or_address_comes_back_as_a_value(value):
    assert same(round_trip([value, {value}, {"a": (value,)}]), [value, {value}, {"a": (value,)}])


def test_a_counter_of_classes_comes_back():
    assert same(round_trip(Counter([int, int, str])), Counter([int, int, str]))


@pytest.mark.usefixtures("allowed")
def test_keys_of_allowed_classes_come_back():
    value = {Point: 1, Color.RED: 2, Sealed("a"): 3, Pair(1, 2): 4, (Sealed("b"),): 5}

    assert same(round_trip(value), value)


class Plain(enum.Enum):
    A = 1


@dataclass(frozen=True)
class Local:
    x: int


Local.__qualname__ = "somewhere.<locals>.Local"

AS_TEXT = [Point, Color.RED, Plain.A, Sealed("a"), Local(1), (1, Local(1)), 1j, type(None), range(3), ..., (1, 1j), len]


@pytest.mark.parametrize("key", AS_TEXT, ids=repr)
def test_other_keys_come_back_as_the_text_that_airflow_makes(key):
    value = {key: {"k": 1}, "z": 2, 3: 4}

    assert SERDE is not None
    (text, _, _) = SERDE.serialize(value)
    assert same(round_trip([value]), [{text: {"k": 1}, "z": 2, 3: 4}])


def test_two_keys_of_one_text_are_refused():
    with pytest.raises(XComNotSerializable):
        encode({1j: 1, "1j": 2}, max_bytes=LIMIT)


def forged(code: int, data: bytes) -> object:
    return raw(ormsgpack.packb(ormsgpack.Ext(code, data)))


@pytest.mark.parametrize(
    ("code", "data"),
    [
        (26, b"Path x"),
        (26, b"UnsupportedOperation x"),
        (26, b""),
        (27, b"ip_address 10.0.0.1"),
        (27, b"IPv4Address x"),
        (27, b"IPv4Network 10.0.0.0/" + b"9" * 100_000),
        (28, b"eval"),
        (28, b"__import__"),
        (28, b"no_such"),
        (28, b"\xff"),
    ],
)
def test_forged_keys_are_refused(code, data):
    with pytest.raises(CorruptValue):
        forged(code, data)


def test_a_forged_key_imports_no_class_that_is_not_allowed():
    with pytest.raises(XComNotImportable):
        forged(28, b"antigravity.Flying")


def test_a_path_of_another_system_comes_back_pure():
    assert forged(26, rb"WindowsPath C:\x") == PureWindowsPath("C:/x")


CONTENTS = [
    {1: "a"},
    {"n": {None: 1, True: {2.5: 3}}},
    {"l": [{1: (2, {3: 4})}], "t": ({5: 6},)},
    {date(2024, 1, 1): {Decimal(1): 2}},
    {(1, 2): {Path("x"): 1}},
    {"plain": [1, 2, (3,)]},
]


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize("content", CONTENTS, ids=repr)
def test_deserialize_gets_what_airflows_serde_would_give_it(content):
    assert SERDE is not None
    expected = SERDE.deserialize(SERDE.serialize(Keyed(content))).content

    assert same(round_trip([Keyed(content)])[0].content, expected)


@pytest.mark.usefixtures("allowed")
def test_a_dataclass_with_serialize_alone_is_made_as_airflow_makes_it():
    assert round_trip(OnlySerialize(3)) == OnlySerialize(3)


@pytest.mark.usefixtures("allowed")
def test_int_keys_of_the_last_revision_are_read():
    tree = ormsgpack.packb(["tests.unit.codec.samples.Keyed", 0, {1: "a"}], option=ormsgpack.OPT_NON_STR_KEYS)

    assert forged(45, tree).content == {1: "a"}
