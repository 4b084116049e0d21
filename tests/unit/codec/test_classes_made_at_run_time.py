"""A class is kept only where its name leads to it. Everywhere else its objects are tuples, values or dicts."""

from __future__ import annotations

import dataclasses
import enum
import logging
from collections import namedtuple
from typing import Any

import attr
import ormsgpack
import pandas as pd
import pydantic
import pytest

from exclusive_redis_xcom.codec import XComNotImportable, allowlist, encode
from exclusive_redis_xcom.codec.allowlist import load_class
from exclusive_redis_xcom.errors import XComNotRebuilt, XComNotSerializable
from tests.unit.codec import samples
from tests.unit.codec.conftest import SERDE
from tests.unit.codec.samples import (
    Address,
    Bits,
    Color,
    Crate,
    Level,
    Numbers,
    OwnProtocol,
    Pair,
    Point,
    Sealed,
    Size,
)
from tests.unit.codec.support import LIMIT, raw, read, round_trip, same

HERE = "tests.unit.codec.samples"  # an allowed module


def of_samples(cls: Any) -> Any:
    """As if an allowed module had made the class in one of its functions."""
    cls.__module__ = HERE
    return cls


def row(name: str = "Row") -> Any:
    """As OdbcHook, DatabricksSqlHook and psycopg's `namedtuple_row` make it for each answer."""
    return namedtuple(name, "id label", module=HERE)(1, "a")


class Bunch(tuple):
    """As the results of `scipy.stats`: they have `_fields`, but no `_make`."""

    _fields = ("statistic", "pvalue")

    def __new__(cls, statistic: float, pvalue: float) -> Bunch:
        return super().__new__(cls, (statistic, pvalue))


@of_samples
@dataclasses.dataclass(frozen=True)
class Spot:
    x: Any
    y: Any = dataclasses.field(init=False, default=7)


@of_samples
@attr.define(frozen=True)
class Box:
    label: str
    _inside: Any = None


@of_samples
class Text:
    def serialize(self) -> dict[Any, Any]:
        return {"content": {1: "a"}}


RUN_TIME = {
    "namedtuple": (row(), (1, "a")),
    "namedtuple with the name of another class": (row("Point"), (1, "a")),
    "result of scipy": (of_samples(Bunch)(0.5, 0.1), (0.5, 0.1)),
    "enum": (of_samples(enum.Enum("Mood", {"GOOD": ("g", 1)})).GOOD, ("g", 1)),
    "enum with the name of another class": (of_samples(enum.Enum("Color", {"RED": 1})).RED, 1),
    "enum of str": (of_samples(enum.Enum("Tint", {"DARK": "d"}, type=str)).DARK, "d"),
    "flag": (of_samples(enum.Flag("Mode", "R W"))(3), 3),
    "dataclass": (Spot((1, 2)), {"x": (1, 2), "y": 7}),
    "dataclass of make_dataclass": (dataclasses.make_dataclass("Made", ["x"])(1), {"x": 1}),
    "dataclass with the name of another class": (
        of_samples(dataclasses.make_dataclass("Point", ["x"]))({1: b"b"}),
        {"x": {1: b"b"}},
    ),
    "attrs": (Box("a", {1}), {"label": "a", "inside": {1}}),
    "pydantic": (
        of_samples(pydantic.create_model("Form", name=(str, ...), n=(int, 3)))(name="a"),
        {"name": "a", "n": 3},
    ),
    "pydantic root": (of_samples(type("Root", (pydantic.RootModel[list[int]],), {}))([1]), [1]),
    "serialize()": (Text(), {"content": {"1": "a"}}),
}


@pytest.mark.parametrize("name", RUN_TIME)
@pytest.mark.parametrize("is_allowed", [True, False])
def test_its_objects_come_back_as_plain_values(allow, name, is_allowed):
    allow("airflow.* tests.* types.*" if is_allowed else "airflow.*")
    value, plain = RUN_TIME[name]

    assert same(round_trip(value), plain)
    assert same(round_trip({"a": [value, (value,)], 2: {"k": value}}), {"a": [plain, (plain,)], 2: {"k": plain}})


def test_rows_of_itertuples_come_back_as_tuples(allow):
    allow("pandas.*")

    assert same(round_trip(list(pd.DataFrame({"a": [1], "b": ["x"]}).itertuples())), [(0, 1, "x")])


@pytest.mark.usefixtures("allowed")
def test_an_object_of_a_reloaded_class_is_plain(monkeypatch):
    point = Point(1)
    monkeypatch.setattr(samples, "Point", dataclasses.make_dataclass("Point", ["other"]))

    assert round_trip(point) == {"x": 1, "y": 0}


@pytest.mark.usefixtures("allowed")
def test_plain_values_of_all_kinds_stay_whole(monkeypatch):
    """A dict in the place of an object is as exact as any other."""
    from datetime import date

    content = {date(2024, 1, 1): bytearray(b"x")}

    assert same(round_trip([Spot(content), {1: 2}])[0]["x"], content)
    assert same(round_trip([Spot(bytearray(b"x"))])[0]["x"], bytearray(b"x"))


class Words(list):
    pass


class Table(dict):
    pass


@pytest.mark.parametrize("extra", [[], [{1: 2}]])
def test_what_lies_in_subclasses_of_list_and_dict_is_not_changed(extra):
    from datetime import date

    assert same(round_trip([Words([bytearray(b"x")]), *extra]), [[bytearray(b"x")], *extra])
    assert same(round_trip([Table({date(2024, 1, 1): 1}), *extra]), [{date(2024, 1, 1): 1}, *extra])
    assert same(round_trip({"a": (Words([(Table(k=bytearray(b"x")),)]),)}), {"a": ([({"k": bytearray(b"x")},)],)})


