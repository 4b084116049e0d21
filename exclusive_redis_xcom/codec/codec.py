"""`encode` and `decode`: a Python value to bytes and back, equal in value and type.

Five codecs, named in the envelope: `str` and `bytes` are the bare content, `msgpack` is the fast form
(`nested.py`), `flat` the one without limits (`flat.py`) and `slabs` either of the two, with large buffers
next to it (`slabs.py`). Never pickle.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom import memory
from exclusive_redis_xcom.codec import flat, nested
from exclusive_redis_xcom.codec.compression import check_size, compress, decompress
from exclusive_redis_xcom.codec.kinds import qualified_name
from exclusive_redis_xcom.codec.slabs import Incoming, Outgoing, split
from exclusive_redis_xcom.codec.text import utf8
from exclusive_redis_xcom.errors import CorruptValue, ExclusiveXComError, XComNotImportable
from exclusive_redis_xcom.memory import size_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from exclusive_redis_xcom.memory import Buffer, Buffers

#: The message of a payload with slabs, by its form.
_FORMS = {0: nested.unpack, 1: flat.unpack}
_NESTED, _FLAT = _FORMS
_LARGE = 64 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class Encoded:
    """A value ready for its envelope.

    `codec` and `compression` say how to read `payload`; `decoded_size` is its size in bytes once
    decompressed; `type_name` is the qualified name of the value's type. The payload may refer to the value's
    own memory: it is to be sent before the value changes.
    """

    payload: Buffers = field(repr=False)
    codec: str
    compression: str
    decoded_size: int
    type_name: str


def encode(value: Any, *, compression: str = "auto", max_bytes: int) -> Encoded:
    """Turn a value into bytes.

    Args:
        value: What a task pushes.
        compression: `auto` (where it pays), `zstd` or `off`.
        max_bytes: Limit of the encoded, uncompressed size.

    Raises:
        XComTooLarge: The limit is exceeded.
        XComNotSerializable: Something in the value cannot be carried.
        XComNotImportable: For it a package is needed that is not installed.
    """
    try:
        payload, codec = _to_bytes(value)
    except ExclusiveXComError as error:
        _unchain(error)
        raise
    size = size_of(payload)
    check_size(size, max_bytes)
    packed, done = compress(payload, compression)
    return Encoded(packed, codec, done, size, qualified_name(type(value)))


def _to_bytes(value: Any) -> tuple[Buffers, str]:
    if type(value) is bytes:
        return (value,), "bytes"
    if type(value) is str:
        try:
            return (utf8(value),), "str"
        except UnicodeEncodeError:
            pass  # lone surrogates
    elif type(value) is not bytearray and type(value) is not memoryview:
        slabs = Outgoing()
        try:
            message = nested.pack(value, slabs)
        except MemoryError:
            raise
        except Exception:  # noqa: S110 - whatever it was, the flat form carries the value or says what is wrong
            pass
        else:
            return (slabs.payload(_NESTED, message), "slabs") if slabs.slabs else ((message,), "msgpack")
    slabs = Outgoing()
    message = flat.pack(value, slabs)
    return (slabs.payload(_FLAT, message), "slabs") if slabs.slabs else ((message,), "flat")


def _unpack_with_slabs(data: Buffer) -> Any:
    form, message, slabs = split(data)
    value = _FORMS[form](message, slabs)
    slabs.require_all_taken()
    return value


_READERS: dict[str, Callable[[Buffer], Any]] = {
    "bytes": bytes,
    "str": lambda data: str(data, "utf-8"),
    "msgpack": lambda data: nested.unpack(data, Incoming()),
    "flat": lambda data: flat.unpack(data, Incoming()),
    "slabs": _unpack_with_slabs,
}


def decode(payload: Buffer, *, codec: str, compression: str, decoded_size: int, max_bytes: int) -> Any:
    """Turn bytes from Redis, which anyone may have put there, into the value.

    Args:
        payload: In one piece, and used up: if it can be written to (a `bytearray`, or a `memoryview` of one), it
            becomes the memory of the arrays in the value. From bytes they are copied. A `memoryview` of compressed
            bytes is released once they are decompressed, so that they take no memory while the value is built.
        codec: As `encode` gave it, as are the next two.
        compression: `zstd` or `off`.
        decoded_size: Bytes.
        max_bytes: Limit of the decompressed size.

    Raises:
        CorruptValue: This is not what `encode` writes.
        XComTooLarge: The value would exceed `max_bytes` once decompressed.
        XComNotImportable: It needs a class that Airflow's configuration does not allow here, or a package
            that is not installed.
    """
    try:
        data = decompress(payload, compression, decoded_size, max_bytes, writable=codec == "slabs")
        if data is not payload and type(payload) is memoryview:
            payload.release()
        return _decode(data, codec)
    except ExclusiveXComError as error:
        _unchain(error)
        raise


def _unchain(error: ExclusiveXComError) -> None:
    """Take what led to an error off it: `raise ... from None` only hides it, and it may quote the value."""
    error.__context__ = None


def _decode(data: Buffer, codec: str) -> Any:
    read = _READERS.get(codec)
    if read is None:
        raise CorruptValue("An XCom value is encoded in a way that this version does not know.")
    try:
        if len(data) < _LARGE:
            return read(data)
        with memory.paused_collector():
            return read(data)
    except (XComNotImportable, MemoryError):
        raise
    except Exception as problem:
        # Not its text: it may quote the value.
        raise CorruptValue(
            f"An XCom value in Redis cannot be decoded ({type(problem).__name__}): it is damaged, was not written by "
            "this package, or a class in it no longer accepts it."
        ) from None
