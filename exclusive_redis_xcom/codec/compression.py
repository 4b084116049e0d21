"""Zstandard, applied where it pays, undone within the announced size.

A frame carries its own content size, which zstandard trusts before ``max_output_size``: the two sizes are
compared before anything is allocated, so that a frame which lies about itself cannot take more memory
than the envelope announced.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.errors import CorruptValue, XComTooLarge

if TYPE_CHECKING:
    from exclusive_redis_xcom.buffers import Buffer

OFF = "off"
ZSTD = "zstd"
AUTO = "auto"

_LEVEL = 1
_SMALLEST = 64  # bytes; below, a frame's header eats what is won
_SMALLEST_AUTO = 1024  # bytes; below, the time is better spent elsewhere
_SAMPLE = 16 * 1024  # bytes, taken from the start, the middle and the end
_WORTH_IT = 0.9  # compressed size / size


def compress(payload: bytes, how: str) -> tuple[bytes, str]:
    """The payload, compressed or not, and which of the two: ``zstd`` or ``off``."""
    size = len(payload)
    if how == OFF or size < (_SMALLEST if how == ZSTD else _SMALLEST_AUTO):
        return payload, OFF
    if how == ZSTD:
        return _zstd(payload), ZSTD
    if how != AUTO:
        raise ValueError("compression is one of 'auto', 'zstd', 'off'")
    if size > 4 * _SAMPLE and not _pays(payload):
        return payload, OFF
    packed = _zstd(payload)
    return (packed, ZSTD) if len(packed) <= size * _WORTH_IT else (payload, OFF)


def _pays(payload: bytes) -> bool:
    middle = len(payload) // 2
    sample = payload[:_SAMPLE] + payload[middle : middle + _SAMPLE] + payload[-_SAMPLE:]
    return len(_zstd(sample)) <= len(sample) * _WORTH_IT


def _zstd(payload: bytes) -> bytes:
    import zstandard

    return zstandard.ZstdCompressor(level=_LEVEL, write_content_size=True).compress(payload)


def decompress(payload: Buffer, how: str, size: int, max_bytes: int) -> Buffer:
    """The inverse of :func:`compress`, which must come to exactly ``size`` bytes.

    Raises:
        XComTooLarge: ``size`` exceeds ``max_bytes``.
        CorruptValue: it does not come to ``size`` bytes, or is not what ``how`` says.
    """
    if type(size) is not int or size < 0:
        raise CorruptValue("The announced size of an XCom value is not a number of bytes.")
    if size > max_bytes:
        raise XComTooLarge(_too_large(size, max_bytes, "stored in Redis"))
    if how == OFF:
        if len(payload) != size:
            raise CorruptValue(f"An XCom value has {len(payload)} bytes in Redis; {size} were announced.")
        return payload
    if how != ZSTD:
        raise CorruptValue("An XCom value is compressed in a way that this version does not know.")
    return _unzstd(payload, size)


def _unzstd(payload: Buffer, size: int) -> bytes:
    import zstandard

    try:
        if zstandard.get_frame_parameters(payload).content_size != size:
            raise CorruptValue("An XCom value's compressed data disagrees with the announced size.")
        data: bytes = zstandard.ZstdDecompressor().decompress(payload, allow_extra_data=False)
    except zstandard.ZstdError:
        raise CorruptValue("An XCom value's compressed data is damaged.") from None
    if len(data) != size:
        raise CorruptValue("An XCom value's compressed data disagrees with the announced size.")
    return data


def check_size(size: int, max_bytes: int) -> None:
    """Refuse a value that is too large to be pushed.

    Raises:
        XComTooLarge: with the size, the limit and the option that sets it.
    """
    if size > max_bytes:
        raise XComTooLarge(_too_large(size, max_bytes, "encoded"))


def _too_large(size: int, max_bytes: int, state: str) -> str:
    return (
        f"An XCom value of {size} bytes ({state}, uncompressed) exceeds the limit of {max_bytes} bytes. Raise "
        "[exclusive_redis_xcom] max_value_bytes, or pass a reference to where the data lies instead of the data."
    )
