"""Zstandard: compress where it pays, and decompress within the announced size.

A frame carries its own content size, and zstandard trusts that size before `max_output_size`. So the two sizes are
compared before memory is allocated. A frame with a false size cannot take more memory than the envelope announced.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.errors import CorruptValue, XComTooLarge
from exclusive_redis_xcom.memory import size_of

if TYPE_CHECKING:
    from exclusive_redis_xcom.memory import Buffer, Buffers

OFF = "off"
ZSTD = "zstd"
AUTO = "auto"

_LEVEL = 1
_SMALLEST = 64  # bytes; below, the header of a frame costs more than compression saves
_SMALLEST_AUTO = 1024  # bytes; below, compression is not worth its time
_SAMPLE = 16 * 1024  # bytes, taken from the start, the middle and the end
_STEP = 1024 * 1024  # bytes compressed at a time
_WORTH_IT = 0.9  # compressed size / size
# From this size on, time matters. Compression takes 0.3 ms per MB where almost nothing is left, 2 ms where a thirtieth
# is left, and 3 to 7 ms where a tenth is left. Sending takes 1 to 2 ms per MB on one machine, and 8 ms over 1 Gbit/s.
_LARGE = 1024 * 1024  # bytes
_WORTH_THE_TIME = 0.05  # compressed size / size
_WIDEST_WINDOW = 8 * 1024 * 1024  # bytes; level 1 uses half a MiB


def compress(payload: Buffers, how: str) -> tuple[Buffers, str]:
    """Return the payload, compressed or not, and which of the two it is: `zstd` or `off`."""
    size = size_of(payload)
    if how == OFF or size < (_SMALLEST if how == ZSTD else _SMALLEST_AUTO):
        return payload, OFF
    if how == ZSTD:
        return _zstd(payload, size), ZSTD
    if how != AUTO:
        raise ValueError("compression is one of 'auto', 'zstd', 'off'")
    if size > 4 * _SAMPLE and not _pays(payload, size):
        return payload, OFF
    packed = _zstd(payload, size)
    return (packed, ZSTD) if size_of(packed) <= size * _WORTH_IT else (payload, OFF)


def _pays(payload: Buffers, size: int) -> bool:
    sample = b"".join(_excerpt(payload, start) for start in (0, size // 2, size - _SAMPLE))
    compressed = size_of(_zstd((sample,), len(sample)))
    return compressed <= len(sample) * (_WORTH_THE_TIME if size > _LARGE else _WORTH_IT)


def _excerpt(payload: Buffers, start: int) -> bytes:
    """Return `_SAMPLE` bytes from `start` on."""
    found = b""
    for buffer in payload:
        found += memoryview(buffer)[max(start, 0) : max(start + _SAMPLE, 0)]
        start -= len(buffer)
    return found


def _zstd(payload: Buffers, size: int) -> Buffers:
    """Compress into one frame, in pieces. The payload is never joined."""
    import zstandard

    compressor = zstandard.ZstdCompressor(level=_LEVEL, write_content_size=True)
    if len(payload) == 1 and size <= _STEP:
        return (compressor.compress(payload[0]),)
    stream = compressor.compressobj(size=size)
    packed = [
        stream.compress(memoryview(buffer)[start : start + _STEP])
        for buffer in payload
        for start in range(0, len(buffer), _STEP)
    ]
    packed.append(stream.flush())
    return tuple(piece for piece in packed if piece)


def decompress(payload: Buffer, how: str, size: int, max_bytes: int, *, writable: bool = False) -> Buffer:
    """Reverse `compress`. The result must have exactly `size` bytes.

    Args:
        payload: The bytes in one piece.
        how: `zstd` or `off`.
        size: The announced size in bytes.
        max_bytes: The limit of `size`.
        writable: Decompress into a `bytearray` instead of `bytes`.

    Raises:
        XComTooLarge: `size` exceeds `max_bytes`.
        CorruptValue: The result does not have `size` bytes, or the payload is not what `how` says.
    """
    if type(size) is not int or size < 0:
        raise CorruptValue("The value's announced size is not a number of bytes.")
    if size > max_bytes:
        raise XComTooLarge(_too_large(size, max_bytes, "stored value, after decompression"))
    if how == OFF:
        if len(payload) != size:
            raise CorruptValue(f"The value has {len(payload)} bytes in Redis; {size} were announced.")
        return payload
    if how != ZSTD:
        raise CorruptValue("The value is compressed in a way that this version does not know.")
    return _unzstd(payload, size, writable=writable)


def _unzstd(payload: Buffer, size: int, *, writable: bool) -> Buffer:
    import zstandard

    try:
        frame = zstandard.get_frame_parameters(payload)
        if frame.content_size != size:
            raise CorruptValue("The value's compressed data disagrees with the announced size.")
        decompressor = zstandard.ZstdDecompressor(max_window_size=_WIDEST_WINDOW)
        if writable:
            return _unzstd_into(bytearray(size), decompressor.stream_reader(payload))
        data: bytes = decompressor.decompress(payload, allow_extra_data=False)
    except zstandard.ZstdError:
        raise CorruptValue("The value's compressed data is damaged.") from None
    if len(data) != size:
        raise CorruptValue("The value's compressed data disagrees with the announced size.")
    return data


def _unzstd_into(data: bytearray, reader: Any) -> bytearray:
    view = memoryview(data)
    while view:
        count = reader.readinto(view)
        if not count:
            break
        view = view[count:]
    if len(view) or reader.read(1):
        raise CorruptValue("The value's compressed data disagrees with the announced size.")
    return data


def check_size(size: int, max_bytes: int) -> None:
    """Refuse a value that is too large to be pushed.

    Raises:
        XComTooLarge: The text gives the size, the limit and the option that sets the limit.
    """
    if size > max_bytes:
        raise XComTooLarge(_too_large(size, max_bytes, "encoded value, before compression"))


def _too_large(size: int, max_bytes: int, state: str) -> str:
    return (
        f"The value takes {size} bytes, and the limit is {max_bytes}.\n"
        f"This is the size of the {state}.\n"
        "Raise [exclusive_redis_xcom] max_value_bytes, or store the data elsewhere and push its path."
    )
