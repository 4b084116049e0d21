"""State that an object has beside the fields of its class: `point.note = "x"` where no field is called `note`.

It is carried if it is plain data. The rest is left behind, and one log line names it: a lock or a client, say, that
`__post_init__` makes again. Values of cached properties are left behind without a word, because they are made again.
"""

from __future__ import annotations

import inspect
import logging
from functools import lru_cache
from types import FunctionType, MemberDescriptorType
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.codec.kinds import qualified_name

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Set

log = logging.getLogger("exclusive_redis_xcom")

_NO_FIELD = (
    "The class does not list this as a field, and it is no plain data. Pulled objects have it only if the class makes "
    "it again."
)
_MOST_NOTES = 1000
_noted: set[tuple[type, str]] = set()


def extras_of(value: object, fields: Set[str], is_plain_data: Callable[[object], bool]) -> dict[str, Any]:
    """Return what is carried of an object's state beside its fields.

    Args:
        value: An object that is carried field by field.
        fields: The names of the fields.
        is_plain_data: Says whether something is carried, and holds no object of a class.
    """
    beside = state_beside(value, fields)
    if not beside:
        return beside
    carried = {
        name: content for name, content in beside.items() if _is_settable(value, name) and is_plain_data(content)
    }
    note_left_behind(type(value), beside.keys() - carried.keys())
    return carried


def without_extras(value: Any, as_what: str) -> None:
    """Note the state of an object that is carried as a plainer value."""
    cls: Any = type(value)
    if not getattr(value, "__dict__", None) and not _slots(cls):
        return  # nearly always, and fast
    beside = state_beside(value)
    if beside:
        note_left_behind(cls, beside, f"They are carried as a plain {as_what}.")


def state_beside(value: object, fields: Set[str] = frozenset()) -> dict[str, Any]:
    """Return an object's attributes beside its fields, without the values of cached properties."""
    cls: Any = type(value)
    own = getattr(value, "__dict__", None) or {}
    slots = _slots(cls)
    if own.keys() <= fields and slots <= fields:
        return {}  # nearly always, and fast
    found = {name: content for name, content in own.items() if name not in fields}
    found.update({name: getattr(value, name) for name in slots.difference(fields) if hasattr(value, name)})
    return {name: content for name, content in found.items() if not _is_cache(cls, name)}


@lru_cache(maxsize=256)
def _slots(cls: type) -> frozenset[str]:
    """Return the names of slots. Slots of classes that C code made are the business of C code."""
    return frozenset(
        name
        for base in cls.__mro__
        if "__slots__" in vars(base)
        for name, member in vars(base).items()
        if isinstance(member, MemberDescriptorType)
    )


def _is_cache(cls: type, name: str) -> bool:
    """Return whether a class makes an attribute when it is asked for, as `functools.cached_property` does."""
    member = inspect.getattr_static(cls, name, None)
    return hasattr(type(member), "__get__") and not isinstance(member, (FunctionType, MemberDescriptorType))


def _is_settable(value: object, name: object) -> bool:
    """Return whether an attribute is state of the object, and not a part of how its class works."""
    if not isinstance(name, str) or (name.startswith("__") and name.endswith("__")):
        return False
    member = inspect.getattr_static(type(value), name, None)
    return isinstance(member, MemberDescriptorType) or not hasattr(type(member), "__get__")


def set_extras(value: object, extras: dict[str, Any], fields: Set[str]) -> None:
    """Reverse `extras_of`, on an object that its class has just made.

    Raises:
        AttributeError: A name is a field's, or leads to the workings of the class. `extras_of` returns no such name.
    """
    for name, content in extras.items():
        if name in fields or not _is_settable(value, name):
            raise AttributeError("not an attribute beside the fields")
        object.__setattr__(value, name, content)


def note_left_behind(cls: type, names: Collection[str], why: str = _NO_FIELD) -> None:
    """Log once per class and attribute that objects of the class come back without it."""
    new = sorted(name for name in map(str, names) if (cls, name) not in _noted)
    if new and len(_noted) < _MOST_NOTES:
        _noted.update((cls, name) for name in new)
        log.warning("Objects of %s are carried without: %s. %s", qualified_name(cls), ", ".join(new), why)
