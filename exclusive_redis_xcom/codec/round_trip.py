"""Check that a value which ormsgpack has packed comes back unchanged.

ormsgpack changes some things without an error: `bytearray` becomes bytes and, with `OPT_NON_STR_KEYS`, a date as a key
becomes text. The check goes level by level, so that most of it runs in C.
"""

from __future__ import annotations

import gc
from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

_CHANGED = frozenset({bytearray, memoryview})
_SCALARS = frozenset({type(None), bool, int, float, str, bytes})
_CONTAINERS = frozenset({list, dict})
_PLAIN = _SCALARS | _CONTAINERS
#: Types of keys that come back unchanged, also as items of a tuple.
_KEYS = _SCALARS | {tuple}


def comes_back(value: Any, *, any_keys: bool) -> bool:
    """Return whether a value that ormsgpack has packed comes back unchanged.

    Args:
        value: A value without cycles; ormsgpack packs no other.
        any_keys: Whether dicts may have keys other than `str`.
    """
    level = [value]
    while True:
        types = set(map(type, level))
        if types & _CHANGED:
            return False
        if not types & _CONTAINERS:
            return True
        if any_keys and not _keys_come_back(chain.from_iterable(item for item in level if type(item) is dict)):
            return False
        # Lists and dicts refer to their items, keys and values, and to nothing else. Scalars refer to nothing.
        known = types <= _PLAIN
        level = gc.get_referents(*(level if known else [item for item in level if type(item) in _CONTAINERS]))


def _keys_come_back(keys: Iterable[Any]) -> bool:
    level = [key for key in keys if type(key) is not str]
    while level:
        types = set(map(type, level))
        if not types <= _KEYS:
            return False
        level = list(chain.from_iterable(key for key in level if type(key) is tuple)) if tuple in types else []
    return True
