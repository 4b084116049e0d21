"""Stand-ins: what the fast form swaps into a value before ormsgpack walks it.

A list of tuples, such as the rows of a table, gets one stand-in. So our hook is called once, and not for every tuple.
Large bytes get stand-ins too; they become slabs. The search covers the upper levels, a few thousand items in all.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import ormsgpack

from exclusive_redis_xcom.codec.msgpack_reader import read
from exclusive_redis_xcom.codec.slabs import SMALLEST

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exclusive_redis_xcom.codec.slabs import Put, Take

_LOOKED_INTO = frozenset({list, dict, bytes})
_MOST_LEVELS = 4
_MOST_ITEMS = 4096
_FEWEST_ROWS = 4


class Rows:
    """Stands for a list of tuples of the same length."""

    __slots__ = ("rows",)

    def __init__(self, rows: list[tuple[Any, ...]]) -> None:
        self.rows = rows


class LargeBytes:
    """Stands for bytes that become a slab."""

    __slots__ = ("content",)

    def __init__(self, content: bytes) -> None:
        self.content = content


def rows_children(value: Rows) -> list[Any]:
    """Return the length of a tuple, then the items of all tuples."""
    return [len(value.rows[0]), *chain.from_iterable(value.rows)]


def build_rows(children: list[Any]) -> list[tuple[Any, ...]]:
    """Reverse `rows_children`: make a list of tuples."""
    width = children[0]
    if type(width) is not int or not 0 < width < len(children) or (len(children) - 1) % width:
        raise ValueError("not rows")
    items = iter(children)
    next(items)
    return list(zip(*[items] * width, strict=True))


def dump_large_bytes(value: LargeBytes, put: Put) -> bytes:
    """Write where the bytes are."""
    return ormsgpack.packb(put(value.content))


def load_bytes(data: bytes, take: Take) -> bytes:
    """Reverse `dump_large_bytes`."""
    return bytes(take(read(data)))


def with_stand_ins(value: Any) -> Any:
    """Return a list or dict with its stand-ins in place; the value itself if it needs none."""
    return _Search().replaced(value, _MOST_LEVELS) if value else value


class _Search:
    """One search. `room` is the number of items that it may still look at."""

    __slots__ = ("room",)

    def __init__(self) -> None:
        self.room = _MOST_ITEMS

    def replaced(self, value: Any, levels: int) -> Any:
        if type(value) is bytes:
            return value if len(value) < SMALLEST else LargeBytes(value)
        if type(value) is list:
            if _are_rows(value):
                return Rows(value)
            places: Iterable[tuple[Any, Any]] = enumerate(value)
        else:
            places = value.items()
        self.room -= len(value)
        if not levels or self.room < 0:
            return value
        changed = None
        for place, item in places:
            if type(item) in _LOOKED_INTO and item:
                other = self.replaced(item, levels - 1)
                if other is not item:
                    changed = value.copy() if changed is None else changed
                    changed[place] = other
        return value if changed is None else changed


def _are_rows(value: list[Any]) -> bool:
    return (
        len(value) >= _FEWEST_ROWS
        and type(value[0]) is tuple
        and len(value[0]) > 0
        and set(map(type, value)) == {tuple}
        and set(map(len, value)) == {len(value[0])}
    )
