"""Payloads in several pieces, so that a value is not copied on its way to Redis; and a pause of garbage collection."""

from __future__ import annotations

import contextlib
import gc
from typing import TYPE_CHECKING, TypeAlias, Union

if TYPE_CHECKING:
    from collections.abc import Iterator

#: One piece of a payload: contiguous bytes.
Buffer: TypeAlias = Union[bytes, bytearray, memoryview]  # noqa: UP007 - evaluated at import
#: The pieces of one payload, in order.
Buffers: TypeAlias = tuple[Buffer, ...]


def fresh(size: int) -> memoryview:
    """Return memory to write to, of at least one byte. Pages that are not written to take no memory.

    The memory is in huge pages if the system has them, as NumPy does it. The system needs longer to hand out 10 MB in
    small pages than Redis needs to send them.

    Raises:
        MemoryError: There is not so much memory.
    """
    import mmap

    try:
        memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except OSError:
        raise MemoryError from None
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):  # a kernel without them
            memory.madvise(mmap.MADV_HUGEPAGE)
    return memoryview(memory)


def size_of(buffers: Buffers) -> int:
    """Count the bytes in all pieces together."""
    return sum(memoryview(buffer).nbytes for buffer in buffers)


def joined(buffers: Buffers) -> Buffer:
    """Return all bytes in one piece: the only piece itself, else a copy."""
    return buffers[0] if len(buffers) == 1 else b"".join(buffers)


def pieces(buffers: Buffers, size: int) -> Iterator[Buffer]:
    """Yield the same bytes in contiguous pieces of exactly `size` bytes; the last one may be shorter.

    A piece that lies within one buffer is a view. Only a piece that spans several buffers is copied, so at most `size`
    bytes at a time.
    """
    spanning: list[Buffer] = []
    missing = size
    for buffer in buffers:
        view = memoryview(buffer).cast("B")
        while len(view):
            part, view = view[:missing], view[missing:]
            spanning.append(part)
            missing -= len(part)
            if not missing:
                yield joined(tuple(spanning))
                spanning, missing = [], size
    if spanning:
        yield joined(tuple(spanning))


@contextlib.contextmanager
def paused_collector() -> Iterator[None]:
    """Pause Python's garbage collector. It would look at many new objects again and again."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
