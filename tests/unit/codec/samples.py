"""Classes whose objects the codec's tests push; importable, as a DAG's own would be."""

from __future__ import annotations

import enum
from collections import namedtuple
from dataclasses import InitVar, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import attr
import msgspec
import pydantic


class Color(enum.Enum):
    RED = "r"
    GREEN = ("g", 1)


class Level(str, enum.Enum):
    LOW = "low"


class Size(enum.IntEnum):
    BIG = 3


class Bits(enum.Flag):
    A = 1
    B = 2


class Pair(NamedTuple):
    left: Any
    right: Any


Old = namedtuple("Old", "a b")


@dataclass
class Point:
    x: Any
    y: Any = 0


@dataclass(frozen=True)
class Sealed:
    name: str
    upper: str = field(init=False)
    __version__ = 2

    def __post_init__(self) -> None:
        object.__setattr__(self, "upper", self.name.upper())


@dataclass
class Positive:
    number: int

    def __post_init__(self) -> None:
        if self.number <= 0:
            raise ValueError(f"canary {self.number}")


@dataclass
class WithInitVar:
    x: int
    seed: InitVar[int]


@attr.define
class Crate:
    label: str
    _inside: Any = None
    weight: int = attr.field(init=False, default=1)


class Address(pydantic.BaseModel):
    street: str
    path: Path | None = None


class Person(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    name: str = pydantic.Field(alias="fullName")
    address: Address
    anything: Any = None
    tags: set[str] = set()
    password: pydantic.SecretStr | None = None
    _note: str = pydantic.PrivateAttr(default="")


class Numbers(pydantic.RootModel[list[int]]):
    pass


class OwnProtocol:
    __version__ = 3

    def __init__(self, content: Any) -> None:
        self.content = content

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OwnProtocol) and other.content == self.content

    def __hash__(self) -> int:
        return 1

    def serialize(self) -> dict[str, Any]:
        return {"content": self.content}

    @staticmethod
    def deserialize(data: dict[str, Any], version: int) -> OwnProtocol:
        if version > OwnProtocol.__version__:
            raise TypeError("too new")
        return OwnProtocol(data["content"])


class Outer:
    @dataclass
    class Inner:
        x: int


class SlyText(str):
    def __str__(self) -> str:
        return "something else"


class Opaque:
    """Not serializable."""


class Explosive:
    """Its `serialize` quotes the value in an exception."""

    def serialize(self) -> Any:
        raise RuntimeError("canary-4711")

    @staticmethod
    def deserialize(data: Any, version: int) -> Any:
        raise NotImplementedError


class Tripwire:
    """No class that values may have; remembers whether somebody built one all the same."""

    built: list[dict[str, Any]] = []  # noqa: RUF012 - shared on purpose

    def __init__(self, **arguments: Any) -> None:
        self.built.append(arguments)


class Keyed:
    """Shows what its `deserialize` got."""

    def __init__(self, content: Any) -> None:
        self.content = content

    def serialize(self) -> Any:
        return self.content

    @staticmethod
    def deserialize(data: Any, version: int) -> Any:
        return Keyed(data)


@dataclass
class OnlySerialize:
    """Airflow's serde gives what `serialize()` returned to the constructor."""

    x: Any

    def serialize(self) -> dict[str, Any]:
        return {"x": self.x}


class Reading(msgspec.Struct):
    name: str
    value: Any = None
    unit: str | msgspec.UnsetType = msgspec.UNSET


class Frozen(msgspec.Struct, frozen=True, kw_only=True):
    inner: Reading


class Loose(msgspec.Struct, dict=True):
    x: int


class Growing(msgspec.Struct):
    size: int

    def __post_init__(self) -> None:
        self.size += 1
