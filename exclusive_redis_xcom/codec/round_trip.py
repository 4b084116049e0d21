"""Check that a value which ormsgpack has packed comes back unchanged.

ormsgpack changes some things without an error: `bytearray` becomes bytes and, with `OPT_NON_STR_KEYS`, a date as a key
becomes text. The check goes level by level, so that most of it runs in C. A long level is looked at in blocks, whose
memory is used again and again.
"""

from __future__ import annotations

import gc
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_CHANGED = frozenset({bytearray, memoryview})
_SCALARS = frozenset({type(None), bool, int, float, str, bytes})
_CONTAINERS = frozenset({list, dict})
_PLAIN = _SCALARS | _CONTAINERS
#: Types of keys that come back unchanged, also as items of a tuple.
_KEYS = _SCALARS | {tuple}
_BLOCK = 1024  # items
#: With fewer items, looking at their types takes no longer.
_FEWEST_FOR_MSGSPEC = 256


def comes_back(value: Any, *, any_keys: bool) -> bool:
    """Return whether a value that ormsgpack has packed comes back unchanged.

    Args:
        value: A value without cycles; ormsgpack packs no other.
        any_keys: Whether dicts may have keys other than `str`.
    """
    levels = [[value]]
    while levels:
        level = levels.pop()
        if len(level) >= _FEWEST_FOR_MSGSPEC and type(level[0]) in _SCALARS and _are_all_scalars()(level):
            continue
        if len(level) > _BLOCK:
            levels += [level[start : start + _BLOCK] for start in range(0, len(level), _BLOCK)]
            continue
        types = set(map(type, level))
        if types & _CHANGED:
            return False
        if not types & _CONTAINERS:
            continue
        if any_keys and not _keys_come_back(chain.from_iterable(item for item in level if type(item) is dict)):
            return False
        # Lists and dicts refer to their items, keys and values, and to nothing else. Scalars refer to nothing.
        known = types <= _PLAIN
        levels.append(gc.get_referents(*(level if known else [item for item in level if type(item) in _CONTAINERS])))
    return True


@lru_cache(maxsize=1)
def _are_all_scalars() -> Callable[[list[Any]], bool]:
    """Return a function that is true for a list of nothing but None, bool, int, float and str.

    msgspec looks at a type in a third of the time. It is imported here, since small values do not need it.
    """
    from msgspec import ValidationError, convert

    scalars = list[bool | int | float | str | None]

    def are_all_scalars(level: list[Any]) -> bool:
        try:
            convert(level, scalars)
        except ValidationError:
            return False
        return True

    return are_all_scalars


def _keys_come_back(keys: Iterable[Any]) -> bool:
    level = [key for key in keys if type(key) is not str]
    while level:
        types = set(map(type, level))
        if not types <= _KEYS:
            return False
        level = list(chain.from_iterable(key for key in level if type(key) is tuple)) if tuple in types else []
    return True
