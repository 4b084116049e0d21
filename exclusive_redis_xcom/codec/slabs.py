"""Slabs: large buffers next to the message instead of in it, so that arrays and tables are not copied.

A payload with slabs has four parts:

- the head: form of the message (1 byte), 3 unused bytes, number of slabs (4 bytes), bytes of the message (8 bytes), all
  little-endian
- the size of every slab (8 bytes each)
- the message
- the slabs, each at a multiple of `ALIGNMENT`, with zeros before it

The message names a slab by its number. A buffer smaller than `SMALLEST` stands in the message itself. Slabs lie one
behind the other, and each is used exactly once. So a payload can neither make slabs overlap nor copy one slab many
times.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, TypeAlias, Union

from exclusive_redis_xcom.memory import size_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from exclusive_redis_xcom.memory import Buffer, Buffers

#: In bytes. From this size on, a buffer is a slab of its own. A smaller buffer is copied when it is read, so that it
#: does not keep a large payload alive.
SMALLEST = 64 * 1024
#: In bytes. Arrow recommends this alignment, and it is enough for every dtype.
ALIGNMENT = 64

_HEAD = struct.Struct("<B3xIQ")
_SIZE = struct.Struct("<Q")

#: What the message holds for a buffer: its bytes, or the number of its slab.
Placed: TypeAlias = Union[bytes, int]  # noqa: UP007 - evaluated at import
Put: TypeAlias = "Callable[..., Placed]"
Take: TypeAlias = "Callable[[object], Buffer]"


class Outgoing:
    """The slabs of a value that is pushed. They refer to the value's own memory."""

    __slots__ = ("slabs",)

    def __init__(self) -> None:
        self.slabs: list[Buffers] = []

    def put(self, *pieces: Buffer) -> Placed:
        """Place one buffer. It may come in several pieces."""
        if size_of(pieces) < SMALLEST:
            return b"".join(pieces)
        self.slabs.append(pieces)
        return len(self.slabs) - 1

    def payload(self, form: int, message: bytes) -> Buffers:
        """Return head, message and slabs, in this order."""
        sizes = [size_of(slab) for slab in self.slabs]
        head = [_HEAD.pack(form, len(sizes), len(message)), *map(_SIZE.pack, sizes), message]
        position = sum(map(len, head))
        payload: list[Buffer] = [b"".join(head)]
        for slab, size in zip(self.slabs, sizes, strict=True):
            padding = -position % ALIGNMENT
            if padding:
                payload.append(bytes(padding))
            payload.extend(slab)
            position += padding + size
        return tuple(payload)


class Incoming:
    """The slabs of a payload that is pulled. Each can be taken once."""

    __slots__ = ("_slabs",)

    def __init__(self, slabs: list[memoryview] | None = None) -> None:
        self._slabs: list[memoryview | None] = [*(slabs or ())]

    def take(self, placed: object) -> Buffer:
        """Return what `Outgoing.put` placed: bytes, or a view of the payload. Raises ValueError for anything else."""
        if type(placed) is bytes:
            return placed
        if type(placed) is not int or not 0 <= placed < len(self._slabs):
            raise ValueError("no such slab")
        slab, self._slabs[placed] = self._slabs[placed], None
        if slab is None:
            raise ValueError("a slab that is used twice")
        return slab

    def require_all_taken(self) -> None:
        """Raise ValueError if a slab was not taken."""
        if any(slab is not None for slab in self._slabs):
            raise ValueError("a slab that nothing uses")


def split(payload: Buffer) -> tuple[int, memoryview, Incoming]:
    """Return form, message and slabs of a payload. Anyone may have written it: raises ValueError for a wrong one."""
    view = memoryview(payload)
    if len(view) < _HEAD.size:
        raise ValueError("no head")
    form, count, size_of_message = _HEAD.unpack_from(view)
    position = _HEAD.size + count * _SIZE.size
    if position > len(view) or count * SMALLEST > len(view):
        raise ValueError("more slabs than there can be")
    sizes = [size for (size,) in _SIZE.iter_unpack(view[_HEAD.size : position])]
    message, position = _cut(view, position, size_of_message)
    slabs = []
    for size in sizes:
        padding = -position % ALIGNMENT
        zeros, position = _cut(view, position, padding)
        if any(zeros) or size < SMALLEST:
            raise ValueError("not a slab")
        slab, position = _cut(view, position, size)
        slabs.append(slab)
    if position != len(view):
        raise ValueError("bytes after the last slab")
    return form, message, Incoming(slabs)


def _cut(view: memoryview, start: int, size: int) -> tuple[memoryview, int]:
    end = start + size
    if end > len(view):
        raise ValueError("a slab beyond the payload")
    return view[start:end], end
