"""Leaves from the standard library: numbers and bytes that msgpack cannot hold, and UUIDs.

Integers are stored as bytes. Parsing a long decimal string takes quadratic time, which a hostile payload would use.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

import ormsgpack

from exclusive_redis_xcom.codec.msgpack_reader import read

if TYPE_CHECKING:
    from exclusive_redis_xcom.codec.slabs import Put, Take

_DECIMAL = re.compile(rb"-?(\d+(\.\d+)?(E[+-]\d{1,19})?|Infinity|s?NaN\d*)")


def dump_int(value: int) -> bytes:
    """Write two's complement, big-endian."""
    return value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)


def load_int(data: bytes) -> int:
    """Reverse `dump_int`."""
    return int.from_bytes(data, "big", signed=True)


def dump_text(value: str) -> bytes:
    """Write UTF-8 that allows lone surrogates."""
    return value.encode("utf-8", "surrogatepass")


def load_text(data: bytes) -> str:
    """Reverse `dump_text`."""
    return data.decode("utf-8", "surrogatepass")


def dump_bytearray(value: bytearray, put: Put) -> bytes:
    """Write where its bytes are."""
    return ormsgpack.packb(put(memoryview(value)))


def load_bytearray(data: bytes, take: Take) -> bytearray:
    """Reverse `dump_bytearray`."""
    return bytearray(take(read(data)))


def dump_decimal(value: Decimal) -> bytes:
    """Write the exact text, including NaN with its payload."""
    return str(value).encode()


def load_decimal(data: bytes) -> Decimal:
    """Reverse `dump_decimal`. Other texts that `Decimal` accepts are refused."""
    if not _DECIMAL.fullmatch(data):
        raise ValueError("not a decimal")
    return Decimal(data.decode())


def dump_uuid(value: UUID) -> bytes:
    """Write the 16 bytes."""
    return value.bytes


def load_uuid(data: bytes) -> UUID:
    """Reverse `dump_uuid`."""
    return UUID(bytes=data)
