"""Frames and series of polars come back with every type; lazy frames are for the task to collect."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import ormsgpack
import polars as pl
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal, assert_series_equal

from exclusive_redis_xcom.codec import encode
from exclusive_redis_xcom.errors import CorruptValue, XComNotSerializable
from exclusive_redis_xcom.memory import joined
from tests.unit.codec.support import LIMIT, raw, read, round_trip

ROOT = Path(__file__).parents[3]

SERIES = {
    "int8": pl.Series([1, None], dtype=pl.Int8),
    "uint64": pl.Series([1, 2**64 - 1], dtype=pl.UInt64),
    "float32": pl.Series([1.5, None, float("nan")], dtype=pl.Float32),
    "bool": pl.Series([True, None]),
    "text": pl.Series(["a", None, "ä" * 50]),
    "bytes": pl.Series([b"a" * 30, None]),
    "categorical": pl.Series(["x", "y", None], dtype=pl.Categorical),
    "enum": pl.Series(["x", None], dtype=pl.Enum(["y", "x"])),
    "decimal": pl.Series([Decimal("1.50"), None], dtype=pl.Decimal(20, 2)),
    "date": pl.Series([date(2024, 1, 1), None]),
    "time": pl.Series([time(1, 2, 3), None]),
    "datetime": pl.Series([datetime(2024, 1, 1), None]),
    "datetime-zone": pl.Series([datetime(2024, 1, 1)]).dt.replace_time_zone("Europe/Paris"),
    "datetime-ns": pl.Series([datetime(2024, 1, 1), None], dtype=pl.Datetime("ns")),
    "duration": pl.Series([timedelta(1), None], dtype=pl.Duration("ms")),
    "list": pl.Series([[1, None], None, []]),
    "list-of-texts": pl.Series([["a"], None]),
    "array": pl.Series([[1, 2], None], dtype=pl.Array(pl.Int64, 2)),
    "struct": pl.Series([{"a": 1, "b": "x"}, None]),
    "list-of-categoricals": pl.Series([["x"], ["y"]], dtype=pl.List(pl.Categorical)),
    "struct-of-enum": pl.Series([{"a": "x"}], dtype=pl.Struct({"a": pl.Enum(["x"])})),
    "null": pl.Series([None, None]),
    "empty": pl.Series([], dtype=pl.Int16),
    "slice": pl.Series(["a", "b" * 40, None, "c"])[1:3],
}


@pytest.mark.parametrize("series", SERIES.values(), ids=SERIES.keys())
def test_a_series_comes_back_alone_and_as_a_column(series):
    named = series.alias("name")
    frame = pl.DataFrame({"": series, "b": series})

    found = round_trip({"s": [series, named], 1: (frame,)})

    for same, value in zip(found["s"], (series, named), strict=True):
        assert_series_equal(same, value)
        assert same.dtype == value.dtype
    assert_frame_equal(found[1][0], frame)
    assert found[1][0].schema == frame.schema


def test_frames_without_columns_or_rows_come_back():
    for frame in (pl.DataFrame(), pl.DataFrame({"a": []}), pl.DataFrame(schema={"a": pl.Enum(["x"])})):
        found = round_trip(frame)
        assert found.schema == frame.schema
        assert found.shape == frame.shape


def test_a_frame_that_comes_back_can_be_used_when_the_payload_is_long_gone():
    frame = pl.DataFrame({"n": range(100_000), "t": [f"text number {n}" for n in range(100_000)]})

    found = round_trip(frame)

    assert found.filter(pl.col("t").str.ends_with("99999"))["n"].to_list() == [99_999]
    found[0, "n"] = 7
    assert found["n"][0] == 7
    assert frame["n"][0] == 0


def test_rows_that_were_filtered_out_are_not_sent():
    frame = pl.DataFrame({"n": range(1000), "t": [f"SECRET text that is not short {n}" for n in range(1000)]})
    hidden = frame.with_columns(pl.when(pl.col("n") < 5).then(pl.col("t")).alias("t"))

    for value, sent in ((frame, 1000), (frame[10:15], 5), (frame.filter(pl.col("n") < 5), 5), (hidden, 5)):
        payload = joined(encode(value, compression="off", max_bytes=LIMIT).payload)
        assert bytes(payload).count(b"SECRET") == sent


def test_large_columns_are_read_where_they_arrived():
    encoded = encode(pl.DataFrame({"n": range(100_000)}), compression="off", max_bytes=LIMIT)
    payload = bytearray(joined(encoded.payload))

    found = read(encoded, payload=payload)

    address = found["n"].to_arrow().buffers()[1].address
    start = pa.py_buffer(payload).address
    assert start <= address < start + len(payload)


@pytest.mark.parametrize(
    "value",
    [
        pl.DataFrame({"a": [1]}).lazy(),
        pl.col("a"),
        pl.Int8,
        pl.Series([object()], dtype=pl.Object),
        pl.DataFrame({"a": [object()]}, schema={"a": pl.Object}),
        pl.Series([1], dtype=pl.Int128),
        pl.Series([None], dtype=pl.Array(pl.Int8, 0)),
        pl.Series([[]], dtype=pl.List(pl.Array(pl.Int8, (2, 0)))),
        pl.DataFrame({"a": [{"b": []}]}, schema={"a": pl.Struct({"b": pl.Array(pl.Int8, 0)})}),
    ],
    ids=lambda v: type(v).__name__,
)
def test_what_cannot_be_carried_exactly_is_refused(value):
    with pytest.raises(XComNotSerializable):
        encode(value, max_bytes=LIMIT)


class Own(pl.DataFrame):
    pass


def test_a_subclass_is_refused():
    with pytest.raises(XComNotSerializable):
        encode(Own({"a": [1]}), max_bytes=LIMIT)


@pytest.mark.parametrize("missing", ["pyarrow", "polars"])
def test_a_package_that_is_missing_is_named(missing):
    code = f"""
