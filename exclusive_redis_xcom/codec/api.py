"""``encode`` and ``decode``: a Python value to bytes and back, equal in value and type.

Four codecs, named in the envelope: ``str`` and ``bytes`` are the bare content, ``msgpack`` is the fast form
(``nested.py``) and ``flat`` the one without limits (``flat.py``). Never pickle.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.codec import flat, nested
from exclusive_redis_xcom.codec.compression import check_size, compress, decompress
from exclusive_redis_xcom.codec.errors import XComNotImportable
from exclusive_redis_xcom.codec.kinds import qualified_name
from exclusive_redis_xcom.errors import CorruptValue, ExclusiveXComError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from exclusive_redis_xcom.buffers import Buffer, Buffers


@dataclass(frozen=True, slots=True)
class Encoded:
    """A value ready for its envelope.

    ``codec`` and ``compression`` say how to read ``payload``; ``decoded_size`` is its size in bytes once
    decompressed; ``type_name`` is the qualified name of the value's type.
    """

    payload: Buffers = field(repr=False)
    codec: str
    compression: str
    decoded_size: int
    type_name: str


def encode(value: Any, *, compression: str = "auto", max_bytes: int) -> Encoded:
    """Turn a value into bytes.

    Args:
        value: what a task pushes.
        compression: ``auto`` (where it pays), ``zstd`` or ``off``.
        max_bytes: limit of the encoded, uncompressed size.

    Raises:
        XComTooLarge: the limit is exceeded.
        XComNotSerializable: something in the value cannot be carried.
    """
    with _unchained():
        payload, codec = _to_bytes(value)
    size = len(payload)
    check_size(size, max_bytes)
    packed, done = compress(payload, compression)
    return Encoded((packed,), codec, done, size, qualified_name(type(value)))


def _to_bytes(value: Any) -> tuple[bytes, str]:
    if type(value) is bytes:
        return value, "bytes"
    if type(value) is str:
        try:
            return value.encode(), "str"
        except UnicodeEncodeError:
            return flat.pack(value), "flat"
    if type(value) is not bytearray and type(value) is not memoryview:
        try:
            return nested.pack(value), "msgpack"
        except MemoryError:
            raise
        except Exception:  # noqa: S110 - whatever it was, the flat form carries the value or says what is wrong
            pass
    return flat.pack(value), "flat"


_READERS: dict[str, Callable[[Buffer], Any]] = {
    "bytes": bytes,
    "str": lambda data: str(data, "utf-8"),
    "msgpack": nested.unpack,
    "flat": flat.unpack,
}


def decode(payload: Buffer, *, codec: str, compression: str, decoded_size: int, max_bytes: int) -> Any:
    """Turn bytes from Redis, which anyone may have put there, into the value.

    Raises:
        CorruptValue: this is not what ``encode`` writes.
        XComTooLarge: the value would exceed ``max_bytes`` once decompressed.
        XComNotImportable: it needs a class that Airflow's configuration does not allow here, or a package
            that is not installed.
    """
    with _unchained():
        return _decode(decompress(payload, compression, decoded_size, max_bytes), codec)


@contextmanager
def _unchained() -> Iterator[None]:
    """Take what led to an error off it: ``raise ... from None`` only hides it, and it may quote the value."""
    try:
        yield
    except ExclusiveXComError as error:
        error.__context__ = None
        raise


def _decode(data: Buffer, codec: str) -> Any:
    read = _READERS.get(codec)
    if read is None:
        raise CorruptValue("An XCom value is encoded in a way that this version does not know.")
    try:
        return read(data)
    except (XComNotImportable, MemoryError):
        raise
    except Exception as problem:
        # Not its text: it may quote the value.
        raise CorruptValue(
            f"An XCom value in Redis cannot be decoded ({type(problem).__name__}): it is damaged, was not written by "
            "this package, or a class in it no longer accepts it."
        ) from None
