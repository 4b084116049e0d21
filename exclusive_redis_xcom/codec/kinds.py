"""Kinds of values. A kind says how a value is taken apart and put together again, and has a code.

There are three forms of kinds. A leaf is bytes. Bulk is bytes, and buffers that may lie outside the message. A tree is
a list of children, each of which is a value. Codes are msgpack extension types. Redis holds codes, so never renumber or
reuse one. `registry.py` has the table of kinds.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, Union

if TYPE_CHECKING:
    from collections.abc import Callable

    from exclusive_redis_xcom.codec.slabs import Put, Take


class NotCarriedError(Exception):
    """An object is not carried. It becomes `XComNotSerializable` once the object's position is known.

    Args:
        why: The cause, a sentence that shows nothing of the value.
        remedy: What to do instead, a sentence.
    """

    def __init__(self, why: str = "", remedy: str = "") -> None:
        super().__init__(why, remedy)
        self.why = why
        self.remedy = remedy


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

    `build` gets what `children` returned, in the same order. But the list may come from an attacker: `build` raises any
    Exception for a list of the wrong shape.
    """

    code: int
    children: Callable[[Any], list[Any]]
    build: Callable[[list[Any]], Any]


@dataclass(frozen=True, slots=True)
class Substitute:
    """A kind that is carried as a plainer value, as in Airflow's default backend; a subclass of `str`, for example."""

    plain: Callable[[Any], Any]


Kind: TypeAlias = Union[Leaf, Bulk, Tree, Substitute]  # noqa: UP007 - evaluated at import


def qualified_name(cls: type) -> str:
    """Return `module.Class`, or the bare name of a builtin."""
    module = getattr(cls, "__module__", None)
    name = getattr(cls, "__qualname__", "?")
    return name if module in (None, "builtins") else f"{module}.{name}"


def is_found_by_name(cls: type) -> bool:
    """Return whether the name of a class leads to this very class. A class made at run time may bear another's name.

    Nothing is imported: the module of a class that exists is loaded.
    """
    found: Any = sys.modules.get(cls.__module__)
    try:
        for name in cls.__qualname__.split("."):
            found = getattr(found, name)
    except Exception:  # A module's or a metaclass's `__getattr__` may raise anything.
        return False
    return found is cls
