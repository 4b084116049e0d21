"""How long a value would be in a log line, without printing it. No code of the value's class runs."""

from __future__ import annotations

import itertools
from collections import deque
from types import MemberDescriptorType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Characters that a value without contents counts as, and what surrounds a value with contents.
_LEAST = 2

_SIZED = (str, bytes, bytearray)
_ITERATED: tuple[Any, ...] = (list, tuple, set, frozenset, deque)

#: A class with one of these attributes prints its fields: dataclasses, attrs classes, models of pydantic.
_PRINTS_FIELDS = frozenset({"__dataclass_fields__", "__attrs_attrs__", "__pydantic_fields__"})


def is_longer(value: Any, most: int) -> bool:
    """Return whether printing the value would take more than `most` characters.

    Texts, bytes, containers and their subclasses are counted, and classes that print their fields. Other objects count
    as short, because only their own code knows what they print. The work is bounded by `most`, not by the value.
    """
    left, waiting = most, [iter((value,))]
    while waiting:
        for item in waiting[-1]:
            left -= _own(item)
            if left < 0:
                return True
            contents = _contents(item)
            if contents is not None:
                waiting.append(contents)
                break
        else:
            waiting.pop()
    return False


def describe(value: Any) -> str:
    """Name the type and size of a value, as in "bytes, 140000000 bytes"."""
    cls = type(value)
    name = cls.__qualname__[:100]
    for base in _SIZED:
        if issubclass(cls, base):
            return f"{name}, {base.__len__(value)} {'characters' if base is str else 'bytes'}"
    if issubclass(cls, dict):
        return f"{name} of {dict.__len__(value)}"
    for base in _ITERATED:
        if issubclass(cls, base):
            return f"{name} of {base.__len__(value)}"
    return name


def _own(value: Any) -> int:
    cls = type(value)
    for base in _SIZED:
        if issubclass(cls, base):
            return _LEAST + int(base.__len__(value))
    # Three bits are about one decimal digit.
    return _LEAST + int.bit_length(value) // 3 if issubclass(cls, int) else _LEAST


def _contents(value: Any) -> Iterator[Any] | None:
    cls = type(value)
    if issubclass(cls, dict):
        return itertools.chain.from_iterable(dict.items(value))
    for base in _ITERATED:
        if issubclass(cls, base):
            iterate: Callable[[Any], Iterator[Any]] = base.__iter__
            return iterate(value)
    if any(_PRINTS_FIELDS.intersection(vars(base)) for base in cls.__mro__):
        return _fields(value, cls)
    return None


def _fields(value: Any, cls: type) -> Iterator[Any]:
    """Return what lies in the object's own memory. A property is code, so it is not asked."""
    for base in cls.__mro__:
        own = vars(base)
        if "__dict__" in own and type(own["__dict__"]).__name__ == "getset_descriptor":
            yield from dict.values(own["__dict__"].__get__(value))
        for member in own.values():
            if type(member) is MemberDescriptorType:
                try:
                    yield member.__get__(value)
                except AttributeError:  # a slot that nothing was put into
                    continue
