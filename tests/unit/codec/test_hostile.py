"""Whoever can write to Redis can write any bytes: they give a value or a typed error, within bounds."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import ormsgpack
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from exclusive_redis_xcom.codec import XComNotImportable, decode, encode
from exclusive_redis_xcom.codec.msgpack_reader import read
from exclusive_redis_xcom.codec.registry import BY_CODE
from exclusive_redis_xcom.errors import CorruptValue, XComTooLarge
from exclusive_redis_xcom.memory import joined
from tests.unit.codec.samples import Address, Bits, Color, Crate, OwnProtocol, Pair, Point
from tests.unit.codec.support import LIMIT, raw

ROOT = Path(__file__).parents[3]
EXPECTED = (CorruptValue, XComTooLarge, XComNotImportable)
CODES = sorted(BY_CODE)
HUGE_RANGE = ormsgpack.Ext(61, ormsgpack.packb(["range", 0, 10**12, 1, None]))
ONE_ZERO = ormsgpack.Ext(51, ormsgpack.packb(["<i8", [1], False, bytes(8)]))
SQUARE = ormsgpack.Ext(51, ormsgpack.packb(["<i8", [1, 1], False, bytes(8)]))
INDEX = ormsgpack.Ext(61, ormsgpack.packb(["range", 0, 1, 1, None]))


def stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return ormsgpack.packb(sink.getvalue().to_pybytes())


TABLE = ormsgpack.Ext(70, stream(pa.table({"a": ["x"]})))
NULLS = ormsgpack.Ext(72, stream(pa.table({"a": pa.nulls(1)})))
ONE = ormsgpack.Ext(50, ormsgpack.packb(["<i8", bytes(8)]))


def ext(code: int, content: object) -> bytes:
    data = content if isinstance(content, bytes) else ormsgpack.packb(content, option=ormsgpack.OPT_NON_STR_KEYS)
    return ormsgpack.packb(ormsgpack.Ext(code, data))


def survives(payload: bytes, codec: str, compression: str = "off", size: int | None = None) -> None:
    size = len(payload) if size is None else size
    try:
        decode(payload, codec=codec, compression=compression, decoded_size=size, max_bytes=1_000_000)
    except EXPECTED as error:
        assert error.__cause__ is None  # noqa: PT017 - any outcome is fine but another exception


REAL = [
    {"a": [1, (2, {3}), Decimal("1.5"), UUID(int=1), datetime(2024, 1, 1, tzinfo=ZoneInfo("Europe/Paris"))]},
    {1: [2**70, "\ud800", bytearray(b"x"), frozenset({(1, 2)})], (1,): timezone.utc},
    np.zeros(3, dtype=[("a", "i4"), ("b", "U2")]),
    np.array([1, "x", None], dtype=object),
    pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": pd.Categorical(["u", "v"])}, index=pd.Index([5, 6], name="i")),
    pd.Series(pd.date_range("2024", periods=2, tz="Europe/Paris")),
    pd.MultiIndex.from_tuples([(1, "a"), (2, "b")]),
    [Point(1, Pair(1, 2)), Color.RED, Bits.A, Crate("x"), Address(street="s"), OwnProtocol(1)],
    "x" * 5000,
    [np.arange(10_000), b"x" * 70_000, {1: [(1, "a")] * 9}],
    {pd.Timestamp(0): np.arange(10_000)},
    pd.DataFrame({"a": range(10_000), "b": [f"text {n}" for n in range(10_000)], "c": pd.array([1] * 10_000, "Int8")}),
    pd.Series([{"a": [1]}, None], dtype=pd.ArrowDtype(pa.struct({"a": pa.list_(pa.int8())}))),
    [pa.table({"a": [1, 2], "b": ["x", None]}), pa.array(["x"]).dictionary_encode()],
    pl.DataFrame({"a": [[1], None], "b": pl.Series(["x", "y"], dtype=pl.Enum(["y", "x"]))}),
]


@settings(max_examples=500, deadline=None)
@given(
    st.binary(max_size=200),
    st.sampled_from(["msgpack", "flat", "str", "bytes", "slabs"]),
    st.sampled_from(["off", "zstd"]),
)
@example(b"\x01\xc1", "msgpack", "off")
def test_random_bytes(payload, codec, compression):
    survives(payload, codec, compression)


@pytest.mark.usefixtures("allowed")
def test_mutated_real_payloads():
    encoded = [encode(value, max_bytes=LIMIT) for value in REAL]

    @settings(max_examples=600, deadline=None, database=None)
    @given(st.data())
    def mutate(data):
        original = data.draw(st.sampled_from(encoded))
        payload = bytearray(joined(original.payload))
        for _ in range(data.draw(st.integers(1, 4))):
            where = data.draw(st.integers(0, len(payload)))
            what = data.draw(st.binary(max_size=6))
            payload[where : where + data.draw(st.integers(0, 6))] = what
        size = original.decoded_size if original.compression == "zstd" else None
        survives(bytes(payload), original.codec, original.compression, size)

    mutate()


junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=8),
    lambda children: st.lists(children, max_size=6) | st.dictionaries(st.text(max_size=4), children, max_size=4),
    max_leaves=12,
)


@settings(max_examples=800, deadline=None)
@given(st.sampled_from([1, *CODES, 99]), junk | st.binary(max_size=60), st.sampled_from(["msgpack", "flat"]))
def test_every_kind_with_any_content(code, content, codec):
    payload = ext(code, content)
    survives(payload, codec)
    survives(b"\x92" + payload + ext(1, bytes([code if code < 100 else 1, 0, 0, 0, 1])), codec)


@pytest.mark.parametrize("codec", ["msgpack", "flat"])
@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xc1",
        b"\x95\xc0",  # announces more items than there are bytes, as do the next three
        b"\x85\xa1a\xc0",
        b"\xdd\x00\x00\x10\x00\xc0",
        b"\xdf\x00\x00\x10\x00\xa1a\xc0",
        b"\xc6\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\xc9\xff\xff\xff\xff\x0a",
        b"\xdd\x00\x00\x10\x00" * 1000 + b"\xc0" * 100_000,
        b"\x91" * 1_000_000,
        b"\x81\xa1a" * 300_000,
        b"\xa3\xed\xa0\x80",
        ext(99, b""),
        ext(10, 5),
        ext(13, [1]),
        ext(13, [[], 1]),
        ext(11, [[1]]),
        ext(30, [False, 2024, 13, 1, 0, 0, 0, 0, 0, None]),
        ext(31, [False, 0, 0, 0]),
        ext(33, [10**18, 0, 0]),
        ext(23, b"1" * 10 + b"x"),
        ext(23, b"1E+99999999999999999999"),
        ext(24, b"short"),
        ext(40, ["os.system", "x", None]),
        ext(42, ["builtins.dict", 0, {}, {}]),
        ext(45, ["", 0, {}]),
        ext(45, ["x" * 100_000 + ".y", 0, {}]),
        ext(45, ["pandas.DataFrame", 1, "50415231"]),
        ext(45, ["decimal.Decimal", 1, "1" * 1000]),
        ext(45, ["airflow.sdk.definitions.nowhere.Class", 0, {}]),
        ext(50, ["|O", b"12345678"]),
        ext(51, ["<i4", [2**40, 2**40], False, b""]),
        ext(51, ["<i4", [-1, -1], False, b"1234"]),
        ext(51, ["<U0", [10**9], False, b""]),
        ext(51, ["|O8", [1], False, b"12345678"]),
        ext(51, ["i4,(1000000000,)i4", [1], False, b"1234"]),
        ext(
            51,
            [
                {"names": ["a"], "formats": ["|O8"], "offsets": [0], "itemsize": 8, "aligned": False},
                [1],
                False,
                b"8" * 8,
            ],
        ),
        ext(51, [["<i4", [10**9, 10**9]], [1], False, b"1234"]),
        ext(52, [[2**62, 4], False]),
        ext(52, [[0, 2**62], False]),
        ext(61, ["range", 0, 10**18, 1, None]),
        ext(61, ["multi", [], [], []]),
        ext(61, ["plain", 1, None, None]),
        ext(63, [1, 2, 3, 4]),
        ext(62, ormsgpack.packb([HUGE_RANGE, ONE, None, {}])),
        ext(63, ormsgpack.packb([HUGE_RANGE, HUGE_RANGE, [ONE], {}])),
        ext(60, ormsgpack.packb(["interval", HUGE_RANGE, HUGE_RANGE, "left"])),
        ext(60, ormsgpack.packb(["numpy", HUGE_RANGE])),
        ext(60, ormsgpack.packb(["zoned", HUGE_RANGE, "ns", b""])),
        ext(61, ormsgpack.packb(["plain", HUGE_RANGE, None, None])),
        ext(61, ormsgpack.packb(["multi", [HUGE_RANGE], [ONE_ZERO], [None]])),
        ext(60, ormsgpack.packb(["categorical", ONE_ZERO, HUGE_RANGE, False])),
        ext(60, ["strings", False, [1]]),
        ext(60, ormsgpack.packb(["strings", False, TABLE])),
        ext(60, ormsgpack.packb(["strings", True, NULLS])),
        ext(60, ormsgpack.packb(["arrow", TABLE])),
        ext(60, ormsgpack.packb(["arrow", ONE_ZERO])),
        ext(63, ormsgpack.packb([HUGE_RANGE, HUGE_RANGE, ONE_ZERO, {}])),
        ext(63, ormsgpack.packb([ONE_ZERO, ONE_ZERO, ONE_ZERO, {}])),
        ext(63, ormsgpack.packb([INDEX, INDEX, SQUARE, {}, "yes"])),
        ext(63, ormsgpack.packb([INDEX, INDEX, SQUARE, {}, False, False])),
        ext(22, 5),
        ext(22, 0),
        ext(25, "text"),
        ext(25, 0),
        ext(64, [2**63 - 1, "W", None]),
        ext(66, b"NaN"),
    ],
    ids=lambda p: repr(p[:24]) if isinstance(p, bytes) else p,
)
def test_a_crafted_payload(payload, codec):
    survives(payload, codec)


@pytest.mark.parametrize(
    "header",
    [
        b"\x92",
        b"\x9f",
        b"\xdc\x00\x10",
        b"\xdd\x00\x00\x10\x00",
        b"\x81",
        b"\x8f",
        b"\xde\x00\x10",
        b"\xdf\x00\x00\x10\x00",
    ],
    ids=bytes.hex,
)
def test_a_header_that_announces_more_items_than_there_are_is_refused_before_the_decoder_sees_one(header):
    seen = []
    item = ormsgpack.packb(ormsgpack.Ext(1, b"first"))

    with pytest.raises(msgspec.DecodeError):
        read(header + item, hook=lambda code, data: seen.append(data))
    assert seen == []

    read(b"\x91" + item, hook=lambda code, data: seen.append(data))
    assert seen == [b"first"]  # what is whole is seen


@pytest.mark.parametrize(
    "key",
    [
        "../../../etc/passwd",
        "/etc/passwd",
        "Europe/../../../etc/passwd",
        "a\x00b",
        "",
        ".",
        "tzdata.zi",
        "x" * 5000,
        7,
        None,
    ],
)
@pytest.mark.parametrize("how", ["zone", "pendulum", "pytz"])
def test_the_key_of_a_time_zone_is_no_path(key, how):
    with pytest.raises(CorruptValue):
        raw(ext(34, [how, key]))


@pytest.mark.parametrize("how", ["zone", "pendulum", "pytz"])
@pytest.mark.parametrize("key", ["America", "Europe/Nowhere", "zone1970"])
def test_a_time_zone_unknown_here_is_named_as_the_cause(key, how):
    with pytest.raises((XComNotImportable, CorruptValue)):
        raw(ext(34, [how, key]))


def test_trees_in_trees_end_at_a_fixed_depth():
    payload = b"\xc0"
    for _ in range(60):
        payload = ext(10, b"\x91" * 1000 + payload)

    with pytest.raises(CorruptValue):
        raw(payload)


def test_a_program_cannot_nest_without_end_nor_take_what_is_not_there():
    step = ormsgpack.Ext(1, bytes([10, 0, 0, 0, 1]))
    with pytest.raises(CorruptValue):
        raw(ormsgpack.packb([1] + [step] * 100_000), "flat")
    with pytest.raises(CorruptValue):
        raw(ormsgpack.packb([ormsgpack.Ext(1, bytes([10, 255, 255, 255, 255]))]), "flat")


def test_a_long_number_is_read_in_linear_time():
    value = 3**6_000_000  # about 1.2 MB; a decimal string of it would take minutes

    assert raw(encode([value], compression="off", max_bytes=LIMIT).payload[0]) == [value]


@pytest.mark.parametrize(
    "make",
    [
        'b"\\xdd\\x00\\x00\\x10\\x00" * 1000 + b"\\xc0" * 4_000_000',
        'b"\\xdf\\x00\\x00\\x10\\x00\\xa1a" * 1000',
        'b"\\xc6\\xff\\xff\\xff\\xff" * 100',
        'b"\\x91" * 8_000_000',
        'ormsgpack.packb(ormsgpack.Ext(51, ormsgpack.packb(["<i8", [2**31], False, b""])))',
        "ormsgpack.packb(ormsgpack.Ext(52, ormsgpack.packb([[2**31], False])))",
    ],
)
def test_a_bomb_is_refused_within_bounded_memory(make):
    code = f"""
    import sys, ormsgpack
    from tests.unit.codec.support import peak_memory
    from exclusive_redis_xcom.codec import decode
    from exclusive_redis_xcom.errors import CorruptValue
    payload = {make}
    for codec in ("msgpack", "flat"):
        try:
            decode(payload, codec=codec, compression="off", decoded_size=len(payload), max_bytes=2**27)
            sys.exit(3)
        except CorruptValue:
            pass
    print(peak_memory())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, check=False, capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 150_000  # KiB


