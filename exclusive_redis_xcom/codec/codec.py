"""`encode` and `decode` turn a Python value into bytes and back, equal in value and type.

The envelope names one of five codecs. `str` and `bytes` are the bare content. `msgpack` is the fast form (`nested.py`).
`flat` is the form without limits (`flat.py`). `slabs` is either form, with large buffers next to it (`slabs.py`).
Pickle is never used.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom import memory
from exclusive_redis_xcom.codec import flat, nested
from exclusive_redis_xcom.codec.compression import OFF, check_size, compress, decompress
from exclusive_redis_xcom.codec.kinds import qualified_name
from exclusive_redis_xcom.codec.slabs import Incoming, Outgoing, split
from exclusive_redis_xcom.codec.text import utf8
from exclusive_redis_xcom.errors import CorruptValue, XComNotImportable, XComNotRebuilt
from exclusive_redis_xcom.memory import size_of
from exclusive_redis_xcom.tracebacks import errors_without_locals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from exclusive_redis_xcom.memory import Buffer, Buffers

#: How the message of a payload with slabs is read, by its form.
_FORMS = {0: nested.unpack, 1: flat.unpack}
_NESTED, _FLAT = _FORMS
_LARGE = 64 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class Encoded:
    """A value ready for its envelope.

    `codec` and `compression` say how to read `payload`. `decoded_size` is the payload's size in bytes after
    decompression. `type_name` is the qualified name of the value's type. The payload may refer to the value's own
    memory, so send it before the value changes.
    """

    payload: Buffers = field(repr=False)
    codec: str
    compression: str
    decoded_size: int
    type_name: str


@errors_without_locals
def encode(value: Any, *, compression: str = "auto", max_bytes: int) -> Encoded:
    """Turn a value into bytes.

    Args:
        value: What a task pushes.
        compression: `auto` (where it pays), `zstd` or `off`.
        max_bytes: The limit of the encoded, uncompressed size.

    Raises:
        XComTooLarge: The limit is exceeded.
        XComNotSerializable: Something in the value cannot be carried.
        XComNotImportable: The value needs a package that is not installed.
    """
    payload, codec = _to_bytes(value)
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
        except Exception:  # noqa: S110 - the flat form carries the value, or says what is wrong with it
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


@errors_without_locals
def decode(payload: Buffer, *, codec: str, compression: str, decoded_size: int, max_bytes: int) -> Any:
    """Turn bytes from Redis into the value. Anyone may have written them there.

    Args:
        payload: The bytes in one piece; do not use them afterwards. A writable payload (a `bytearray`, or a view of
            one) becomes the memory of the arrays in the value. From other payloads arrays are copied. A `memoryview` of
            compressed bytes is released after decompression, so that it takes no memory while the value is built.
        codec: The codec that `encode` returned, as for the next two arguments.
        compression: `zstd` or `off`.
        decoded_size: The size in bytes after decompression.
        max_bytes: The limit of the decompressed size.

    Raises:
        CorruptValue: `encode` did not write this.
        XComTooLarge: The value would exceed `max_bytes` after decompression.
        XComNotImportable: The value needs a class that Airflow's configuration does not allow here, or a package that
            is not installed.
        XComNotRebuilt: A class in the value does not accept what was pushed.
    """
    data = decompress(payload, compression, decoded_size, max_bytes, writable=codec == "slabs")
    if data is not payload and type(payload) is memoryview:
        payload.release()
    return _decode(data, codec)


def decode_each(
    payloads: Iterable[bytes], hows: Iterable[tuple[str, str]], decoded_sizes: Iterable[int], *, max_bytes: int
) -> Iterator[Any]:
    """Yield what `decode` returns for each of several small payloads, one after the other.

    Args:
        payloads: The bytes of each value. Each is asked for when its value is.
        hows: The codec of each, and its compression, as `encode` returned them.
        decoded_sizes: The size of each in bytes after decompression.
        max_bytes: As for `decode`.

    Raises:
        ExclusiveXComError: As for `decode`, at the first value that cannot be decoded.
    """
    for payload, (codec, compression), size in zip(payloads, hows, decoded_sizes, strict=True):
        read = _READERS.get(codec)
        if read is None or compression != OFF or len(payload) != size or size > max_bytes:
            yield decode(payload, codec=codec, compression=compression, decoded_size=size, max_bytes=max_bytes)
            continue
        try:
            value = read(payload)
        except Exception as problem:
            raise _undecodable(problem) from None
        yield value


def _decode(data: Buffer, codec: str) -> Any:
    read = _READERS.get(codec)
    if read is None:
        raise CorruptValue(
            "The value is encoded in a way that this version does not know.\n"
            "Bring the pushing worker's version to this worker."
        )
    try:
        if len(data) < _LARGE:
            return read(data)
        with memory.paused_collector():
            return read(data)
    except Exception as problem:
        raise _undecodable(problem) from None


def _undecodable(problem: Exception) -> Exception:
    """Return what to raise where a value cannot be decoded. It does not quote the value."""
    if isinstance(problem, (XComNotImportable, XComNotRebuilt, MemoryError)):
        return problem
    return CorruptValue(
        f"The value in Redis cannot be decoded ({type(problem).__name__}).\n"
        "It is damaged, or was not written by this package.\n"
        "Clear the producing task."
    )
