"""Datasets of xarray come back exactly: dimensions, coordinates, indexes, attributes, encoding, order."""

from __future__ import annotations

import logging

import ormsgpack
import pandas as pd
import pytest

from exclusive_redis_xcom.codec import encode
from exclusive_redis_xcom.errors import CorruptValue, XComNotRebuilt, XComNotSerializable
from tests.unit.codec.support import LIMIT, raw, round_trip, same

np = pytest.importorskip("numpy")
xr = pytest.importorskip("xarray", reason="xarray is not installed here")


def dataset():
    value = xr.Dataset(
        {
            "t": (("x", "y"), np.arange(6.0).reshape(2, 3), {"units": "K"}),
            "n": ((), 5),
            "text": ("x", np.array(["a", None], dtype=object)),
            "when": ("y", np.array(["2024-01-01", "NaT", "2024-01-03"], "datetime64[s]")),
        },
        coords={
            "y": pd.date_range("2024-01-01", periods=3, freq="D"),
            "x": ("x", np.array([10, 20], "int16"), {"axis": "X"}),
            "label": ("x", ["p", "qq"]),
            "scalar": 7,
        },
        attrs={"title": "t", "levels": (1, 2)},
    )
    value["t"].encoding = {
        "dtype": np.dtype("f4"),
        "zlib": True,
        "chunksizes": (1, 3),
        "_FillValue": np.float32(-9),
        "preferred_chunks": {"x": 1},
    }
    value["text"].encoding = {"dtype": str}
    value["x"].encoding = {"dtype": np.dtype(">i2")}
    value.encoding = {"unlimited_dims": {"x"}, "source": "/data/a.nc"}
    return value


def exact(found, value):
    assert type(found) is type(value)
    xr.testing.assert_identical(found, value)
    assert found.encoding == value.encoding
    assert dict(found.sizes) == dict(value.sizes)
    assert type(value) is xr.Dataset or found.dims == value.dims
    if type(value) is xr.Variable:
        assert found.dtype == value.dtype
        return
    assert list(found.coords) == list(value.coords)
    assert set(found.xindexes) == set(value.xindexes)
    for name in value.coords:
        same_variable(found.coords[name], value.coords[name])
    for name, index in value.indexes.items():
        pd.testing.assert_index_equal(found.indexes[name], index, exact=True)
    if type(value) is xr.Dataset:
        assert list(found.variables) == list(value.variables)
        assert list(found.data_vars) == list(value.data_vars)
        for name in value.data_vars:
            same_variable(found[name], value[name])
    else:
        same_variable(found, value)


def same_variable(found, value):
    assert type(found.variable) is type(value.variable)
    assert (found.dtype, found.dims, found.shape) == (value.dtype, value.dims, value.shape)
    assert type(found.variable.data) is type(value.variable.data)
    assert list(found.attrs.items()) == list(value.attrs.items())
    assert same(found.encoding, value.encoding)
    assert all(type(found.encoding[name]) is type(content) for name, content in value.encoding.items())


MADE = {
    "dataset": dataset,
    "array": lambda: dataset()["t"],
    "array of a coordinate": lambda: dataset()["x"],
    "array without a name": lambda: xr.DataArray(np.arange(3), dims="a"),
    "array without dimensions": lambda: xr.DataArray(np.array(5)),
    "empty dataset": xr.Dataset,
    "stacked": lambda: dataset().stack(z=("x", "y")),
    "stacked array": lambda: dataset()["t"].stack(z=("x", "y")),
    "no index": lambda: dataset().drop_indexes("x"),
    "other index": lambda: dataset().set_xindex("label"),
    "categorical": lambda: xr.Dataset(coords={"c": pd.CategoricalIndex(["a", "b"], ordered=True)}),
    "of a frame": lambda: pd.DataFrame({"a": [1, 2]}, index=pd.Index([3, 4], name="i")).to_xarray(),
    "time zone": lambda: xr.DataArray([1, 2], coords={"t": pd.date_range("2024", periods=2, freq="h")}, dims="t"),
    "fortran": lambda: xr.DataArray(np.asfortranarray(np.ones((2, 3))), dims=("a", "b"), attrs={"k": [1]}),
    "big": lambda: xr.Dataset({"a": (("x", "y"), np.random.default_rng(1).random((300, 300)))}),
    "texts of pandas": lambda: xr.DataArray(pd.Series(["a", "b"], dtype="string"), dims="x"),
    "names": lambda: xr.Dataset({("a", 1): ("x", [1]), 2: ("x", [2])}),
}


@pytest.mark.parametrize("name", MADE)
def test_it_comes_back(name):
    value = MADE[name]()

    exact(round_trip(value), value)
    exact(round_trip({"a": [value]})["a"][0], value)


