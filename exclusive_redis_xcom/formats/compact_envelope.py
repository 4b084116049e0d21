"""Format 4 of the envelope (`formats/envelope.py`): small, because most values are.

Layout; all integers are big-endian:

| bytes    | content                                                                                       |
|----------|-----------------------------------------------------------------------------------------------|
| 3        | magic                                                                                         |
| 1        | format version                                                                                |
| 2        | length of the head: everything before the payload, these six bytes included                   |
| 16       | version of the value                                                                          |
| 16       | digest of the coordinate, map_index and task instance included (`formats/digests.py`)         |
| 8        | pushed_at: microseconds since 1970, signed                                                    |
| 1        | flags, see below                                                                              |
| 1, 8, 16 | payload_size in 1 byte; or with decoded_size in 4 or 8 bytes each                             |
| 2        | length of the description, where a flag says that there is one                                |
| 1, 1     | codec and compression: their numbers, or 0                                                    |
| as told  | for each that is 0: 2 bytes of length, and UTF-8                                              |
| 2        | parts, where a flag says so                                                                   |
| as told  | key_id, where a flag says so: 2 bytes of length, and UTF-8                                    |
| 8        | digest of the rule under which the value was pushed, where a flag says so: the task is mapped |
| as told  | the description (`formats/description.py`), where a flag says so                              |
| the rest | the payload, unless it lies in parts                                                          |

In one byte, payload_size stands for decoded_size, too. A value that lies in an object has an older format. There the
object begins with the same head, and `exclusive-xcom gc` learns the coordinate from it.
"""

from __future__ import annotations

import functools
import struct
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from exclusive_redis_xcom.errors import CorruptValue, XComTooLarge
from exclusive_redis_xcom.formats import unreadable
from exclusive_redis_xcom.formats.digests import RULE_BYTES, place_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exclusive_redis_xcom.model import Coordinate

FORMAT = 4
MAX_HEAD_BYTES = 64 * 1024 - 1

_MAGIC = b"XRX"
_FIXED = struct.Struct(">3sBH16s16sqB")
_FOUR, _EIGHT, _PARTS, _KEY_ID, _RULE, _DESCRIPTION = (1 << bit for bit in range(6))
_ONE_BYTE = struct.Struct(">B")
_SIZES = {0: _ONE_BYTE, _FOUR: struct.Struct(">II"), _EIGHT: struct.Struct(">QQ")}
_SIZES_MASK = _FOUR | _EIGHT
_MORE = _SIZES_MASK | _DESCRIPTION
#: The fixed part, and the size in its shortest form.
_BEGINNING = struct.Struct(">3sBH16s16sqBB")
#: The same, with the magic and the format in one.
_ALIKE = struct.Struct(">4sH16s16sqBB")
_START = _MAGIC + bytes((FORMAT,))
_SHORT = struct.Struct(">H")

#: The numbers of codecs and compressions, from 1. Numbers may be added, and none may change.
_CODECS = ("msgpack", "flat", "bytes", "str", "slabs")
_COMPRESSIONS = ("off", "zstd")


class Head(NamedTuple):
    """What the head says, apart from the coordinate. `pushed_at` counts microseconds since 1970."""

    version: str
    codec: str
    compression: str
    decoded_size: int
    pushed_at: int
    payload_size: int
    key_id: str | None = None
    parts: int = 0
    rule: bytes | None = None
    description: bytes = b""


class Alike(NamedTuple):
    """Columns of envelopes that say the same of key_id and rule. `hows` are codecs, each with the compression."""

    versions: list[bytes]
    places: list[bytes]
    pushed: list[int]
    hows: list[tuple[str, str]]
    decoded_sizes: list[int]
    payloads: list[bytes]

    def __repr__(self) -> str:
        return f"<{len(self.payloads)} envelopes>"


#: A head as a plain tuple: a pull makes a thousand, and a named tuple takes twice as long to make.
Fields: TypeAlias = "tuple[str, str, str, int, int, int, str | None, int, bytes | None, bytes]"

#: The part of a head in which the results of a mapped task do not differ: codec, compression, key_id, parts and rule.
_Kind: TypeAlias = "tuple[str, str, str | None, int, bytes | None]"


def pack(head: Head, at: Coordinate) -> bytes:
    """Return the bytes of a head.

    Raises:
        XComTooLarge: They would exceed 64 KiB.
    """
    flags = _sizes_form(head.payload_size, head.decoded_size)
    sizes = _SIZES[flags]
    numbers = (head.payload_size,) if sizes is _ONE_BYTE else (head.payload_size, head.decoded_size)
    codec, compression = _number(_CODECS, head.codec), _number(_COMPRESSIONS, head.compression)
    pieces = [sizes.pack(*numbers)]
    if head.description:
        flags |= _DESCRIPTION
        pieces.append(_SHORT.pack(len(head.description)))
    pieces.append(bytes((codec, compression)))
    pieces += [
        _packed_text(text) for number, text in ((codec, head.codec), (compression, head.compression)) if not number
    ]
    if head.parts:
        flags |= _PARTS
        pieces.append(_SHORT.pack(head.parts))
    if head.key_id is not None:
        flags |= _KEY_ID
        pieces.append(_packed_text(head.key_id))
    if head.rule is not None:
        flags |= _RULE
        pieces.append(head.rule)
    pieces.append(head.description)
    rest = b"".join(pieces)
    length = _FIXED.size + len(rest)
    if length > MAX_HEAD_BYTES:
        msg = f"The header of an XCom needs {length} bytes; at most {MAX_HEAD_BYTES} are stored."
        raise XComTooLarge(msg)
    version = bytes.fromhex(head.version)
    return _FIXED.pack(_MAGIC, FORMAT, length, version, place_of(at), head.pushed_at, flags) + rest