def test_an_object_that_stands_for_others_without_end_is_refused():
    @of_samples
    class Endless:
        def serialize(self) -> Any:
            return Endless()

    with pytest.raises(XComNotSerializable, match="contains itself"):
        encode([Endless()], max_bytes=LIMIT)


def test_plain_dicts_are_refused_in_a_set():
    with pytest.raises(XComNotSerializable):
        encode({Spot(1)}, max_bytes=LIMIT)


GONE = [
    (Point(1, (2,)), {"x": 1, "y": (2,)}),
    (Sealed("a"), {"name": "a", "upper": "A"}),
    (Crate("a", inside={1}), {"label": "a", "inside": {1}, "weight": 1}),
    (Pair(1, {2}), (1, {2})),
    (Color.GREEN, ("g", 1)),
    (Level.LOW, "low"),
    (Size.BIG, 3),
    (Bits.A | Bits.B, 3),
    (Address(street="s"), {"street": "s", "path": None}),
    (OwnProtocol({"a": 1}), {"content": {"a": 1}}),
]


@pytest.mark.usefixtures("allowed")
class TestGoneAtThePull:
    @pytest.fixture(autouse=True)
    def forgotten(self, monkeypatch):
        monkeypatch.setattr(allowlist, "_gone", set())

    @pytest.mark.parametrize(("value", "plain"), GONE, ids=lambda value: type(value).__name__)
    def test_the_plain_value_comes_back(self, monkeypatch, caplog, value, plain):
        encoded = encode([value, {1: value}], max_bytes=LIMIT)
        monkeypatch.delattr(samples, type(value).__name__)

        with caplog.at_level(logging.WARNING, "exclusive_redis_xcom"):
            found = read(encoded)

        assert same(found, [plain, {1: plain}])
        (record,) = caplog.records
        assert f"{HERE}.{type(value).__name__} cannot be imported here" in record.getMessage()

    def test_a_class_that_is_back_is_used_again(self, monkeypatch):
        encoded = encode(Point(1), max_bytes=LIMIT)
        with monkeypatch.context() as patched:
            patched.delattr(samples, "Point")
            assert read(encoded) == {"x": 1, "y": 0}

        assert read(encoded) == Point(1)

    def test_an_enum_of_the_last_revision_names_its_class(self):
        payload = ormsgpack.packb(ormsgpack.Ext(40, ormsgpack.packb([f"{HERE}.Gone", "RED", None])))

        with pytest.raises(XComNotImportable, match=r"samples\.Gone"):
            raw(payload)

    def test_an_enum_of_the_last_revision_is_read(self):
        assert raw(ormsgpack.packb(ormsgpack.Ext(40, ormsgpack.packb([f"{HERE}.Color", "RED", None])))) is Color.RED

    def test_a_payload_cannot_have_any_number_of_classes_searched(self):
        trees = [ormsgpack.Ext(42, ormsgpack.packb([f"{HERE}.Gone{n}", 0, {}, {}])) for n in range(101)]

        assert raw(ormsgpack.packb(trees[:100])) == [{}] * 100
        with pytest.raises(XComNotImportable):
            raw(ormsgpack.packb(trees))

    def test_a_class_of_another_module_that_is_not_installed(self):
        assert load_class("airflow.no_such_module.Gone") is None

    def test_what_airflows_serialiser_made_of_an_object_is_no_plain_value(self, monkeypatch):
        monkeypatch.setitem(SERDE._deserializers, f"{HERE}.Gone", object())

        with pytest.raises(XComNotImportable):
            raw(ormsgpack.packb(ormsgpack.Ext(46, ormsgpack.packb([f"{HERE}.Gone", 1, {}]))))


@pytest.mark.usefixtures("allowed")
class TestFailuresOfAClass:
    def test_a_member_that_is_gone(self, monkeypatch):
        encoded = encode(Color.GREEN, max_bytes=LIMIT)
        monkeypatch.setattr(samples, "Color", enum.Enum("Color", {"RED": "r"}, module=HERE))

        with pytest.raises(XComNotRebuilt, match=r"^Color does not accept what was pushed of it \(KeyError\)\.\n"):
            read(encoded)

    def test_a_field_that_is_gone(self, monkeypatch):
        encoded = encode([Point(1)], max_bytes=LIMIT)
        monkeypatch.setattr(samples, "Point", of_samples(dataclasses.make_dataclass("Point", ["x"])))

        with pytest.raises(XComNotRebuilt, match="TypeError"):
            read(encoded)

    def test_a_model_that_has_become_stricter(self, monkeypatch):
        encoded = encode(Address(street="canary"), max_bytes=LIMIT)
        monkeypatch.setattr(samples, "Address", pydantic.create_model("Address", street=(int, ...), __module__=HERE))

        with pytest.raises(XComNotRebuilt, match="ValidationError") as caught:
            read(encoded)

        assert "canary" not in str(caught.value)

    def test_a_root_model_that_has_become_stricter(self, monkeypatch):
        encoded = encode(Numbers([1]), max_bytes=LIMIT)
        monkeypatch.setattr(samples, "Numbers", type("Numbers", (pydantic.RootModel[dict],), {"__module__": HERE}))

        with pytest.raises(XComNotRebuilt):
            read(encoded)

    def test_deserialize(self, monkeypatch):
        encoded = encode(OwnProtocol(1), max_bytes=LIMIT)
        monkeypatch.setattr(OwnProtocol, "__version__", 2)

        with pytest.raises(XComNotRebuilt, match=r"^OwnProtocol .*TypeError"):
            read(encoded)
