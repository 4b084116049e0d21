"""The envelope: one field of a Redis hash. It holds the facts needed to read a value, and its bytes or where they are.

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

The head names the coordinate for which the value was written, and the payload's length. So a swapped or cut value is
noticed before anything decodes it. A payload too large for one field lies in other fields, in `parts` of `PART_BYTES`
each. A `spilled` payload lies in an object of an object storage.

This is format 2. Format 3 is for a coordinate that names its task instance. There `ti_id` stands after the key, as a
fifth id with a length of its own. Format 4 is `formats/compact_envelope.py`.

Pushes of generation 2 write formats 2 and 3. Pushes of generation 3 write format 4 to Redis, unless the value lies in
an object.
"""

from __future__ import annotations

import functools
import struct
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import TypeAlias

from exclusive_redis_xcom.errors import CorruptValue, XComTooLarge
from exclusive_redis_xcom.formats import compact_envelope
from exclusive_redis_xcom.formats.digests import place_of
from exclusive_redis_xcom.formats.unreadable import CUT, NO_HEADER, WRONG_LENGTH, text, unreadable
from exclusive_redis_xcom.memory import Buffers, size_of
from exclusive_redis_xcom.model import NOT_MAPPED, Coordinate

#: A larger payload does not lie in the field of its envelope, so that no command keeps Redis from its other clients.
INLINE_BYTES = 1024 * 1024
#: Each part holds so many bytes; the last part may be shorter.
PART_BYTES = 1024 * 1024
#: 2 GiB in all: AES-GCM takes no longer message.
MAX_PARTS = 2048
#: The head has at most so many bytes.
MAX_HEAD_BYTES = 64 * 1024

_Ids: TypeAlias = tuple[str, ...]

