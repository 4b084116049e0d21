"""How long a value would be in a log line."""

from __future__ import annotations

import time
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from exclusive_redis_xcom.airflow.printed_length import describe, is_longer

MOST = 4096
BIG = "x" * 5000


class Row(NamedTuple):
    id: int
    text: str


@dataclass
class Plain:
    text: str


@dataclass(slots=True)
class Slotted:
    id: int
    text: str


@attrs.define
class Attrs:
    text: str


class Model(BaseModel):
    text: str


class Hostile:
    """Says what of it was called."""

    def __init__(self) -> None:
        self.text = BIG

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(name)

    def _called(self) -> Any:
        raise AssertionError("called")

    __len__ = __repr__ = __str__ = __iter__ = __bool__ = _called


@dataclass
class HostileFields(Hostile):
    """One whose class prints its fields."""

    text: str = BIG


class HostileText(str):
    __slots__ = ()

    def __len__(self) -> int:
        raise AssertionError("called")

    __str__ = __repr__ = __iter__ = __len__  # type: ignore[assignment]


class HostileList(list[Any]):
    def __len__(self) -> int:
        raise AssertionError("called")

    __repr__ = __iter__ = __bool__ = __len__  # type: ignore[assignment]


class HostileDict(dict[str, Any]):
    def __len__(self) -> int:
        raise AssertionError("called")

    __repr__ = items = values = keys = __iter__ = __len__  # type: ignore[assignment]


class Colour(Enum):
    RED = "red"


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def endless() -> Any:
    value: list[Any] = [1]
    value.append(value)
    return value


LONG: dict[str, Any] = {
    "text": BIG,
    "bytes": b"x" * 5000,
    "bytearray": bytearray(5000),
    "list": [0] * 5000,
    "one long in a list": [1, BIG],
    "a long key": {BIG: 1},
    "nested": {"a": [{"b": (1, {"c": deque([BIG])})}]},
    "set": set(range(5000)),
    "frozenset": frozenset(range(5000)),
    "ordered": OrderedDict.fromkeys(range(5000)),
    "default": defaultdict(list, a=[BIG]),
    "counter": Counter(range(5000)),
    "named tuple": Row(1, BIG),
    "dataclass": Plain(BIG),
    "dataclass with slots": Slotted(1, BIG),
    "attrs": Attrs(BIG),
    "pydantic": Model(text=BIG),
    "models in a list": [Model(text="x" * 100) for _ in range(100)],
    "a text with code": HostileText(BIG),
    "a list with code": HostileList([0] * 5000),
    "a dict with code": HostileDict(a=BIG),
    "fields with code": HostileFields(),
    "digits": [10**6000],
    "deep": deep(100_000),
    "endless": endless(),
}


def numbers() -> Iterator[int]:
    yield len(Hostile())


SHORT: dict[str, Any] = {
    "text": "x" * 4000,
    "none": None,
    "numbers": [1, 2.5, True, None],
    "dict": {"a": 1, "b": [1, 2, 3]},
    "empty": [],
    "named tuple": Row(1, "a"),
    "dataclass": Plain("a"),
    "dataclass with slots": Slotted(1, "a"),
    "attrs": Attrs("a"),
    "pydantic": Model(text="a"),
    "an enum": Colour.RED,
    "a generator": numbers(),
    "a range": range(10**9),
    "an object with code": Hostile(),
    "objects with code": [Hostile()] * 10,
    "a text with code": HostileText("a"),
    "a view": memoryview(bytes(5000)),
    "a class": Plain,
    "a slot without a value": object.__new__(Slotted),
}


# The values are no parameters: pytest would call their code.
@pytest.mark.parametrize("name", LONG)
def test_long(name: str) -> None:
    assert is_longer(LONG[name], MOST)


@pytest.mark.parametrize("name", SHORT)
def test_short(name: str) -> None:
    assert not is_longer(SHORT[name], MOST)


def test_the_work_does_not_grow_with_the_value() -> None:
    many = [[index] for index in range(200_000)]
    start = time.perf_counter()

    assert is_longer(many, MOST)

    assert time.perf_counter() - start < 0.1


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.binary(max_size=30),
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(st.text(max_size=20), inner, max_size=20),
    max_leaves=60,
)


@given(plain)
def test_what_counts_as_short_prints_in_a_few_kilobytes(value: Any) -> None:
    # An escape such as \U0001f600 takes ten characters, and a float up to 24.
    if not is_longer(value, 500):
        assert len(repr(value)) < 500 * 12
    elif len(repr(value)) < 100:
        raise AssertionError(repr(value))


DESCRIBED: dict[str, Any] = {
    "str, 5000 characters": BIG,
    "bytes, 140 bytes": bytes(140),
    "list of 2": [1, 2],
    "dict of 1": {"a": 1},
    "Row of 2": Row(1, "a"),
    "Plain": Plain(BIG),
    "HostileText, 3 characters": HostileText("abc"),
    "HostileList of 1": HostileList([1]),
}


@pytest.mark.parametrize("name", DESCRIBED)
def test_what_stands_there_instead(name: str) -> None:
    assert describe(DESCRIBED[name]) == name
