"""What one field of a Redis hash holds: a value's bytes and the facts needed to read them.

Layout: 3 bytes magic and 1 byte format version, 4 bytes length of the header (big-endian), the header as JSON
(UTF-8), the payload. The header names the coordinate the value was written for, and the payload's length: a value
that was swapped or cut is noticed before anything decodes it.
"""

from __future__ import annotations

import json
import re
import struct
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from exclusive_redis_xcom.buffers import Buffers, size_of
from exclusive_redis_xcom.errors import CorruptValue, XComTooLarge
from exclusive_redis_xcom.model import NOT_MAPPED, Coordinate

_MAGIC = b"XRX"
_FORMAT = 1
_START = struct.Struct(">3sBI")
_MAX_HEADER_BYTES = 64 * 1024
_VERSION = re.compile(r"[0-9a-f]{32}")
_NAMES = frozenset(
    {
        "dag_id",
        "run_id",
        "task_id",
        "key",
        "map_index",
        "version",
        "codec",
        "compression",
        "decoded_size",
        "payload_size",
        "pushed_at",
        "key_id",
    }
)


@dataclass(frozen=True, slots=True)
class Envelope:
    """One pushed value.

    ``version`` is 128 random bits as 32 hex digits, different for each push. ``decoded_size`` is in bytes, before
    compression. ``payload`` may be in several pieces. ``pushed_at`` is the worker's clock, UTC. ``key_id`` names the
    key the payload is sealed with.
    """

    coordinate: Coordinate
    version: str
    codec: str
    compression: str
    decoded_size: int
    pushed_at: datetime
    payload: Buffers = field(repr=False)
    key_id: str | None = None

    def pack(self) -> bytes:
        """The bytes to store.

        Raises:
            XComTooLarge: The ids are so long that the header would exceed 64 KiB.
            ValueError: ``pushed_at`` has no time zone.
        """
        header = _dump(self)
        if len(header) > _MAX_HEADER_BYTES:
            msg = f"The ids of an XCom need {len(header)} bytes; at most {_MAX_HEADER_BYTES} are stored. Shorten them."
            raise XComTooLarge(msg)
        return b"".join((_START.pack(_MAGIC, _FORMAT, len(header)), header, *self.payload))

    @classmethod
    def unpack(cls, data: bytes) -> Envelope:
        """Read what ``pack`` wrote; ``data`` is not trusted.

        Raises:
            CorruptValue: Anything else than exactly what ``pack`` writes.
        """
        start = _read_start(data)
        header = _load(data[_START.size : start])
        payload = memoryview(data)[start:]
        if len(payload) != _integer(header, "payload_size", least=0):
            raise CorruptValue(_text("its payload is not as long as its header says"))
        return _build(header, (payload,))


def _dump(envelope: Envelope) -> bytes:
    if envelope.pushed_at.tzinfo is None:
        msg = "pushed_at needs a time zone"
        raise ValueError(msg)
    at = envelope.coordinate
    header = {
        "dag_id": at.dag_id,
        "run_id": at.run_id,
        "task_id": at.task_id,
        "key": at.key,
        "map_index": at.map_index,
        "version": envelope.version,
        "codec": envelope.codec,
        "compression": envelope.compression,
        "decoded_size": envelope.decoded_size,
        "payload_size": size_of(envelope.payload),
        "pushed_at": envelope.pushed_at.astimezone(timezone.utc).isoformat(),
        "key_id": envelope.key_id,
    }
    # Not ASCII: escaped, two lone surrogates would come back as the one character they are half of.
    return json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _read_start(data: bytes) -> int:
    """Where the payload starts."""
    if len(data) < _START.size:
        raise CorruptValue(_text("it is shorter than any envelope"))
    magic, version, length = _START.unpack_from(data)
    if magic != _MAGIC:
        raise CorruptValue(_text("it does not start as an envelope does; something else wrote it"))
    if version != _FORMAT:
        raise CorruptValue(_text(f"its format is {version}, this release reads {_FORMAT}; {_NEWER}"))
    start: int = _START.size + length
    if length > _MAX_HEADER_BYTES or start > len(data):
        raise CorruptValue(_text("its header is cut, or longer than any header"))
    return start


def _load(raw: bytes) -> dict[str, Any]:
    try:
        header = json.loads(raw.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        raise CorruptValue(_text("its header is not JSON")) from None
    if not isinstance(header, dict):
        raise CorruptValue(_text("its header is not a JSON object"))
    if header.keys() != _NAMES:
        raise CorruptValue(_text(f"its header does not have exactly the fields of format {_FORMAT}; {_NEWER}"))
    return header


def _build(header: dict[str, Any], payload: Buffers) -> Envelope:
    version = _string(header, "version")
    if not _VERSION.fullmatch(version):
        raise CorruptValue(_text("'version' in its header is not 32 hex digits"))
    return Envelope(
        coordinate=Coordinate(
            dag_id=_string(header, "dag_id"),
            run_id=_string(header, "run_id"),
            task_id=_string(header, "task_id"),
            key=_string(header, "key"),
            map_index=_integer(header, "map_index", least=NOT_MAPPED),
        ),
        version=version,
        codec=_string(header, "codec"),
        compression=_string(header, "compression"),
        decoded_size=_integer(header, "decoded_size", least=0),
        pushed_at=_time(header, "pushed_at"),
        payload=payload,
        key_id=None if header["key_id"] is None else _string(header, "key_id"),
    )


def _string(header: dict[str, Any], name: str) -> str:
    value = header[name]
    if not isinstance(value, str):
        raise CorruptValue(_text(f"'{name}' in its header is not a string"))
    return value


def _integer(header: dict[str, Any], name: str, *, least: int) -> int:
    value = header[name]
    if type(value) is not int or value < least:  # a bool is an int to isinstance()
        raise CorruptValue(_text(f"'{name}' in its header is not an integer of at least {least}"))
    return value


def _time(header: dict[str, Any], name: str) -> datetime:
    try:
        value = datetime.fromisoformat(_string(header, name))
    except ValueError:  # also CorruptValue, whose text says the same
        value = None
    if value is None or value.utcoffset() != timedelta(0):
        raise CorruptValue(_text(f"'{name}' in its header is not a time in UTC"))
    return value.astimezone(timezone.utc)


_NEWER = "maybe a newer release of exclusive-redis-xcom wrote it: upgrade this worker"


def _text(what: str) -> str:
    return f"A value in Redis is not a readable envelope: {what}. Clear the producing task to write it again."
