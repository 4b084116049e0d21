"""What the codec's tests share: a round trip, and equality that looks at types too."""

from __future__ import annotations

import math
from collections import deque
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from exclusive_redis_xcom.codec import Encoded, decode, encode
from exclusive_redis_xcom.memory import joined

LIMIT = 64 * 1024 * 1024


def read(encoded: Encoded, **changes: Any) -> Any:
    fields = {
        "codec": encoded.codec,
        "compression": encoded.compression,
        "decoded_size": encoded.decoded_size,
        "max_bytes": LIMIT,
        **changes,
    }
    return decode(fields.pop("payload", joined(encoded.payload)), **fields)


def pulled(encoded: Encoded) -> Any:
    """As the store hands it over: memory that belongs to the value."""
    return read(encoded, payload=memoryview(bytearray(joined(encoded.payload))))


def round_trip(value: Any, compression: str = "auto") -> Any:
    return pulled(encode(value, compression=compression, max_bytes=LIMIT))


def peak_memory() -> int:
    """KiB. Not `ru_maxrss`, which a child process inherits from its parent."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


def raw(payload: bytes, codec: str = "msgpack", max_bytes: int = LIMIT) -> Any:
    return decode(payload, codec=codec, compression="off", decoded_size=len(payload), max_bytes=max_bytes)


def same(left: Any, right: Any) -> bool:  # noqa: PLR0911 - one return per kind of value
    """Equal in value and type, recursively, keys included; NaN equals NaN, -0.0 is not 0.0."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return (math.isnan(left) and math.isnan(right)) or (left == right and str(left) == str(right))
    if isinstance(left, Decimal):
        return str(left) == str(right)
    if isinstance(left, datetime):
        return same_moment(left, right)
    if isinstance(left, dict):
        return same(list(left.items()), list(right.items()))
    if isinstance(left, (list, tuple, deque)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, (set, frozenset)):
        return left == right and sorted(map(repr, left)) == sorted(map(repr, right))
    return bool(left == right)


def same_moment(left: datetime, right: datetime) -> bool:
    zones = [type(moment.tzinfo) for moment in (left, right)]
    return (
        left.replace(tzinfo=None) == right.replace(tzinfo=None)
        and left.fold == right.fold
        and zones[0] is zones[1]
        and left.utcoffset() == right.utcoffset()
        and left.tzname() == right.tzname()
    )