def test_a_compression_bomb_takes_no_more_than_it_announced():
    code = """
    import sys, zstandard
    from tests.unit.codec.support import peak_memory
    from exclusive_redis_xcom.codec import decode
    from exclusive_redis_xcom.errors import CorruptValue
    chunk = zstandard.ZstdCompressor().compressobj(size=-1)
    bomb = b"".join(chunk.compress(bytes(1 << 20)) for _ in range(2000)) + chunk.flush()
    honest = zstandard.ZstdCompressor(write_content_size=True).compress(bytes(1000))
    lying = bomb[:4] + bytes([bomb[4] | 0xC0]) + bomb[5:6] + (1000).to_bytes(8, "little") + bomb[6:]
    assert zstandard.get_frame_parameters(lying).content_size == 1000
    before = peak_memory()
    for payload in (bomb, lying):
        for codec in ("bytes", "slabs"):
            try:
                decode(payload, codec=codec, compression="zstd", decoded_size=1000, max_bytes=2**27)
                sys.exit(3)
            except CorruptValue:
                pass
    print(peak_memory() - before)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, check=False, capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 20_000  # KiB


def test_an_array_of_nulls_as_long_as_one_likes_takes_no_memory_unless_the_task_makes_it():
    column = pa.nulls(1)
    forged = stream(pa.table({"a": column})).replace((1).to_bytes(8, "little"), (2**40).to_bytes(8, "little"))

    assert forged != stream(pa.table({"a": column}))
    for code in (70, 71, 72, 73):
        assert str(2**40) in repr(len(raw(ext(code, forged))) if code != 70 else raw(ext(code, forged)).num_rows)
    for code in (74, 75):
        survives(ext(code, forged), "msgpack")
    survives(ext(60, ormsgpack.packb(["strings", True, ormsgpack.Ext(72, forged)])), "msgpack")


@pytest.mark.parametrize("codec", ["msgpack", "flat"])
def test_bytes_after_the_value_are_refused(codec):
    payload = ormsgpack.packb([1])
    assert raw(payload, codec) in ([1], 1)

    for rest in (b"\xc0", b"\xc1", payload):
        with pytest.raises(CorruptValue):
            raw(payload + rest, codec)


def test_no_error_shows_the_value():
    (payload,) = encode(["canary"], max_bytes=LIMIT).payload

    with pytest.raises(CorruptValue) as caught:
        raw(payload[:-1])

    assert "canary" not in str(caught.value)
    assert caught.value.__suppress_context__
