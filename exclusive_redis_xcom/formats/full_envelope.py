"""Formats 2 and 3 of the envelope (`formats/envelope.py`): they name the coordinate in full.

Layout; all integers are big-endian:

| bytes      | content                                                                                     |
|------------|---------------------------------------------------------------------------------------------|
| 3          | magic                                                                                       |
| 1          | format version                                                                              |
| 4          | length of the head: everything before the payload, these eight bytes included               |
| 16         | version of the value                                                                        |
| 8, 8       | decoded_size, payload_size                                                                  |
| 8          | pushed_at: microseconds since 1970, signed                                                  |
| 8          | map_index, signed                                                                           |
| 4          | parts                                                                                       |
| 2, 2, 2, 2 | lengths of codec and compression; lengths plus one of key_id and spilled, 0 if there is none |
| as told    | codec, compression, key_id, spilled: UTF-8                                                  |
| 2, 2, 2, 2 | lengths of dag_id, run_id, task_id and key                                                  |
| as told    | dag_id, run_id, task_id, key: UTF-8                                                         |
| the rest   | the payload, unless it lies in parts or in an object                                        |

This is format 2. Format 3 is for a coordinate that names its task instance. There `ti_id` stands after the key, as a
fifth id with a length of its own.
"""

from __future__ import annotations

import functools
import struct
from typing import NamedTuple, TypeAlias

from exclusive_redis_xcom.errors import CorruptValue, XComTooLarge
from exclusive_redis_xcom.formats import compact_envelope
from exclusive_redis_xcom.formats.unreadable import CUT, unreadable
from exclusive_redis_xcom.model import NOT_MAPPED, Coordinate

#: The head has at most so many bytes.
MAX_HEAD_BYTES = 64 * 1024

_Ids: TypeAlias = tuple[str, ...]

_MAGIC = b"XRX"
_FORMAT = 2
_FORMAT_OF_INSTANCE = 3
_START = struct.Struct(">3sBI")
_FACTS = struct.Struct(">3sBI16sQQqqI")
_LENGTHS = struct.Struct(">HHHH")  # of the texts
_ID_LENGTHS = {_FORMAT: struct.Struct(">HHHH"), _FORMAT_OF_INSTANCE: struct.Struct(">HHHHH")}
_NEWER = "a newer release of exclusive-redis-xcom may have written it: upgrade this worker"


class Head(NamedTuple):
    """What the head says, apart from the coordinate. `pushed_at` counts microseconds since 1970."""

    version: str
    codec: str
    compression: str
    decoded_size: int
    pushed_at: int
    payload_size: int
    key_id: str | None
    parts: int
    spilled: str | None


#: A head as a plain tuple: see `compact_envelope.Fields`.
Fields: TypeAlias = "tuple[str, str, str, int, int, int, str | None, int, str | None]"


def pack(head: Head, at: Coordinate) -> bytes:
    """Return the bytes of a head: in format 2, or 3 for a task instance.

    Raises:
        XComTooLarge: The ids are so long that the head would exceed 64 KiB.
    """
    texts = [_encode(each or "") for each in (head.codec, head.compression, head.key_id, head.spilled)]
    ids = [_encode(each) for each in _ids_of(at)]
    format_ = _FORMAT if at.ti_id is None else _FORMAT_OF_INSTANCE
    lengths = _ID_LENGTHS[format_]
    length = _FACTS.size + _LENGTHS.size + lengths.size + sum(map(len, texts)) + sum(map(len, ids))
    if length > MAX_HEAD_BYTES:
        msg = f"The ids of an XCom need {length} bytes; at most {MAX_HEAD_BYTES} are stored. Shorten them."
        raise XComTooLarge(msg)
    facts = _FACTS.pack(
        _MAGIC,
        format_,
        length,
        bytes.fromhex(head.version),
        head.decoded_size,
        head.payload_size,
        head.pushed_at,
        at.map_index,
        head.parts,
    )
    sizes = _LENGTHS.pack(
        len(texts[0]),
        len(texts[1]),
        0 if head.key_id is None else len(texts[2]) + 1,
        0 if head.spilled is None else len(texts[3]) + 1,
    )
    return b"".join((facts, sizes, *texts, lengths.pack(*map(len, ids)), *ids))


