"""Pandas objects come back with every dtype, index, name and attribute."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from exclusive_redis_xcom.codec import encode
from exclusive_redis_xcom.errors import XComNotSerializable
from tests.unit.codec.support import LIMIT, round_trip, same

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
