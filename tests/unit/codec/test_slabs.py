"""Large buffers travel next to the message: no copy on the way out, a view of the payload on the way in."""

from __future__ import annotations

import struct
from datetime import date

import numpy as np
import ormsgpack
import pytest

from exclusive_redis_xcom.codec import encode
from exclusive_redis_xcom.codec.slabs import ALIGNMENT, SMALLEST
from exclusive_redis_xcom.errors import CorruptValue
from exclusive_redis_xcom.memory import joined
from tests.unit.codec.samples import Point
from tests.unit.codec.support import LIMIT, pulled, raw, read, round_trip

LARGE: np.ndarray = np.arange(SMALLEST // 8 + 5, dtype="<i8")
MATRIX = LARGE[: SMALLEST // 8].reshape(64, -1)


def off(value):
    return encode(value, compression="off", max_bytes=LIMIT)


def lies_in(array: np.ndarray, payload: bytearray) -> bool:
    return np.shares_memory(array, np.frombuffer(payload, "u1"))


@pytest.mark.parametrize(
    "array",
    [
        LARGE,
        MATRIX,
        np.asfortranarray(MATRIX),
        MATRIX[None],
        LARGE.astype("M8[ns]"),
        LARGE.astype("S12"),
        np.zeros(10_000, dtype=[("a", "<i4"), ("b", "U3")]),
        MATRIX > 5000,
    ],
    ids=lambda a: f"{a.dtype.str}{a.shape}",
)
def test_a_large_array_is_sent_from_its_own_memory_and_read_where_it_arrived(array):
    encoded = off(array)

    assert encoded.codec == ("slabs" if array.nbytes >= SMALLEST else "msgpack")
    payload = bytearray(joined(encoded.payload))
    found = read(encoded, payload=memoryview(payload))
    assert found.dtype == array.dtype
    assert found.tobytes("A") == array.tobytes("A")
    assert found.flags.f_contiguous == array.flags.f_contiguous
    assert found.flags.writeable
    if array.nbytes >= SMALLEST:
        assert any(np.shares_memory(np.frombuffer(piece, "u1"), array) for piece in encoded.payload)
        assert lies_in(found, payload)


def test_arrays_anywhere_in_a_value_come_back(allow):
    allow("tests.unit.codec.samples.*")
    value = {
        "a": [LARGE, (MATRIX, {"b": Point(LARGE)})],
        1: {(1, 2): [LARGE[::2], b"small"]},
        "c": np.arange(3),
        date(2024, 1, 1): 0,
    }

    for found in (round_trip(value), round_trip(value, "zstd"), round_trip((value,))[0]):
        assert found["a"][0].tobytes() == LARGE.tobytes()
        assert found["a"][1][0].shape == MATRIX.shape
        assert found["a"][1][1]["b"].x.tobytes() == LARGE.tobytes()
        assert found[1][(1, 2)][0].tobytes() == LARGE[::2].tobytes()
        assert found["c"].tolist() == [0, 1, 2]


def test_a_small_array_does_not_keep_the_payload_alive():
    encoded = off([LARGE, np.arange(10)])
    payload = bytearray(joined(encoded.payload))

    large, small = read(encoded, payload=payload)

    assert lies_in(large, payload)
    assert not lies_in(small, payload)
    assert small.flags.owndata


def test_arrays_from_bytes_that_nobody_may_change_are_copied():
    encoded = off(LARGE)

    found = read(encoded, payload=bytes(joined(encoded.payload)))

    found[0] = 7
    assert found.flags.owndata


def test_an_array_that_arrived_at_an_odd_address_is_copied():
    encoded = off(LARGE)
    payload = memoryview(bytearray(b"x" + joined(encoded.payload)))[1:]

    found = read(encoded, payload=payload)

    assert found.flags.aligned
    assert found.tobytes() == LARGE.tobytes()


def test_slabs_are_aligned_and_compressed_as_one():
    encoded = off([LARGE, MATRIX, LARGE])
    position = 0
    for piece in encoded.payload:
        if len(piece) >= SMALLEST:
            assert position % ALIGNMENT == 0
        position += len(piece)

    assert position == encoded.decoded_size
    packed = encode([LARGE, MATRIX, LARGE], compression="zstd", max_bytes=LIMIT)
    assert packed.compression == "zstd"
    found = pulled(packed)
    assert found[1].tobytes() == MATRIX.tobytes()
    assert found[1].base is not None  # a view of what was decompressed


def forged(message: bytes, slabs: list[bytes], *, form: int = 0, count: int | None = None, sizes=None) -> bytes:
    """A payload as `slabs.py` lays it out, with whatever is wrong."""
    sizes = [len(slab) for slab in slabs] if sizes is None else sizes
    payload = struct.pack("<B3xIQ", form, len(slabs) if count is None else count, len(message))
    payload += struct.pack(f"<{len(sizes)}Q", *sizes) + message
    for slab in slabs:
        payload += bytes(-len(payload) % ALIGNMENT) + slab
    return payload


def array_in(slab: object, size: int = SMALLEST) -> ormsgpack.Ext:
    return ormsgpack.Ext(51, ormsgpack.packb(["|u1", [size], False, slab]))


SLAB = bytes(SMALLEST)
ONE = ormsgpack.packb(array_in(0))
HONEST = forged(ONE, [SLAB])


def test_the_forged_payloads_below_are_forged_well():
    assert raw(HONEST, "slabs").tobytes() == SLAB
    assert raw(forged(ormsgpack.packb([array_in(1), array_in(0)]), [SLAB, SLAB]), "slabs")[0].tobytes() == SLAB


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        HONEST[:15],
        HONEST[:20],
        HONEST[:-1],
        HONEST + b"\0",
        HONEST[: HONEST.index(ONE) + len(ONE)] + b"x" + HONEST[HONEST.index(ONE) + len(ONE) + 1 :],
        forged(ONE, [SLAB], form=2),
        forged(ONE, [SLAB], form=255),
        forged(ONE, [SLAB], count=0),
        forged(ONE, [SLAB], count=2),
        forged(ONE, [SLAB], count=2**32 - 1),
        forged(ONE, [SLAB], sizes=[SMALLEST + 1]),
        forged(ONE, [SLAB], sizes=[SMALLEST - 1]),
        forged(ONE, [SLAB], sizes=[2**64 - 1]),
        forged(ONE, [SLAB], sizes=[2**63]),
        forged(ONE, [b"small"]),
        forged(ONE, [b""]),
        forged(ONE, [SLAB, SLAB]),
        forged(ONE, [SLAB])[: -SMALLEST - 3] + SLAB,
        forged(b"", [SLAB]),
        forged(ONE + b"\xc0", [SLAB]),
        forged(ormsgpack.packb(array_in(1)), [SLAB]),
        forged(ormsgpack.packb(array_in(-1)), [SLAB]),
        forged(ormsgpack.packb(array_in(2**63)), [SLAB]),
        forged(ormsgpack.packb(array_in(True)), [SLAB]),
        forged(ormsgpack.packb(array_in(0.0)), [SLAB]),
        forged(ormsgpack.packb(array_in("0")), [SLAB]),
        forged(ormsgpack.packb(array_in(None)), [SLAB]),
        forged(ormsgpack.packb([array_in(0), array_in(0)]), [SLAB]),
        forged(ormsgpack.packb([array_in(0)] * 1000), [SLAB]),
        forged(ormsgpack.packb(array_in(0, SMALLEST + 1)), [SLAB]),
        forged(ormsgpack.packb(array_in(0, SMALLEST - 1)), [SLAB]),
        ONE,
    ],
    ids=range(33),
)
def test_a_payload_that_is_laid_out_wrong_is_refused(payload):
    with pytest.raises(CorruptValue):
        raw(payload, "slabs")


@pytest.mark.parametrize("codec", ["msgpack", "flat"])
def test_a_slab_is_only_where_the_codec_says_so(codec):
    with pytest.raises(CorruptValue):
        raw(ONE, codec)
