"""A value's mark: `push.lua` writes it with a value. `commit.lua` completes it once the database refers to the value.

Generation 3 writes these bytes; all integers are big-endian, and times are milliseconds since 1970 by Redis' clock:

| bytes | content                                                                                        |
|-------|------------------------------------------------------------------------------------------------|
| 1     | format version, 3                                                                              |
| 1     | flags: 1, the value's rule has a field of its own; 2, its description has one                  |
| 16    | version of the value                                                                           |
| 4     | bytes of the value's field                                                                     |
| 6     | time of the push                                                                               |
| 6     | time of the first commit; it is missing until then                                             |

Generation 2 writes text: `<version> <bytes of the value's field> <time of the push>`, later ` <time of the commit>`.
There, the value's rule always has a field, and a zero before the bytes says that its description has one.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_FORMAT = 3
_HAS_RULE, _IS_DESCRIBED = 1, 2
_START = struct.Struct(">BB16sI")
_COMPLETED = struct.Struct(">BB16sIHIHI")
_LATEST_MS = 10**14  # this is in the year 5138; Python's dates end in 9999


class Mark(NamedTuple):
    """A completed mark.

    Attributes:
        version: The version of the value.
        size: The bytes of the value's field.
        pushed_ms: The time of the push, in milliseconds since 1970.
        described: Whether the push wrote a field with a description.
        has_rule: Whether the push wrote a field with the value's own rule. Generation 2 does, where the task is mapped.
    """

    version: str
    size: int
    pushed_ms: int
    described: bool
    has_rule: bool


def start(version: str, size: int, *, described: bool, generation: int) -> bytes:
    """Return what a push knows of a mark. The script adds the rest.

    Args:
        version: The version of the value.
        size: The bytes of the value's field.
        described: Whether a field with a description is written.
        generation: In which generation the push writes.
    """
    if generation < _FORMAT:
        return f"{version} {'0' if described else ''}{size}".encode("ascii")
    return _START.pack(_FORMAT, _IS_DESCRIBED if described else 0, bytes.fromhex(version), size)


def completed(data: Any) -> Mark | None:
    """Read a mark; return None if it is not completed, or was not written by this package.

    A commit that is older than its push also gives None. The clock of Redis has then gone back, and nobody knows which
    of the two times is right.
    """
    try:
        if data[0] == _FORMAT:
            return _completed(*_COMPLETED.unpack(data))
        text, digits, pushed, committed = str(data, "ascii").split(" ")
        mark = Mark(text, int(digits), int(pushed), digits[0] == "0", True)
        return mark if mark.size >= 0 and 0 <= mark.pushed_ms <= int(committed) < _LATEST_MS else None
    except (TypeError, ValueError, IndexError, struct.error):
        return None


def _completed(
    number: int, flags: int, version: bytes, size: int, high: int, low: int, committed_high: int, committed_low: int
) -> Mark | None:
    """Read the parts of a completed mark of generation 3."""
    pushed_ms = high << 32 | low
    if number != _FORMAT or not pushed_ms <= committed_high << 32 | committed_low < _LATEST_MS:
        return None
    return Mark(version.hex(), size, pushed_ms, flags & _IS_DESCRIBED != 0, flags & _HAS_RULE != 0)


def completed_all(data: Sequence[Any]) -> list[Mark] | None:
    """Read marks as `completed` does; return None if that returns None for one of them."""
    if set(map(type, data)) == {bytes} and set(map(len, data)) == {_COMPLETED.size}:
        found = [_completed(*fields) for fields in _COMPLETED.iter_unpack(b"".join(data))]
    else:
        found = [None]
    if None in found:  # they are of generation 2, or there is none
        found = [completed(each) for each in data]
    return [mark for mark in found if mark is not None] if None not in found else None
