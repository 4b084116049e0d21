"""The envelope: one field of a Redis hash. It holds the facts needed to read a value, and its bytes or where they are.

It is a head, and then the payload. The head has one of these layouts:

- Formats 2 and 3, of pushes of generation 2 and of values in an object (`formats/full_envelope.py`).
- Format 4, of all other pushes of generation 3 (`formats/compact_envelope.py`).

The head tells the coordinate for which the value was written, and the payload's length. So a swapped or cut value is
noticed before anything decodes it. A payload too large for one field lies in other fields, in `parts` of `PART_BYTES`
each. A `spilled` payload lies in an object of an object storage.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from exclusive_redis_xcom.errors import CorruptValue
from exclusive_redis_xcom.formats import compact_envelope, full_envelope
from exclusive_redis_xcom.formats.digests import place_of
from exclusive_redis_xcom.formats.unreadable import NO_HEADER, WRONG_LENGTH, text, unreadable
from exclusive_redis_xcom.memory import Buffers, size_of

if TYPE_CHECKING:
    from exclusive_redis_xcom.model import Coordinate

#: A larger payload does not lie in the field of its envelope, so that no command keeps Redis from its other clients.
INLINE_BYTES = 1024 * 1024
#: Each part holds so many bytes; the last part may be shorter.
PART_BYTES = 1024 * 1024
#: 2 GiB in all: AES-GCM takes no longer message.
MAX_PARTS = 2048
#: No head of any format has more bytes.
MAX_HEAD_BYTES = full_envelope.MAX_HEAD_BYTES

_COMPACT = b"XRX" + bytes((compact_envelope.FORMAT,))
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
        head = full_envelope.Head(
            self.version,
            self.codec,
            self.compression,
            self.decoded_size,
            _microseconds(self.pushed_at),
            self.payload_size,
            self.key_id,
            self.parts,
            self.spilled,
        )
        return b"".join((full_envelope.pack(head, self.coordinate), *self.payload))

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
            return _unpack_full(data, expected, alone=False)
        except (struct.error, UnicodeDecodeError, OverflowError):
            raise unreadable(NO_HEADER) from None

    @classmethod
    def unpack_head(cls, data: bytes) -> Envelope:
        """Read an envelope whose payload lies elsewhere. Other bytes may follow it in `data`.

        Raises:
            CorruptValue: The data does not begin with an envelope.
        """
        return cls.unpack(full_envelope.head_of(data))

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
            return _unpack_full(data, None, alone=True)
        except (struct.error, UnicodeDecodeError, OverflowError):
            raise unreadable(NO_HEADER) from None


def _unpack_full(data: bytes, expected: Coordinate | None, *, alone: bool) -> Envelope:
    """Read format 2 or 3. If the head stands `alone`, the payload is left out."""
    coordinate, length, head = full_envelope.unpack(data, expected)
    version, codec, compression, decoded_size, pushed_at, size, key_id, parts, spilled = head
    payload: Buffers = ()
    elsewhere = 0
    if parts or spilled is not None or alone:
        _check_elsewhere(size, parts, spilled)
        elsewhere = size
    else:
        payload = (memoryview(data)[length:],)
    if not alone and len(data) - length != size - elsewhere:
        raise unreadable(WRONG_LENGTH)
    moment = _EPOCH + timedelta(0, 0, pushed_at)
    # The arguments stand by position, in the order of the class: by name they take half as long again.
    return Envelope(
        coordinate,
        version,
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


def _check_elsewhere(size: int, parts: int, spilled: str | None) -> None:
    if parts and (spilled is not None or parts > MAX_PARTS or -(-size // PART_BYTES) != parts):
        raise unreadable("its header does not say where its payload lies")


def _microseconds(moment: datetime) -> int:
    if moment.tzinfo is None:
        msg = "pushed_at needs a time zone"
        raise ValueError(msg)
    return (moment - _EPOCH) // _MICROSECOND


_ANOTHER_XCOMS = (
    "Redis holds the value of another XCom in this one's place.\n"
    "Its header was written for another coordinate.\n"
    "Clear the producing task."
)
