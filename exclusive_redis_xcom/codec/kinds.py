"""What a kind of value is: how it is taken apart and put together again, under which code.

A kind is a leaf (bytes), bulk (bytes, and buffers that may lie outside the message) or a tree (a list of
children, each a value of its own). Codes are msgpack extension types. They are in Redis: never renumber one,
never reuse one. The table is in `registry.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, Union

if TYPE_CHECKING:
    from collections.abc import Callable

    from exclusive_redis_xcom.codec.slabs import Put, Take


class NotCarriedError(Exception):
    """No kind carries this object. It becomes `XComNotSerializable` once the object's position is known."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A kind without children."""

    code: int
    dump: Callable[[Any], bytes]
    load: Callable[[bytes], Any]


@dataclass(frozen=True, slots=True)
class Bulk:
    """A leaf whose buffers may lie outside the message, as slabs of their own (`slabs.py`)."""

    code: int
    dump: Callable[[Any, Put], bytes]
    load: Callable[[bytes, Take], Any]


@dataclass(frozen=True, slots=True)
class Tree:
    """A kind made of other values.

    `build` gets what `children` returned, in the same order, but it may come from an attacker: it
    raises any Exception for a list of the wrong shape.
    """

    code: int
    children: Callable[[Any], list[Any]]
    build: Callable[[list[Any]], Any]


@dataclass(frozen=True, slots=True)
class Substitute:
    """A kind carried as a plainer value, as Airflow's default backend does it (`str` subclasses, say)."""

    plain: Callable[[Any], Any]


Kind: TypeAlias = Union[Leaf, Bulk, Tree, Substitute]  # noqa: UP007 - evaluated at import


def qualified_name(cls: type) -> str:
    """`module.Class`, or the bare name of a builtin."""
    module = getattr(cls, "__module__", None)
    name = getattr(cls, "__qualname__", "?")
    return name if module in (None, "builtins") else f"{module}.{name}"
