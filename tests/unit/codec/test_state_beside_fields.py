"""State that is no field of an object's class: it is kept, or a log line or a refusal names it. It never just goes."""

from __future__ import annotations

import logging
import threading
import uuid
from collections import Counter, OrderedDict, defaultdict, namedtuple
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import attr
import ormsgpack
import pandas as pd
import pydantic
import pytest

from exclusive_redis_xcom.codec import encode, extras
from exclusive_redis_xcom.codec.kinds import qualified_name
from exclusive_redis_xcom.errors import XComNotRebuilt, XComNotSerializable
from tests.unit.codec.support import LIMIT, raw, round_trip, same

np = pytest.importorskip("numpy")

HERE = __name__


@dataclass
class Spot:
    x: Any
    kind = "spot"

    @cached_property
    def double(self) -> Any:
        return self.x * 2

    @property
    def triple(self) -> Any:
        return self.x * 3

    def move(self) -> None:
        self.x += 1


@dataclass
class WithLock:
    x: int

    def __post_init__(self) -> None:
        self.lock = threading.Lock()
        self.history = [self.x]


@dataclass
class Node:
    name: str

    def __post_init__(self) -> None:
        self.parent: Any = None


class Slotted:
    __slots__ = ("hidden",)


@dataclass
class InSlots(Slotted):
    __slots__ = ("x",)
    x: int


@attr.s
class Loose:
    x = attr.ib()


@attr.define
class Tight:
    x: int


@attr.s(frozen=True, cache_hash=True)
class Hashed:
    x = attr.ib()


@attr.frozen(cache_hash=True)
class HashedTight:
    x: Any


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    x: int
    _note: Any = pydantic.PrivateAttr(default=None)

    @cached_property
    def double(self) -> int:
        return self.x * 2


class Row(namedtuple("Row", "a b")):
    pass


class Words(list):
    pass


class Table(dict):
    pass


class Text(str):
    pass


Mine = type("Mine", (np.ndarray,), {})


@pytest.fixture(autouse=True)
def _allowed(allow, monkeypatch):
    allow(f"{HERE}.*")
    monkeypatch.setattr(extras, "_noted", set())


def with_(value, **attributes):
    for name, content in attributes.items():
        object.__setattr__(value, name, content)
    return value


KEPT = {
    "dataclass": with_(Spot(1), note="n", parts=[(1, {2: 3})]),
    "dataclass, over an attribute of the class": with_(Spot(1), kind="other"),
    "dataclass, after __post_init__": with_(WithLock(1), history=[1, 2]),
    "dataclass with slots": with_(InSlots(1), hidden="h"),
    "attrs": with_(Loose(1), note="n"),
    "pydantic": with_(Model(x=1), note="n"),
    "pydantic extra": Model(x=1, more=(1, 2)),
    "pydantic private": with_(Model(x=1), _note=(1, 2)),
}


@pytest.mark.parametrize("name", KEPT)
def test_it_is_kept(name):
    value = KEPT[name]

    found = round_trip([value])[0]

    lock = {"lock"}
    assert found == value
    assert type(found) is type(value)
    left, right = extras.state_beside(found), extras.state_beside(value)
    assert left.keys() == right.keys()
    assert all(same(left[part], right[part]) for part in right.keys() - lock if not part.startswith("__"))
    assert getattr(found, "__pydantic_extra__", None) == getattr(value, "__pydantic_extra__", None)
    assert getattr(found, "__pydantic_private__", None) == getattr(value, "__pydantic_private__", None)


def test_plain_objects_have_no_more_parts_than_before():
    """Values without such state look as earlier revisions wrote them."""
    assert encode(Spot(1), max_bytes=LIMIT).payload == (
        ormsgpack.packb(ormsgpack.Ext(42, ormsgpack.packb([f"{HERE}.Spot", 0, {"x": 1}, {}]))),
    )


STORED = {
    "attributes": (
        ormsgpack.Ext(42, ormsgpack.packb([f"{HERE}.Spot", 0, {"x": 1}, {}, {"note": "n"}])),
        with_(Spot(1), note="n"),
    ),
    "metadata": (
        ormsgpack.Ext(
            53,
            ormsgpack.packb(
                [ormsgpack.Ext(51, ormsgpack.packb(["|i1", [2], False, b"\1\2"])), [{"unit": "m"}]],
            ),
        ),
        np.array([1, 2], np.dtype("i1", metadata={"unit": "m"})),
    ),
    "UUID": (ormsgpack.Ext(24, bytes(15) + b"\5+"), uuid.UUID(int=5, is_safe=uuid.SafeUUID.safe)),
    "UUID of earlier revisions": (ormsgpack.Ext(24, bytes(15) + b"\5"), uuid.UUID(int=5)),
}


