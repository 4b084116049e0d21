"""Pandas objects come back with every dtype, index, name and attribute."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from exclusive_redis_xcom.codec import encode
from exclusive_redis_xcom.errors import XComNotSerializable
from exclusive_redis_xcom.memory import joined
from tests.unit.codec.support import LIMIT, read, round_trip, same

SERIES = {
    "ints": pd.Series([1, 2, 3]),
    "bytes-sized": pd.Series([1, 2], dtype="int8"),
    "floats": pd.Series([1.5, np.nan, -0.0]),
    "bools": pd.Series([True, False]),
    "strings": pd.Series(["a", None, "ä"]),
    "strings-python": pd.Series(["a", None], dtype="string[python]"),
    "strings-pyarrow": pd.Series(["a", None], dtype="string[pyarrow]"),
    "objects-of-str": pd.Series(["a", "b"], dtype=object),
    "objects-mixed": pd.Series(
        [1, "a", None, (1, 2), {"k": [b"x"]}, Decimal("1.0"), date(2024, 1, 1), np.nan], dtype=object
    ),
    "objects-of-int": pd.Series([1, None], dtype=object),
    "nullable-int": pd.Series([1, None], dtype="Int64"),
    "nullable-uint": pd.Series([1, None], dtype="UInt8"),
    "nullable-float": pd.Series([1.5, None], dtype="Float32"),
    "nullable-bool": pd.Series([True, None], dtype="boolean"),
    "category": pd.Series(["a", None, "b"], dtype=pd.CategoricalDtype(["b", "a", "c"], ordered=True)),
    "category-of-ints": pd.Series([1, 2, 1], dtype="category"),
    "dates-ns": pd.Series(pd.to_datetime(["2024-01-01", None]).astype("M8[ns]")),
    "dates-s": pd.Series(pd.to_datetime(["2024-01-01"]).astype("M8[s]")),
    "zoned": pd.Series(
        pd.to_datetime(["2024-10-27 00:30", "2024-10-27 01:30", None]).tz_localize("UTC").tz_convert("Europe/Paris")
    ),
    "zoned-utc": pd.Series(pd.to_datetime(["2024-01-01"], utc=True)),
    "zoned-offset": pd.Series(pd.to_datetime(["2024-01-01T00:00:00+05:30"])),
    "durations": pd.Series(pd.to_timedelta([1, None], unit="s")),
    "periods": pd.Series(pd.period_range("2024-01", periods=3, freq="M")),
    "intervals": pd.Series(pd.interval_range(0, 3, closed="left")),
    "complex": pd.Series([1j]),
    "arrow-int": pd.Series([1, None], dtype="int64[pyarrow]"),
    "arrow-timestamp": pd.Series([pd.Timestamp("2024-01-01 00:00:00.000000001")], dtype="timestamp[ns][pyarrow]"),
    "arrow-struct": pd.Series([{"a": [1, None]}, None], dtype=pd.ArrowDtype(pa.struct({"a": pa.list_(pa.int8())}))),
    "arrow-decimal": pd.Series([Decimal("1.50"), None], dtype=pd.ArrowDtype(pa.decimal128(20, 2))),
    "arrow-dictionary": pd.Series(["a", "b", "a"], dtype=pd.ArrowDtype(pa.dictionary(pa.int8(), pa.string()))),
    "arrow-string": pd.Series(["a", None], dtype=pd.ArrowDtype(pa.string())),
    "many-strings": pd.Series([f"text {n}" if n % 7 else None for n in range(5000)]),
    "many-nullable-strings": pd.Series([f"text {n}" if n % 7 else None for n in range(5000)], dtype="string"),
    "many-strings-python": pd.Series([f"text {n}" if n % 7 else None for n in range(5000)], dtype="string[python]"),
    "many-objects-of-str": pd.Series([f"text {n}" if n % 7 else None for n in range(5000)], dtype=object),
    "many-ints": pd.Series(range(20_000)),
    "many-nullable-ints": pd.Series([*range(20_000), None], dtype="Int64"),
    "many-dates": pd.Series(pd.date_range("2024", periods=20_000, freq="s", tz="Europe/Paris")),
    "many-categories": pd.Series([f"text {n % 3000}" for n in range(20_000)], dtype="category"),
    "empty": pd.Series([], dtype="float32"),
    "empty-objects": pd.Series([], dtype=object),
    "named": pd.Series([1], name=("a", 1), index=pd.Index(["x"], name="i")),
}

INDEXES = {
    "range": pd.RangeIndex(3, 0, -1, name="r"),
    "ints": pd.Index([3, 1, 2], name=7, dtype="int32"),
    "strings": pd.Index(["a", "b"]),
    "objects": pd.Index(["a", 1, None, (1, 2)], dtype=object),
    "tuples": pd.Index([(1, 2), (3, 4)], tupleize_cols=False),
    "dates-with-freq": pd.date_range("2024-01-01", periods=3, freq="2D", tz="Europe/Paris", name="d"),
    "month-ends": pd.date_range("2024-01-31", periods=3, freq="ME"),
    "durations-with-freq": pd.timedelta_range("1h", periods=3, freq="h"),
    "periods": pd.period_range("2024", periods=2, freq="Q"),
    "intervals": pd.interval_range(0.0, 2.0),
    "categories": pd.CategoricalIndex(["a", "b", "a"], name="c"),
    "multi": pd.MultiIndex.from_tuples([("a", 1), ("b", 2), ("a", 3)], names=["x", None]),
    "multi-missing": pd.MultiIndex.from_arrays([["a", None], pd.to_datetime(["2024-01-01", "2024-01-02"])]),
    "multi-of-ranges": pd.MultiIndex.from_product([pd.RangeIndex(2), ["a", "b"]], names=["n", "l"]),
    "categories-of-a-range": pd.CategoricalIndex([3, 5], categories=pd.RangeIndex(1, 9, 2)),
    "many-strings": pd.Index([f"text {n}" for n in range(2000)], name="s"),
    "arrow": pd.Index([1, None], dtype="int64[pyarrow]"),
    "empty": pd.Index([]),
    "bools": pd.Index([True, False]),
}


@pytest.mark.parametrize("series", SERIES.values(), ids=SERIES.keys())
def test_a_series_comes_back_alone_and_as_a_column(series):
    found = round_trip(series)
    pd.testing.assert_series_equal(found, series, check_exact=True)
    assert [type(v) for v in found.tolist()] == [type(v) for v in series.tolist()]

    frame = pd.DataFrame({"a": series, "b": series})
    pd.testing.assert_frame_equal(round_trip([(frame,)])[0][0], frame, check_exact=True, check_freq=True)


@pytest.mark.parametrize("index", INDEXES.values(), ids=INDEXES.keys())
def test_an_index_comes_back_alone_under_rows_and_over_columns(index):
    found = round_trip(index)
    pd.testing.assert_index_equal(found, index, exact=True)
    assert type(found) is type(index)
    assert same(list(found.names), list(index.names))
    assert getattr(found, "freq", None) == getattr(index, "freq", None)

    rows = pd.DataFrame({"a": range(len(index))}, index=index)
    pd.testing.assert_frame_equal(round_trip(rows), rows, check_freq=True, check_column_type=True)
    columns = pd.DataFrame([range(len(index))], columns=index)
    pd.testing.assert_frame_equal(round_trip({1: columns})[1], columns, check_freq=True, check_column_type=True)


def test_duplicate_column_names_attrs_and_no_columns_at_all():
    twice = pd.DataFrame([[1, "a"]], columns=["c", "c"])
    twice.attrs = {"source": ("x", 1), 2: b"y"}

    found = round_trip(twice)

    pd.testing.assert_frame_equal(found, twice)
    assert same(found.attrs, twice.attrs)
    bare = pd.DataFrame(index=pd.Index([1, 2], name="i"))
    pd.testing.assert_frame_equal(round_trip(bare), bare)
    pd.testing.assert_frame_equal(round_trip(pd.DataFrame()), pd.DataFrame())


def test_a_frame_and_a_series_that_may_not_have_labels_twice_come_back_so():
    value = pd.DataFrame({"a": [1]}).set_flags(allows_duplicate_labels=False)

    found = round_trip([value, value["a"]])

    pd.testing.assert_frame_equal(found[0], value, check_flags=True)
    pd.testing.assert_series_equal(found[1], value["a"], check_flags=True)
    assert not found[0].flags.allows_duplicate_labels


@pytest.mark.parametrize("dtype", ["f8", "i2", "bool", "c8", "M8[ns]", "Int16", "str", "object"])
def test_very_many_columns_come_back_and_can_be_added_to(dtype):
    frame = pd.DataFrame(np.arange(600).reshape(3, 200), index=list("xyz")).astype(dtype)
    frame.columns = pd.MultiIndex.from_product([range(2), range(100)])
    frame.attrs = {"a": 1}

    found = round_trip(frame)

    pd.testing.assert_frame_equal(found, frame, check_exact=True)
    assert found.dtypes.tolist() == frame.dtypes.tolist()
    assert found.attrs == frame.attrs
    found[(2, 0)] = 1  # pandas warns, which is an error here, where each column is apart
    found.loc["x", (0, 0)] = frame.loc["y", (0, 0)]
    assert found.loc["x", (0, 0)] == frame.loc["y", (0, 0)]


ROWS = 20_000
NUMBERS = pd.DataFrame({"a": np.arange(ROWS), "b": np.arange(ROWS) / 3, "c": np.arange(ROWS) * 2})
MATRIX = pd.DataFrame(np.arange(ROWS * 60.0).reshape(60, ROWS).T)


@pytest.mark.parametrize("frame", [NUMBERS, MATRIX, NUMBERS.copy()[["c", "a"]]], ids=["columns", "matrix", "selected"])
def test_columns_of_numbers_are_sent_from_their_own_memory_and_read_where_they_arrived(frame):
    encoded = encode(frame, compression="off", max_bytes=LIMIT)
    payload = bytearray(joined(encoded.payload))

    found = read(encoded, payload=memoryview(payload))

    pd.testing.assert_frame_equal(found, frame, check_exact=True)
    arrived = np.frombuffer(payload, "u1")
    sent = [np.frombuffer(piece, "u1") for piece in encoded.payload if len(piece) > 100_000]
    for position in range(frame.shape[1]):
        assert np.shares_memory(found.iloc[:, position].to_numpy(), arrived)
        assert any(np.shares_memory(frame.iloc[:, position].to_numpy(), piece) for piece in sent)
    found.iloc[0, 0] = 77
    assert found.iloc[0, 0] == 77
    assert frame.iloc[0, 0] == 0


def test_a_column_of_texts_is_sent_from_its_own_memory():
    # pandas 3 keeps texts like this by itself. pandas 2 keeps them as Python objects unless it is told.
    frame = pd.DataFrame({"t": pd.array([f"text number {n}" for n in range(ROWS)], dtype="string[pyarrow]")})
    encoded = encode(frame, compression="off", max_bytes=LIMIT)

    chunks = pa.chunked_array([pa.array(frame["t"].array)]).chunks
    own = {buffer.address for chunk in chunks for buffer in chunk.buffers() if buffer}
    assert own <= {pa.py_buffer(piece).address for piece in encoded.payload}


def test_rows_that_were_left_out_and_texts_that_were_set_to_missing_are_not_sent():
    whole = pd.DataFrame({"n": range(3000), "t": [f"SECRET {n}" for n in range(3000)]})
    hidden = whole.copy()
    hidden.loc[hidden["n"] >= 5, "t"] = None
    nullable = pd.Series([f"SECRET {n}" for n in range(3000)], dtype="string")
    nullable[5:] = pd.NA

    parts = (whole.head(1500), 1500), (whole[whole.n < 1200], 1200)
    for value, sent in ((whole, 3000), *parts, (hidden, 5), (nullable, 5)):
        payload = joined(encode(value, compression="off", max_bytes=LIMIT).payload)
        assert bytes(payload).count(b"SECRET") == sent


def test_numbers_under_a_mask_are_not_sent():
    value = pd.Series([int.from_bytes(b"SECRET", "little")] * 3, dtype="Int64")
    value[:] = pd.NA

    assert b"SECRET" not in joined(encode(value, compression="off", max_bytes=LIMIT).payload)


def test_a_frame_that_comes_back_can_be_changed():
    found = round_trip(pd.DataFrame({"a": [1, 2], "b": [1.0, 2.0]}))

    found.loc[0, "a"] = 9
    found["c"] = 1

    assert found["a"].tolist() == [9, 2]


@pytest.mark.parametrize(
    "value",
    [
        pd.Timestamp("2024-01-01 00:00:00.123456789"),
        pd.Timestamp("2024-10-27 01:30", tz="UTC").tz_convert("Europe/Paris"),
        pd.Timestamp("2024-01-01").as_unit("s"),
        pd.Timedelta("1 day 00:00:00.000000001"),
        pd.Timedelta(1, "s").as_unit("ms"),
        pd.Categorical(["a", "b"]),
        pd.array([1, None], dtype="Int8"),
    ],
    ids=repr,
)
def test_scalars_and_arrays_come_back(value):
    found = round_trip([value])[0]

    assert type(found) is type(value)
    assert repr(found) == repr(value)
    assert getattr(found, "unit", None) == getattr(value, "unit", None)
    assert str(getattr(found, "tzinfo", None)) == str(getattr(value, "tzinfo", None))


def test_the_missing_values_are_themselves_again():
    found = round_trip((pd.NaT, pd.NA))

    assert found[0] is pd.NaT
    assert found[1] is pd.NA


class Wrapped(pd.DataFrame):
    pass


@pytest.mark.parametrize(
    "value",
    [Wrapped({"a": [1]}), pd.Series(pd.arrays.SparseArray([0, 1])), pd.Series([object()])],
    ids=["subclass", "sparse", "opaque"],
)
def test_what_cannot_be_carried_exactly_is_refused(value):
    with pytest.raises(XComNotSerializable):
        encode(value, max_bytes=LIMIT)