def unpack(data: bytes, expected: Coordinate | None) -> tuple[Coordinate, int, Fields]:
    """Read a head; `data` is not trusted.

    Args:
        data: The head. Other bytes may follow it.
        expected: What is returned as the coordinate if the head names it, which is faster than to make another one.

    Returns:
        The coordinate, the length of the head, and what it says, in the order of `Head`.

    Raises:
        CorruptValue: The data does not begin with what `pack` writes.
        struct.error, UnicodeDecodeError: The same.
    """
    if len(data) < _FACTS.size:
        raise _short(data)
    magic, format_, length, version, decoded_size, size, pushed_at, map_index, parts = _FACTS.unpack_from(data)
    if magic != _MAGIC or format_ not in _ID_LENGTHS or length > MAX_HEAD_BYTES or length > len(data):
        raise _not_ours(magic, format_)
    ids, codec, compression, key_id, spilled = _texts(data[_FACTS.size : length], format_)
    coordinate = expected
    if coordinate is None or coordinate.map_index != map_index or _ids_of(coordinate) != ids:
        coordinate = _coordinate(ids, map_index)
    fields = (version.hex(), codec, compression, decoded_size, pushed_at, size, key_id, parts, spilled)
    return coordinate, length, fields


def head_of(data: bytes) -> bytes:
    """Return the head with which data begins, or all of it if it is shorter than it says."""
    return data[: _START.unpack_from(data)[2]] if len(data) >= _START.size else data


@functools.lru_cache(maxsize=128)  # the results of a mapped task share all of this
def _texts(data: bytes, format_: int) -> tuple[_Ids, str, str, str | None, str | None]:
    codec_size, compression_size, key_id_size, spilled_size = _LENGTHS.unpack_from(data)
    codec, at = _string(data, _LENGTHS.size, codec_size)
    compression, at = _string(data, at, compression_size)
    key_id, at = _string(data, at, key_id_size - 1) if key_id_size else (None, at)
    spilled, at = _string(data, at, spilled_size - 1) if spilled_size else (None, at)
    lengths = _ID_LENGTHS[format_]
    sizes = lengths.unpack_from(data, at)
    at += lengths.size
    if at + sum(sizes) != len(data):
        raise unreadable(CUT)
    ids = []
    for size in sizes:
        text, at = _string(data, at, size)
        ids.append(text)
    return tuple(ids), codec, compression, key_id, spilled


def _string(data: bytes, start: int, size: int) -> tuple[str, int]:
    end = start + size
    return str(data[start:end], "utf-8", "surrogatepass"), end


def _coordinate(ids: _Ids, map_index: int) -> Coordinate:
    if map_index < NOT_MAPPED:
        raise unreadable("'map_index' in its header is not a map_index")
    dag_id, run_id, task_id, key, *instance = ids
    return Coordinate(dag_id, run_id, task_id, key, map_index, *instance)


def _ids_of(at: Coordinate) -> _Ids:
    if at.ti_id is None:
        return at.dag_id, at.run_id, at.task_id, at.key
    return at.dag_id, at.run_id, at.task_id, at.key, at.ti_id


def _encode(text: str) -> bytes:
    # A lone surrogate is no valid UTF-8, but an id that holds one must come back, too.
    return text.encode("utf-8", "surrogatepass")


def _short(data: bytes) -> CorruptValue:
    if len(data) < _START.size:
        return unreadable("it is shorter than any envelope")
    magic, format_, _ = _START.unpack_from(data)
    return _not_ours(magic, format_)


def _not_ours(magic: bytes, format_: int) -> CorruptValue:
    if magic != _MAGIC:
        return unreadable("it does not start as an envelope does, so something else wrote it")
    if format_ not in _ID_LENGTHS:
        whose = "an earlier release wrote it" if format_ < _FORMAT else _NEWER
        known = f"{', '.join(map(str, _ID_LENGTHS))} and {compact_envelope.FORMAT}"
        return unreadable(f"its format is {format_}, and this release reads {known}; {whose}")
    return unreadable(CUT)