@pytest.mark.parametrize("name", STORED)
def test_the_bytes_are_a_stored_format(name):
    """Redis holds these bytes. Later revisions must read them."""
    stored, value = STORED[name]

    assert encode(value, max_bytes=LIMIT).payload == (ormsgpack.packb(stored),)
    found = raw(ormsgpack.packb(stored))
    assert np.array_equal(found, value) if name == "metadata" else found == value
    assert getattr(found, "__dict__", None) == getattr(value, "__dict__", None)
    assert getattr(found, "is_safe", None) == getattr(value, "is_safe", None)


def test_a_cached_property_is_made_again_without_a_word(caplog):
    value, model = Spot([1]), Model(x=2)
    assert (value.double, model.double) == ([1, 1], 4)

    found, found_model = round_trip([value, model])

    assert "double" not in vars(found)
    assert "double" not in vars(found_model)
    assert (found.double, found_model.double) == ([1, 1], 4)
    assert not caplog.records


PLAIN_DATA = (
    "The class does not list this as a field, and it is no plain data. Pulled objects have it only if the class makes "
    "it again."
)


def left_behind(cls: type, names: str, why: str) -> str:
    return f"Objects of {qualified_name(cls)} are carried without: {names}. {why}"


def node():
    parent, child = Node("p"), Node("c")
    child.parent = parent
    parent.parent = child
    return child


NAMED = [
    (lambda: WithLock(1), WithLock, "lock", PLAIN_DATA),
    (node, Node, "parent", PLAIN_DATA),
    (lambda: with_(Spot(1), move=print), Spot, "move", PLAIN_DATA),
    (lambda: with_(Loose(1), client=threading.Lock()), Loose, "client", PLAIN_DATA),
    (lambda: with_(Model(x=1), client=threading.Lock()), Model, "client", PLAIN_DATA),
    (lambda: with_(Model(x=1), _note=threading.Lock()), Model, "_note", PLAIN_DATA),
    (lambda: with_(Row(1, 2), note=1), Row, "note", "They are carried as a plain named tuple."),
    (lambda: with_(Words([1]), a=1, b=2), Words, "a, b", "They are carried as a plain list."),
    (lambda: with_(Table(k=1), note=1), Table, "note", "They are carried as a plain dict."),
    (lambda: with_(Text("x"), note=1), Text, "note", "They are carried as a plain str."),
    (lambda: with_(OrderedDict(a=1), note=1), OrderedDict, "note", "They are carried as a plain OrderedDict."),
    (lambda: with_(Counter("a"), note=1), Counter, "note", "They are carried as a plain Counter."),
]


@pytest.mark.parametrize(("make", "cls", "names", "why"), NAMED, ids=[row[1].__name__ for row in NAMED])
def test_what_is_left_behind_is_named_once(make, cls, names, why, caplog):
    with caplog.at_level(logging.WARNING, "exclusive_redis_xcom"):
        for _ in range(2):
            encode([make(), {1: make()}], max_bytes=LIMIT)

    assert [record.getMessage() for record in caplog.records] == [left_behind(cls, names, why)]


def test_attributes_of_a_frame_are_named_with_the_remedy(caplog):
    frame = pd.DataFrame({"a": [1]})
    frame.source = "x"
    series = frame["a"]
    series.source = "x"

    encode([frame, series], max_bytes=LIMIT)

    texts = [record.getMessage() for record in caplog.records]
    assert [text.partition("are carried without: ")[2] for text in texts] == [
        "source. Use attrs instead: DataFrame.attrs is carried.",
        "source. Use attrs instead: Series.attrs is carried.",
    ]


