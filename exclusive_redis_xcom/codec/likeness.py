"""Whether a class has kept what its constructor was given. A class may change it: `self.name = prefix + self.name`."""

from __future__ import annotations

from datetime import datetime, time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def changed_names(kept: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
    """Return the names of what is not equal, or is missing.

    Args:
        kept: What an object has.
        given: What it was made of.
    """
    return [name for name, content in given.items() if name not in kept or not is_like(kept[name], content)]


def is_like(one: Any, other: Any) -> bool:
    """Return whether two values are equal. What cannot be compared, such as two arrays, counts as equal.

    A class that keeps what it is given keeps the same object, so this is mostly one step.
    """
    if one is other:
        return True
    try:
        return _is_like(one, other)
    except Exception:  # the code of any class
        return True


def is_same(one: Any, other: Any) -> bool:
    """Return whether two values are equal, and are of equal types all the way down."""
    if type(one) is not type(other):
        return False
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(is_same, one, other))
    if isinstance(one, dict):
        return is_same(list(one.items()), list(other.items()))
    if isinstance(one, (datetime, time)):
        # JSON turns `timezone.utc` into a zone of pydantic's, which equals it.
        return one == other and (one.tzinfo == other.tzinfo or type(one.tzinfo) is type(other.tzinfo))
    return is_like(one, other)


def _is_like(one: Any, other: Any) -> bool:
    if type(one) in (list, tuple) and type(one) is type(other):
        return len(one) == len(other) and all(map(is_like, one, other))
    if type(one) is dict and type(other) is dict:
        return one.keys() == other.keys() and not changed_names(one, other)
    if type(one) is type(other) and getattr(type(one), "__eq__", None) is object.__eq__:
        return True
    return bool(one == other) or bool(one != one and other != other)  # NaN
