"""Memory: payloads in several pieces, so that a value on its way to Redis is not copied, and Python's collector."""

from __future__ import annotations

import contextlib
import gc
from typing import TYPE_CHECKING, TypeAlias, Union

if TYPE_CHECKING:
    from collections.abc import Iterator

#: One piece: contiguous bytes.
Buffer: TypeAlias = Union[bytes, bytearray, memoryview]  # noqa: UP007 - evaluated at import
#: The pieces of one payload, in order.
Buffers: TypeAlias = tuple[Buffer, ...]


def fresh(size: int) -> memoryview:
    """Memory to write to, of at least one byte. What is not written to takes none, however much was asked for.

    In huge pages where the system has them, as NumPy does it: to be given 10 MB in small ones takes longer than to
    receive them.

    Raises:
        MemoryError: There is not as much.
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
    """Bytes in all pieces together."""
    return sum(memoryview(buffer).nbytes for buffer in buffers)


def joined(buffers: Buffers) -> Buffer:
    """All in one piece: the only piece itself, else a copy."""
    return buffers[0] if len(buffers) == 1 else b"".join(buffers)


def pieces(buffers: Buffers, size: int) -> Iterator[Buffer]:
    """The same bytes in contiguous pieces of exactly `size` bytes, the last one shorter.

    Views, where a piece lies within one buffer; only what spans several is copied, `size` bytes at a time.
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
    """Keep the collector from looking at them again and again, which costs the more the more there are."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