def test_a_variable_comes_back():
    value = xr.Variable(("a",), np.arange(3, dtype="u1"), {"units": "m"}, {"dtype": np.dtype("f4")})

    found = round_trip(value)

    assert found.identical(value)
    assert (found.encoding, found.dtype) == (value.encoding, value.dtype)


def test_the_frequency_of_an_index_comes_back():
    assert round_trip(dataset()).indexes["y"].freq == pd.offsets.Day()


def test_what_was_read_from_a_file_lazily_is_loaded(tmp_path):
    pytest.importorskip("scipy", reason="scipy reads netCDF, and is not installed here")
    path = tmp_path / "a.nc"
    xr.Dataset({"a": ("x", np.arange(5))}).to_netcdf(path, engine="scipy")

    with xr.open_dataset(path, engine="scipy") as lazy:
        found = round_trip(lazy)
        xr.testing.assert_identical(found, lazy)

    assert type(found["a"].variable._data) is np.ndarray


class Codec:
    """As a codec of zarr, which is not installed for these tests."""

    __module__ = "zarr.codecs.zstd"


def test_codecs_of_the_file_that_it_was_read_from_are_left_behind_and_named(caplog):
    value = dataset()
    value["t"].encoding = {"compressors": (Codec(),), "filters": (), "serializer": Codec(), "chunks": (1, 2)}

    with caplog.at_level(logging.WARNING, "exclusive_redis_xcom"):
        found = round_trip(value)

    xr.testing.assert_identical(found, value)
    assert found["t"].encoding == {"filters": (), "chunks": (1, 2)}
    assert [record.getMessage() for record in caplog.records] == [
        "Objects of xarray.core.variable.Variable are carried without: encoding['compressors'], "
        "encoding['serializer']. A codec is part of the file that it was read from. to_zarr() chooses one again."
    ]


class Duck:
    """As an array of another library."""

    dtype = np.dtype("f8")
    shape = (2,)
    ndim = 1

    def __array_function__(self, *args):
        raise NotImplementedError

    def __array_ufunc__(self, *args):
        raise NotImplementedError

    def __getitem__(self, key):
        return self


def test_data_of_another_library_is_refused():
    with pytest.raises(XComNotSerializable) as caught:
        encode({"a": xr.Variable(("x",), Duck())}, max_bytes=LIMIT)

    assert str(caught.value).splitlines() == [
        "['a'] of type Variable cannot be carried.",
        "Its type is xarray.core.variable.Variable. Its data is neither NumPy's nor pandas'.",
        "Push it with plain data: as_numpy().",
    ]


def test_lazy_data_is_refused():
    pytest.importorskip("dask.array", reason="dask is not installed here")

    with pytest.raises(XComNotSerializable, match="compute"):
        encode(dataset().chunk(), max_bytes=LIMIT)


def test_an_index_of_another_class_is_refused():
    if not hasattr(xr.indexes, "RangeIndex"):
        pytest.skip("this xarray has no RangeIndex")
    coords = xr.Coordinates.from_xindex(xr.indexes.RangeIndex.arange(0, 1, 0.1, dim="x"))

    with pytest.raises(XComNotSerializable, match="It has an index of the class RangeIndex"):
        encode(xr.Dataset(coords=coords), max_bytes=LIMIT)


def test_an_attribute_that_is_not_carried_is_named():
    value = dataset()
    value["t"].attrs["bad"] = object()

    with pytest.raises(XComNotSerializable) as caught:
        encode([value], max_bytes=LIMIT)

    assert "[0].variables['t']['attrs']['bad']" in str(caught.value)


@pytest.mark.parametrize(
    "parts",
    [
        {},
        [],
        {"variables": {}, "coords": {"variables": {}, "indexes": [{}]}, "attrs": {}, "encoding": {}},
        {
            "variables": {"a": {"dims": ["x"], "attrs": {}, "encoding": {}, "dtypes": {}, "data": 7}},
            "coords": {"variables": {}, "indexes": []},
            "attrs": {},
            "encoding": {},
        },
        {
            "variables": {},
            "coords": {"variables": {}, "indexes": [{"dim": "x", "index": [1], "dtypes": {"x": None}}]},
            "attrs": {},
            "encoding": {},
        },
        {
            "variables": {"a": {"dims": [], "attrs": {}, "encoding": {}, "dtypes": {"dtype": "V1000"}, "data": None}},
            "coords": {"variables": {}, "indexes": []},
            "attrs": {},
            "encoding": {},
        },
    ],
)
def test_forged_parts_are_refused(parts):
    with pytest.raises((XComNotRebuilt, CorruptValue)):
        raw(ormsgpack.packb(ormsgpack.Ext(47, ormsgpack.packb(["xarray.dataset", 1, parts]))))
