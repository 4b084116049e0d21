"""Leaves from the standard library: numbers and bytes that msgpack cannot hold, UUIDs, paths and IP addresses.

Integers are stored as bytes. Parsing a long decimal string takes quadratic time, which a hostile payload would use.
"""

from __future__ import annotations

import re
from decimal import Decimal
from importlib import import_module
from typing import TYPE_CHECKING, Any
from uuid import UUID, SafeUUID

import ormsgpack

from exclusive_redis_xcom.codec.msgpack_reader import read

if TYPE_CHECKING:
    from pathlib import PurePath

    from exclusive_redis_xcom.codec.slabs import Put, Take

#: The classes of `pathlib` and `ipaddress` that are carried. Neither module is imported before it is needed.
PATHS = frozenset({"PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath"})
ADDRESSES = frozenset(f"IPv{version}{form}" for version in (4, 6) for form in ("Address", "Network", "Interface"))

_BYTES_OF_UUID = 16
_SAFETY = {SafeUUID.safe: b"+", SafeUUID.unsafe: b"-"}
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
    """Write the 16 bytes. A seventeenth says whether it was made safely, where that is known."""
    return value.bytes if value.is_safe is SafeUUID.unknown else value.bytes + _SAFETY[value.is_safe]


def load_uuid(data: bytes) -> UUID:
    """Reverse `dump_uuid`."""
    if len(data) == _BYTES_OF_UUID:
        return UUID(bytes=data)
    (safety,) = (safety for safety, code in _SAFETY.items() if code == data[_BYTES_OF_UUID:])
    return UUID(bytes=data[:_BYTES_OF_UUID], is_safe=safety)


def dump_path(value: PurePath) -> bytes:
    """Write the name of the class, a space, and the text."""
    return f"{type(value).__name__} {value}".encode("utf-8", "surrogatepass")


def load_path(data: bytes) -> PurePath:
    """Reverse `dump_path`. A path of another operating system comes back as a pure path."""
    pathlib = import_module("pathlib")
    name, text = _name_and_text(data, PATHS)
    if name == type(pathlib.Path()).__name__:
        name = "Path"
    elif not name.startswith("Pure"):
        name = f"Pure{name}"
    path: PurePath = getattr(pathlib, name)(text)
    return path


def dump_address(value: Any) -> bytes:
    """Write the name of the class, a space, and the text of an IP address, network or interface."""
    return f"{type(value).__name__} {value}".encode()


def load_address(data: bytes) -> Any:
    """Reverse `dump_address`."""
    name, text = _name_and_text(data, ADDRESSES)
    return getattr(import_module("ipaddress"), name)(text)


def _name_and_text(data: bytes, names: frozenset[str]) -> tuple[str, str]:
    name, _, text = data.decode("utf-8", "surrogatepass").partition(" ")
    if name not in names:
        raise ValueError("not a class that is carried like this")
    return name, text
