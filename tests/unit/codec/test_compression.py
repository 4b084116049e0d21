"""Compression where it pays; decompression within what was announced."""

from __future__ import annotations

import os

import numpy as np
import pytest
import zstandard

from exclusive_redis_xcom.codec import decode, encode
from exclusive_redis_xcom.errors import CorruptValue, XComTooLarge
from exclusive_redis_xcom.memory import joined, size_of
from tests.unit.codec.support import LIMIT, pulled, read

REPETITIVE = "the same again and again " * 20_000
RANDOM = os.urandom(300_000)


def test_auto_compresses_what_shrinks():
    encoded = encode(REPETITIVE, max_bytes=LIMIT)

    assert encoded.compression == "zstd"
    assert size_of(encoded.payload) < encoded.decoded_size / 10
    assert read(encoded) == REPETITIVE


@pytest.mark.parametrize("value", [RANDOM, RANDOM[:2000], "short" * 100])
def test_auto_leaves_the_rest_alone(value):
    assert encode(value, max_bytes=LIMIT).compression == "off"


LINES = "".join(f"{n} {n * 7919 % 1000} a line of a log\n" for n in range(100_000))
NUMBERS = np.frombuffer(RANDOM * 8, "i1")


@pytest.mark.parametrize("value", [LINES, [NUMBERS, NUMBERS % 4], {"a": b"\0" * 900_000 + RANDOM * 2}], ids=range(3))
def test_auto_leaves_what_is_large_alone_unless_next_to_nothing_would_be_left(value):
    encoded = encode(value, max_bytes=LIMIT)

    assert encoded.decoded_size > 1_000_000
    assert encoded.compression == "off"
    assert encode(REPETITIVE * 3, max_bytes=LIMIT).compression == "zstd"


@pytest.mark.parametrize("value", [LINES, [NUMBERS, NUMBERS % 4], NUMBERS, LINES.encode()], ids=range(4))
def test_what_is_compressed_is_never_joined_and_comes_back(value):
    encoded = encode(value, compression="zstd", max_bytes=LIMIT)

    assert size_of(encoded.payload) < encoded.decoded_size
    found = pulled(encoded)
    assert type(found) is type(value)
    assert np.array_equal(found, value)


def test_the_memory_of_compressed_bytes_is_given_back_before_the_value_is_built():
    payload = memoryview(bytearray(joined(encode(LINES, compression="zstd", max_bytes=LIMIT).payload)))
    size = len(LINES.encode())

    decode(payload, codec="str", compression="zstd", decoded_size=size, max_bytes=LIMIT)

    with pytest.raises(ValueError, match="released"):
        len(payload)


def test_zstd_compresses_whatever_is_not_tiny():
    assert encode(RANDOM, compression="zstd", max_bytes=LIMIT).compression == "zstd"
    assert encode("x", compression="zstd", max_bytes=LIMIT).compression == "off"


def test_off_never_compresses():
    assert encode(REPETITIVE, compression="off", max_bytes=LIMIT).compression == "off"


def test_the_limit_holds_for_the_uncompressed_size():
    with pytest.raises(XComTooLarge):
        encode(REPETITIVE, compression="zstd", max_bytes=10_000)


def test_an_announced_size_over_the_limit_is_refused_before_decompression():
    encoded = encode(REPETITIVE, max_bytes=LIMIT)

    with pytest.raises(XComTooLarge):
        read(encoded, max_bytes=10_000)


@pytest.mark.parametrize("change", [-1, 1, -(10**5), 10**6])
@pytest.mark.parametrize("compression", ["zstd", "off"])
def test_an_announced_size_that_is_not_the_frames_is_refused(change, compression):
    encoded = encode(REPETITIVE, compression=compression, max_bytes=LIMIT)

    with pytest.raises(CorruptValue):
        read(encoded, decoded_size=encoded.decoded_size + change)


@pytest.mark.parametrize("size", [-1, 1.5, "7", None, True])
def test_an_announced_size_that_is_no_size_is_refused(size):
    with pytest.raises(CorruptValue):
        decode(b"x", codec="bytes", compression="off", decoded_size=size, max_bytes=LIMIT)


def frame_that_lies(claimed: int, content: bytes) -> bytes:
    """A valid frame whose header announces another content size (RFC 8878, 3.1.1.1)."""
    honest = zstandard.ZstdCompressor(write_content_size=True).compress(content)
    header = zstandard.frame_header_size(honest)
    return honest[:4] + b"\xe0" + claimed.to_bytes(8, "little") + honest[header:]  # single segment, 8-byte size


@pytest.mark.parametrize("claimed", [10, 60_000_000])
@pytest.mark.parametrize("codec", ["bytes", "slabs"])
def test_a_frame_that_lies_about_its_content_is_refused(claimed, codec):
    payload = frame_that_lies(claimed, bytes(5_000_000))

    with pytest.raises(CorruptValue):
        decode(payload, codec=codec, compression="zstd", decoded_size=claimed, max_bytes=LIMIT)


def test_frames_without_a_size_or_with_more_behind_them_are_refused():
    nameless = zstandard.ZstdCompressor(write_content_size=False).compress(bytes(1000))
    twice = zstandard.compress(bytes(1000)) * 2

    for payload in (nameless, twice, b"", b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"):
        for codec in ("bytes", "slabs"):
            with pytest.raises(CorruptValue):
                decode(payload, codec=codec, compression="zstd", decoded_size=1000, max_bytes=LIMIT)


@pytest.mark.parametrize(("codec", "compression"), [("pickle", "off"), ("msgpack", "lzma"), ("", "")])
def test_unknown_codecs_and_compressions_are_refused(codec, compression):
    with pytest.raises(CorruptValue):
        decode(b"x", codec=codec, compression=compression, decoded_size=1, max_bytes=LIMIT)