import sys
import polars
from exclusive_redis_xcom.codec import XComNotImportable, decode, encode
encoded = encode(polars.DataFrame({{"a": [1]}}), max_bytes=10000)
for name in [name for name in sys.modules if name.partition(".")[0] == "{missing}"]:
    sys.modules[name] = None
try:
    decode(encoded.payload[0], codec="msgpack", compression="off", decoded_size=encoded.decoded_size, max_bytes=10000)
except XComNotImportable as error:
    print(error)
if "{missing}" == "pyarrow":
    try:
        encode(polars.DataFrame({{"a": [1]}}), max_bytes=10000)
    except XComNotImportable as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True, timeout=120)
    lines = done.stdout.decode().splitlines()
    assert done.returncode == 0, done.stderr
    error = [f"The value needs the Python package '{missing}', which is not here.", "Install it on this worker."]
    assert lines == error * (2 if missing == "pyarrow" else 1)


def stream_of(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


@pytest.mark.parametrize(
    "metadata",
    [
        {"_PL_ENUM_VALUES2": "9;x"},
        {"_PL_ENUM_VALUES2": b"\xff"},
        {"_PL_ENUM_VALUES2": ""},
        {"_PL_CATEGORICAL2": "x;y"},
        {"_PL_CATEGORICAL2": "0;0;u9;"},
        {b"\xff": "x"},
    ],
    ids=repr,
)
def test_types_that_polars_cannot_make_out_are_refused(metadata):
    array = pa.DictionaryArray.from_arrays(pa.array([0], pa.uint32()), pa.array(["a"], pa.large_string()))
    table = pa.table([array], schema=pa.schema([pa.field("a", array.type, metadata=metadata)]))
    message = ormsgpack.packb(ormsgpack.Ext(74, ormsgpack.packb(stream_of(table))))

    try:
        found = raw(message)
    except CorruptValue as error:
        assert error.__cause__ is None  # noqa: PT017 - polars may also take it for something
    else:
        assert type(found) is pl.DataFrame