_MAGIC = b"XRX"
_FORMAT = 2
_FORMAT_OF_INSTANCE = 3
_COMPACT = _MAGIC + bytes((compact_envelope.FORMAT,))
_START = struct.Struct(">3sBI")
_FACTS = struct.Struct(">3sBI16sQQqqI")
_LENGTHS = struct.Struct(">HHHH")  # of the texts
_ID_LENGTHS = {_FORMAT: struct.Struct(">HHHH"), _FORMAT_OF_INSTANCE: struct.Struct(">HHHHH")}
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(slots=True)  # a frozen one takes five times as long to make, and a pull makes a thousand
class Envelope:
    """One pushed value. It must not be changed.

    Attributes:
        coordinate: The XCom for which the value was pushed.
        version: 128 random bits as 32 hex digits, different for each push.
        codec: How the payload was encoded.
        compression: How the payload was compressed.
        decoded_size: Bytes before compression.
        pushed_at: The worker's clock, UTC.
        payload: The bytes, in one or more pieces. It is empty where they lie in parts or in an object.
        key_id: The key with which the payload is encrypted; None if it is plain.
        parts: In how many parts the payload lies; 0 if in none.
        spilled: The name of the object that holds the payload; None if there is none.
        elsewhere: How many bytes lie in parts or in an object.
        rule: The digest of the rule under which the value was pushed; in format 4, where the task is mapped.
        description: What the value is like, as format 4 holds it (`formats/description.py`); empty if nothing is told.

    Envelopes that differ in the last two alone are equal: these stand beside the value.
    """

    coordinate: Coordinate
    version: str
    codec: str
    compression: str
    decoded_size: int
    pushed_at: datetime
    payload: Buffers = field(repr=False)
    key_id: str | None = None
    parts: int = 0
    spilled: str | None = None
    elsewhere: int = 0
    rule: bytes | None = field(default=None, compare=False)
    description: bytes = field(default=b"", compare=False)

    @property
    def payload_size(self) -> int:
        """Count the payload's bytes, wherever it lies."""
        return self.elsewhere or size_of(self.payload)

    def in_parts(self) -> Envelope:
        """Copy it without the payload, which goes into fields of its own."""
        size = self.payload_size
        return replace(self, payload=(), parts=-(-size // PART_BYTES), elsewhere=size)

    def spilled_to(self, name: str) -> Envelope:
        """Copy it without the payload, which goes into an object of this name."""
        return replace(self, payload=(), spilled=name, elsewhere=self.payload_size)

    def with_payload(self, payload: Buffers) -> Envelope:
        """Copy it with the payload that lay elsewhere.

        Raises:
            CorruptValue: The payload is not as long as the head says.
        """
        if size_of(payload) != self.payload_size:
            raise self.of_another_length()
        return replace(self, payload=payload, parts=0, spilled=None, elsewhere=0)

    def of_another_length(self) -> CorruptValue:
        """Make the error for a payload that is not as long as the head says."""
        return CorruptValue(f"{text(WRONG_LENGTH)}\n{self.coordinate}.")

    def pack(self) -> bytes:
        """Return the bytes to store in format 2, or 3 for a task instance.

        Raises:
            XComTooLarge: The ids are so long that the head would exceed 64 KiB.
            ValueError: `pushed_at` has no time zone.
        """
        texts = [_encode(each or "") for each in (self.codec, self.compression, self.key_id, self.spilled)]
        ids = [_encode(each) for each in _ids_of(self.coordinate)]
        format_ = _FORMAT if self.coordinate.ti_id is None else _FORMAT_OF_INSTANCE
        lengths = _ID_LENGTHS[format_]
        length = _FACTS.size + _LENGTHS.size + lengths.size + sum(map(len, texts)) + sum(map(len, ids))
        if length > MAX_HEAD_BYTES:
            msg = f"The ids of an XCom need {length} bytes; at most {MAX_HEAD_BYTES} are stored. Shorten them."
            raise XComTooLarge(msg)
        facts = _FACTS.pack(
            _MAGIC,
            format_,
            length,
            bytes.fromhex(self.version),
            self.decoded_size,
            self.payload_size,
            _microseconds(self.pushed_at),
            self.coordinate.map_index,
            self.parts,
        )
        sizes = _LENGTHS.pack(
            len(texts[0]),
            len(texts[1]),
            0 if self.key_id is None else len(texts[2]) + 1,
            0 if self.spilled is None else len(texts[3]) + 1,
        )
        return b"".join((facts, sizes, *texts, lengths.pack(*map(len, ids)), *ids, *self.payload))

    def pack_compact(self, rule: bytes | None = None, description: bytes = b"") -> bytes:
        """Return the bytes to store in format 4. The payload does not lie in an object.

        Args:
            rule: The attribute `rule` of what `unpack` makes of the bytes.
            description: The attribute `description` of that.

        Raises:
            XComTooLarge: The head would exceed 64 KiB.
            ValueError: `pushed_at` has no time zone.
        """
        head = compact_envelope.Head(
            self.version,
            self.codec,
            self.compression,
            self.decoded_size,
            _microseconds(self.pushed_at),
            self.payload_size,
            self.key_id,
            self.parts,
            rule,
            description,
        )
        return b"".join((compact_envelope.pack(head, self.coordinate), *self.payload))

    @classmethod
    def unpack(cls, data: bytes, expected: Coordinate | None = None) -> Envelope:
        """Read what `pack` or `pack_compact` wrote; `data` is not trusted.

        Args:
            data: The field's bytes.
            expected: The coordinate that was asked for. If the data names it, the envelope shares this object, which
                is faster than to make another one. If not, the envelope names the coordinate that it was written for.
                Format 4 has a digest of the coordinate and is read only with the coordinate at hand.

        Raises:
            CorruptValue: The data is not exactly what these methods write. Or it has format 4, and was written for
                another coordinate than the expected one.
        """
        try:
            if data.startswith(_COMPACT):
                return _unpack_compact(data, expected, alone=False)
            return _unpack(data, expected)
        except (struct.error, UnicodeDecodeError, OverflowError):
            raise unreadable(NO_HEADER) from None

    @classmethod
    def unpack_head(cls, data: bytes) -> Envelope:
        """Read an envelope whose payload lies elsewhere. Other bytes may follow it in `data`.

        Raises:
            CorruptValue: The data does not begin with an envelope.
        """
        return cls.unpack(data[: _START.unpack_from(data)[2]] if len(data) >= _START.size else data)

    @classmethod
    def unpack_facts(cls, data: bytes, expected: Coordinate | None = None) -> Envelope:
        """Read only what the head of an envelope says. The payload is left out, and `elsewhere` counts its bytes.

        Args:
            data: The head. Other bytes may follow it.
            expected: The coordinate that was asked for, which format 4 needs.

        Raises:
            CorruptValue: The data does not begin with an envelope's head. Or it has format 4, and was written for
                another coordinate than the expected one.
        """
        try:
            if data.startswith(_COMPACT):
                return _unpack_compact(data, expected, alone=True)
            return _unpack_facts(data)
        except (struct.error, UnicodeDecodeError, OverflowError):
            raise unreadable(NO_HEADER) from None


def _unpack_facts(data: bytes) -> Envelope:
    if len(data) < _FACTS.size:
        raise _short(data)
    magic, format_, length, version, decoded_size, size, pushed_at, map_index, parts = _FACTS.unpack_from(data)
    if magic != _MAGIC or format_ not in _ID_LENGTHS or length > MAX_HEAD_BYTES or length > len(data):
        raise _not_ours(magic, format_)
    ids, codec, compression, key_id, spilled = _texts(data[_FACTS.size : length], format_)
    return Envelope(
        coordinate=_coordinate(ids, map_index),
        version=version.hex(),
        codec=codec,
        compression=compression,
        decoded_size=decoded_size,
        pushed_at=_EPOCH + timedelta(microseconds=pushed_at),
        payload=(),
        key_id=key_id,
        parts=parts,
        spilled=spilled,
        elsewhere=size,
    )


def _unpack(data: bytes, expected: Coordinate | None) -> Envelope:
    if len(data) < _FACTS.size:
        raise _short(data)
    magic, format_, length, version, decoded_size, size, pushed_at, map_index, parts = _FACTS.unpack_from(data)
    if magic != _MAGIC or format_ not in _ID_LENGTHS or length > MAX_HEAD_BYTES or length > len(data):
        raise _not_ours(magic, format_)
    ids, codec, compression, key_id, spilled = _texts(data[_FACTS.size : length], format_)
    payload: Buffers = (memoryview(data)[length:],)
    elsewhere = 0
    if parts or spilled is not None:
        _check_elsewhere(size, parts, spilled)
        payload, elsewhere = (), size
    if len(data) - length != size - elsewhere:
        raise unreadable(WRONG_LENGTH)
    coordinate = expected
    if coordinate is None or coordinate.map_index != map_index or _ids_of(coordinate) != ids:
        coordinate = _coordinate(ids, map_index)
    moment = _EPOCH + timedelta(0, 0, pushed_at)
    # The arguments stand by position, in the order of the class: by name they take half as long again.
    return Envelope(
        coordinate,
        version.hex(),
        codec,
        compression,
        decoded_size,
        moment,
        payload,
        key_id,
        parts,
        spilled,
        elsewhere,
    )


def _unpack_compact(data: bytes, expected: Coordinate | None, *, alone: bool) -> Envelope:
    """Read format 4. If the head stands `alone`, the payload is left out."""
    place, length, head = compact_envelope.unpack(data)
    if expected is None or place != place_of(expected):
        raise CorruptValue(_ANOTHER_XCOMS)
    version, codec, compression, decoded_size, pushed_at, size, key_id, parts, rule, description = head
    payload: Buffers = ()
    elsewhere = 0
    if parts or alone:
        _check_elsewhere(size, parts, None)
        elsewhere = size
    else:
        payload = (memoryview(data)[length:],)
    if not alone and len(data) - length != size - elsewhere:
        raise unreadable(WRONG_LENGTH)
    moment = _EPOCH + timedelta(0, 0, pushed_at)
    # The arguments stand by position: see above.
    return Envelope(
        expected,
        version,
        codec,
        compression,
        decoded_size,
        moment,
        payload,
        key_id,
        parts,
        None,
        elsewhere,
        rule,
        description,
    )


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


def _check_elsewhere(size: int, parts: int, spilled: str | None) -> None:
    if parts and (spilled is not None or parts > MAX_PARTS or -(-size // PART_BYTES) != parts):
        raise unreadable("its header does not say where its payload lies")


def _encode(text: str) -> bytes:
    # A lone surrogate is no valid UTF-8, but an id that holds one must come back, too.
    return text.encode("utf-8", "surrogatepass")


def _microseconds(moment: datetime) -> int:
    if moment.tzinfo is None:
        msg = "pushed_at needs a time zone"
        raise ValueError(msg)
    return (moment - _EPOCH) // _MICROSECOND


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


_ANOTHER_XCOMS = (
    "Redis holds the value of another XCom in this one's place.\n"
    "Its header was written for another coordinate.\n"
    "Clear the producing task."
)
_NEWER = "a newer release of exclusive-redis-xcom may have written it: upgrade this worker"
