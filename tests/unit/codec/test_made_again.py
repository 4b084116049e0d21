"""Classes that make something else of what they have made before: nothing of it comes back changed without an error."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import attr
import pydantic
import pytest
from pydantic import AfterValidator

from exclusive_redis_xcom.codec import encode
from exclusive_redis_xcom.codec.likeness import is_like, is_same
from exclusive_redis_xcom.errors import XComNotRebuilt, XComNotSerializable
from tests.unit.codec.support import LIMIT, round_trip, same

np = pytest.importorskip("numpy")

NAN = float("nan")
URL: Any = "http://example.org/"
SECRET: Any = "canary"


@pytest.fixture(autouse=True)
def _allowed(allow):
    allow(f"{__name__}.*")


class Blob(pydantic.BaseModel):
    content: pydantic.Base64Bytes
    note: Any = None


class Renamed(pydantic.BaseModel):
    content: pydantic.Base64Bytes = pydantic.Field(alias="data")


class Parsed(pydantic.BaseModel):
    content: pydantic.Json[Any]
    text: pydantic.Base64Str = ""


class RootBlob(pydantic.RootModel[pydantic.Base64Bytes]):
    pass


class Blobs(pydantic.RootModel[dict[str, Blob]]):
    pass


class Urls(pydantic.RootModel[list[pydantic.AnyUrl]]):
    pass


class Visits(pydantic.RootModel[list[tuple[pydantic.AnyUrl, datetime]]]):
    pass


class UrlsByName(pydantic.RootModel[dict[str, pydantic.AnyUrl]]):
    pass


def _qualified(name: str) -> str:
    return name if name.startswith("public.") else f"public.{name}"


def _prefixed(name: str) -> str:
    return f"public.{name}"


class Settled(pydantic.BaseModel):
    table: Annotated[str, AfterValidator(_qualified)]
    share: float = NAN
    anything: Any = None


class Unsettled(pydantic.BaseModel):
    table: Annotated[str, AfterValidator(_prefixed)]


class Counting(pydantic.BaseModel):
    number: int

    @pydantic.model_validator(mode="after")
    def count(self) -> Counting:
        self.number += 1
        return self


class Secrets(pydantic.BaseModel):
    tokens: list[pydantic.SecretStr] = []
    by_name: dict[str, pydantic.SecretBytes | None] = {}
    pair: tuple[str, pydantic.Secret[int]] | None = None
    day: pydantic.Secret[date] | None = None
    nested: pydantic.Secret[list[pydantic.SecretStr]] | None = None


class RootSecrets(pydantic.RootModel[dict[str, pydantic.SecretStr]]):
    pass


class Loose(pydantic.BaseModel):
    pattern: re.Pattern[str] | None = None
    anything: Any = None


class RootPattern(pydantic.RootModel[re.Pattern[str]]):
    pass


class Failing(pydantic.BaseModel):
    words: list[str]

    @pydantic.field_validator("words", mode="before")
    @classmethod
    def split(cls, text: Any) -> Any:
        return text.split()


# "YWJjZA==" is "abcd", which is Base64, too. "aGVsbG8=" is "hello", which is not.
MODELS = [
    Blob(content="YWJjZA=="),
    Blob(content="aGVsbG8=", note=({1}, b"x", None)),
    Renamed(data="YWJjZA=="),
    Renamed(data="aGVsbG8="),
    Parsed(content='{"a": [1]}'),
    Parsed(content='"[1]"', text="aGVsbG8="),
    RootBlob("YWJjZA=="),
    RootBlob("aGVsbG8="),
    Blobs({"a": Blob(content="YWJjZA==")}),
    Urls([URL]),
    Visits([(URL, datetime(2024, 5, 6, tzinfo=timezone.utc))]),
    UrlsByName({"a": URL}),
    UrlsByName({"root": URL}),
    Settled(table="t", anything=(1, {2})),
    Secrets(tokens=[SECRET, SECRET], by_name={"a": SECRET, "b": None}),
    Secrets(pair=("a", 7), day=date(2024, 1, 1), nested=[SECRET]),
    RootSecrets({"a": SECRET}),
    Loose(pattern="a|b"),
    RootPattern("a|b"),
]


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_a_model_comes_back_as_it_was_although_validation_runs_again(model):
    found = round_trip([model])[0]

    assert type(found) is type(model)
    assert is_like(found.model_dump(), model.model_dump())
    assert same(getattr(found, "note", None), getattr(model, "note", None))
    assert same(getattr(found, "anything", None), getattr(model, "anything", None))


@pytest.mark.parametrize("model", [Unsettled(table="t"), Counting(number=1), {"a": [Unsettled(table="t")]}], ids=repr)
def test_a_model_that_each_validation_changes_is_refused_at_the_push(model):
    with pytest.raises(XComNotSerializable, match="A validator makes something else of a field") as caught:
        encode(model, max_bytes=LIMIT)

    assert "public" not in str(caught.value)


@pytest.mark.parametrize(
    ("model", "path"),
    [
        (Loose(pattern=re.compile("canary", re.IGNORECASE)), ".pattern of type Pattern"),
        (RootPattern(re.compile("canary", re.IGNORECASE)), ".root of type Pattern"),
        (Loose(anything=pydantic.HttpUrl("https://canary")), ".anything of type HttpUrl"),
        (
            Loose(anything=({1}, {"url": [pydantic.HttpUrl("https://canary")]})),
            ".anything[1]['url'][0] of type HttpUrl",
        ),
        (Loose(anything=pydantic.SecretStr("canary")), ".anything of type SecretStr"),
        (Loose(anything=[pydantic.SecretStr("canary")]), ".anything[0] of type SecretStr"),
        (Loose(anything=[pydantic.SecretStr("canary"), re.compile("a")]), ".anything[0] of type SecretStr"),
    ],
    ids=repr,
)
def test_a_field_that_would_come_back_changed_is_refused_at_the_push(model, path):
    with pytest.raises(XComNotSerializable) as caught:
        encode({"a": model}, max_bytes=LIMIT)

    assert str(caught.value).startswith(f"['a']{path} cannot be carried.\n")
    assert "canary" not in str(caught.value)


def test_a_model_that_refuses_itself_is_pushed_and_not_rebuilt():
    with pytest.raises(XComNotRebuilt):
        round_trip(Failing(words="a b"))


@dataclass
class Prefixed:
    table: str
    items: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.table = f"public.{self.table}"


@dataclass
class Completed:
    table: str
    share: float = NAN
    rows: Any = None

    def __post_init__(self) -> None:
        self.table = _qualified(self.table)
        self.rows = np.array([1, 2])


@attr.define
class Doubled:
    _number: int = attr.field(converter=lambda number: number * 2)


@attr.define
class Converted:
    _items: list[int] = attr.field(converter=list)
    text: str = attr.field(default="", converter=str)


@pytest.mark.parametrize("value", [Completed("t"), Converted((1, 2), 3)], ids=repr)
def test_a_class_that_leaves_alone_what_is_complete_comes_back(value):
    found = round_trip(value)

    assert repr(found) == repr(value)


@pytest.mark.parametrize(
    ("value", "name"), [(Prefixed("t"), "table"), (Doubled(1), "number")], ids=["dataclass", "attrs"]
)
def test_a_class_that_changes_its_own_fields_is_an_error_at_the_pull(value, name):
    with pytest.raises(XComNotRebuilt, match=f"changes what was pushed of it .field {name}") as caught:
        round_trip({"a": value})

    assert "public" not in str(caught.value)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (1, 1.0, True),
        (NAN, float("nan"), True),
        ([NAN, (1,)], [float("nan"), (1,)], True),
        ({"a": [1]}, {"a": [1]}, True),
        (np.array([1, 2]), np.array([1, 2]), True),
        (object(), object(), True),
        ((1,), [1], False),
        ([1], [1, 2], False),
        ({"a": 1}, {"b": 1}, False),
        ({"a": 1}, {"a": 2}, False),
        ("a", b"a", False),
        (object(), 1, False),
    ],
)
def test_likeness(one, other, alike):
    assert is_like(one, other) is alike


PARIS = ZoneInfo("Europe/Paris")


@pytest.mark.parametrize(
    ("one", "other", "same_too"),
    [
        (1, 1, True),
        (1, 1.0, False),
        ([NAN, (1,)], [float("nan"), (1,)], True),
        ([1], [True], False),
        ({1: "a"}, {1: "a"}, True),
        ({1: "a"}, {True: "a"}, False),
        ({1: [1]}, {1: [1.0]}, False),
        (datetime(2024, 1, 1, tzinfo=PARIS), datetime(2024, 1, 1, tzinfo=PARIS), True),
        (datetime(2024, 1, 1, tzinfo=PARIS), datetime(2023, 12, 31, 23, tzinfo=timezone.utc), False),
    ],
)
def test_sameness(one, other, same_too):
    assert is_same(one, other) is same_too
    assert is_like(one, other)