@pytest.mark.parametrize(
    "value",
    [
        Spot(1),
        Tight(1),
        Loose(1),
        Model(x=1, more=2),
        Row(1, 2),
        Words(),
        Table(),
        Text(),
        OrderedDict(),
        Counter(),
        defaultdict(list),
        defaultdict(lambda: 1),
        pd.DataFrame({"a": [1]}),
        pd.Series([1], name="n"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_nothing_is_said_where_nothing_is_left_behind(value, caplog):
    encode(value, max_bytes=LIMIT)

    assert not caplog.records


def metadata_of(dtype):
    own = None if dtype.metadata is None else dict(dtype.metadata)
    if dtype.subdtype is not None:
        return own, metadata_of(dtype.base)
    return own, *((name, metadata_of(dtype.fields[name][0])) for name in dtype.names or ())


UNIT = np.dtype("f8", metadata={"unit": "m", "parts": (1, {2: 3})})
DTYPES = {
    "plain": UNIT,
    "object": np.dtype("O", metadata={"vlen": "str"}),
    "time": np.dtype("M8[s]", metadata={"calendar": "x"}),
    "text": np.dtype("U3", metadata={"k": 1}),
    "structured": np.dtype([("a", UNIT), ("b", "i4")], metadata={"own": 1}),
    "aligned": np.dtype([("a", "i1"), ("b", UNIT)], align=True),
    "offsets": np.dtype({"names": ["a"], "formats": [UNIT], "offsets": [8], "itemsize": 24}),
    "titles": np.dtype({"names": ["a"], "formats": [UNIT], "titles": ["A title"]}),
    "sub-array": np.dtype([("m", (UNIT, (2, 2)))]),
    "nested": np.dtype([("inner", np.dtype([("a", UNIT)]))]),
    "big-endian": np.dtype(">i4", metadata={"k": 1}),
}


@pytest.mark.parametrize("name", DTYPES)
def test_metadata_of_a_dtype_is_kept(name):
    value = np.zeros((2, 3), DTYPES[name])

    for found in (round_trip(value), round_trip([value[:, 1:]])[0], round_trip({1: value.T})[1]):
        assert metadata_of(found.dtype) == metadata_of(value.dtype)
        assert found.dtype == value.dtype
        assert found.dtype.isalignedstruct == value.dtype.isalignedstruct
    assert (round_trip(value) == value).all()
    assert round_trip(value).flags.writeable


def test_metadata_of_a_large_array_costs_no_copy():
    value = np.zeros(100_000, UNIT)

    encoded = encode(value, max_bytes=LIMIT)

    assert encoded.codec == "slabs"
    assert metadata_of(round_trip(value).dtype) == metadata_of(UNIT)


def test_metadata_in_a_frame_is_kept_as_pandas_keeps_it():
    wide = pd.DataFrame({f"c{n}": pd.Series(np.zeros(2, UNIT)) for n in range(60)})
    series = pd.Series(np.zeros(2, UNIT))

    assert metadata_of(round_trip(series).dtype) == metadata_of(series.dtype)
    found = round_trip(wide)
    assert [metadata_of(dtype) for dtype in found.dtypes] == [metadata_of(dtype) for dtype in wide.dtypes]


REFUSED = {
    "ndarray subclass": np.arange(3).view(Mine),
    "masked array": np.ma.masked_array([1, 2], [True, False]),
    "matrix": np.arange(4).reshape(2, 2).view(np.matrix) if hasattr(np, "matrix") else None,
    "record array": np.rec.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
    "record with metadata": np.zeros(1, np.dtype([("a", UNIT)]))[0],
    "metadata that is not carried": np.zeros(1, np.dtype("f8", metadata={"k": object()})),
    "frame subclass": type("Mine", (pd.DataFrame,), {})({"a": [1]}),
    "series subclass": type("Mine", (pd.Series,), {})([1]),
}


@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize("name", REFUSED)
def test_what_would_lose_its_class_or_state_is_refused(name):
    with pytest.raises(XComNotSerializable):
        encode([REFUSED[name]], max_bytes=LIMIT)


FORGED = [
    {"x": 2},  # a field, past the constructor
    {"__class__": 1},
    {"__dict__": {}},
    {"triple": 1},
    {"move": 1},
    {1: 2},
]


@pytest.mark.parametrize("attributes", FORGED, ids=repr)
def test_forged_attributes_are_refused(attributes):
    payload = ormsgpack.packb(
        ormsgpack.Ext(
            42,
            ormsgpack.packb([f"{HERE}.Spot", 0, {"x": 1}, {}, attributes], option=ormsgpack.OPT_NON_STR_KEYS),
        )
    )

    with pytest.raises(XComNotRebuilt):
        raw(payload)


@pytest.mark.parametrize(
    ("code", "children"),
    [
        (43, [f"{HERE}.Loose", 0, {"x": 1}, {}, {"x": 2}]),
        (44, [f"{HERE}.Model", {"x": 1}, ["x"], {}, {"x": "no number"}]),
        (44, [f"{HERE}.Model", {"x": 1}, ["x"], {}, {"__pydantic_private__": {}}]),
    ],
)
def test_forged_attributes_of_other_objects_are_refused(code, children):
    with pytest.raises(XComNotRebuilt):
        raw(ormsgpack.packb(ormsgpack.Ext(code, ormsgpack.packb(children))))


def test_a_uuid_keeps_what_is_known_of_its_safety():
    for safety in uuid.SafeUUID:
        value = uuid.UUID(int=5, is_safe=safety)
        assert round_trip([value])[0].is_safe is safety


@pytest.mark.parametrize("cls", [Hashed, HashedTight])
def test_a_hash_that_attrs_keeps_stays_in_its_process(cls):
    """Texts have another hash in each process. An object with an old hash would not be found in a set."""
    value = cls("text")
    object.__setattr__(value, "_attrs_cached_hash", hash(value) ^ 1)  # as in another process
    written = ormsgpack.packb([f"{HERE}.{cls.__name__}", 0, {"x": "text"}, {}, {"_attrs_cached_hash": hash(value)}])

    for found in (round_trip(value), raw(ormsgpack.packb(ormsgpack.Ext(43, written)))):
        assert found == value
        assert found in {cls("text")}