def unpack(data: bytes) -> tuple[bytes, int, Fields]:
    """Read a head that begins with the magic and this format; `data` is not trusted.

    Returns:
        The digest of the coordinate, the length of the head, and what it says, in the order of `Head`.

    Raises:
        CorruptValue: The data does not begin with what `pack` writes.
        struct.error, UnicodeDecodeError: The same.
    """
    _, _, length, version, place, pushed_at, flags, size = _BEGINNING.unpack_from(data)
    start, end = _BEGINNING.size, length
    decoded_size = size
    if flags & _MORE:
        size, decoded_size, start, end = _further(data, flags, length)
    if not start <= end <= length <= len(data):
        raise unreadable.unreadable(unreadable.CUT)
    codec, compression, key_id, parts, rule = _kind(data[start:end], flags & ~_MORE)
    fields = (version.hex(), codec, compression, decoded_size, pushed_at, size, key_id, parts, rule, data[end:length])
    return place, length, fields


def unpack_alike(data: Sequence[bytes]) -> Alike | None:
    """Read envelopes whose heads say the same of key_id and rule; return None for all others.

    This reads nothing that `unpack` does not read, in less than half the time. A payload that lies in parts, and one of
    another length than its head says, also give None. The data is not trusted.
    """
    found = Alike([], [], [], [], [], [])
    add_version, add_place, add_pushed = found.versions.append, found.places.append, found.pushed.append
    add_how, add_size, add_payload = found.hows.append, found.decoded_sizes.append, found.payloads.append
    rest, known, how, shared = b"", -1, ("", ""), None
    try:
        for each in data:
            start, length, version, place, pushed_at, flags, size = _ALIKE.unpack_from(each)
            begin, end, decoded_size = _ALIKE.size, length, size
            if flags & _MORE:
                size, decoded_size, begin, end = _further(each, flags, length)
            if start != _START or not begin <= end <= length or len(each) - length != size:
                return None
            if each[begin:end] != rest or flags & ~_MORE != known:
                rest, known = each[begin:end], flags & ~_MORE
                codec, compression, key_id, parts, rule = _kind(rest, known)
                if parts or (shared is not None and (key_id, rule) != shared):
                    return None
                how, shared = (codec, compression), (key_id, rule)
            add_version(version)
            add_place(place)
            add_pushed(pushed_at)
            add_how(how)
            add_size(decoded_size)
            add_payload(each[length:])
    except (struct.error, TypeError, UnicodeDecodeError, CorruptValue):
        return None
    return found


def _further(data: bytes, flags: int, length: int) -> tuple[int, int, int, int]:
    """Return both sizes, and where the rest of the head begins and where it ends, before the description."""
    start, described = _FIXED.size, 0
    sizes = _SIZES.get(flags & _SIZES_MASK)
    if sizes is None:
        raise unreadable.unreadable(unreadable.NO_HEADER)
    size, *decoded = sizes.unpack_from(data, start)
    decoded_size = decoded[0] if decoded else size
    start += sizes.size
    if _sizes_form(size, decoded_size) != flags & _SIZES_MASK:
        raise unreadable.unreadable(unreadable.NO_HEADER)
    if flags & _DESCRIPTION:
        (described,) = _SHORT.unpack_from(data, start)
        start += _SHORT.size
        if not described:
            raise unreadable.unreadable(unreadable.NO_HEADER)
    return size, decoded_size, start, length - described


@functools.lru_cache(maxsize=128)
def _kind(data: bytes, flags: int) -> _Kind:
    (numbers,) = _SHORT.unpack_from(data)
    codec, at = _name(data, _CODECS, numbers >> 8, _SHORT.size)
    compression, at = _name(data, _COMPRESSIONS, numbers & 255, at)
    key_id, parts, rule = None, 0, None
    if flags & _PARTS:
        (parts,) = _SHORT.unpack_from(data, at)
        at += _SHORT.size
    if flags & _KEY_ID:
        key_id, at = _unpacked_text(data, at)
    if flags & _RULE:
        rule = data[at : at + RULE_BYTES]
        at += RULE_BYTES
    if at != len(data) or flags & ~(_PARTS | _KEY_ID | _RULE) or bool(parts) != bool(flags & _PARTS):
        raise unreadable.unreadable(unreadable.CUT)
    return codec, compression, key_id, parts, rule


def _sizes_form(size: int, decoded_size: int) -> int:
    """Return the flag of the shortest form in which the sizes can be written."""
    if size == decoded_size < 2**8:
        return 0
    return _FOUR if max(size, decoded_size) < 2**32 else _EIGHT


def _number(names: tuple[str, ...], name: str) -> int:
    return names.index(name) + 1 if name in names else 0


def _name(data: bytes, names: tuple[str, ...], number: int, at: int) -> tuple[str, int]:
    if 0 < number <= len(names):
        return names[number - 1], at
    text, at = _unpacked_text(data, at)
    if number or text in names:
        raise unreadable.unreadable(unreadable.NO_HEADER)
    return text, at


def _packed_text(text: str) -> bytes:
    data = text.encode("utf-8", "surrogatepass")
    return _SHORT.pack(len(data)) + data


def _unpacked_text(data: bytes, at: int) -> tuple[str, int]:
    (size,) = _SHORT.unpack_from(data, at)
    start = at + _SHORT.size
    return str(data[start : start + size], "utf-8", "surrogatepass"), start + size
