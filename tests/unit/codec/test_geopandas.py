"""Frames of geopandas and geometries of shapely come back exactly: geometries, CRS, index, columns, attrs."""

from __future__ import annotations

import struct

import ormsgpack
import pandas as pd
import pytest

from exclusive_redis_xcom.codec import encode
from exclusive_redis_xcom.codec.libraries.wkb import MOST_LEVELS, require_shallow
from exclusive_redis_xcom.errors import CorruptValue, XComNotRebuilt, XComNotSerializable
from tests.unit.codec.support import LIMIT, raw, round_trip

geopandas = pytest.importorskip("geopandas", reason="geopandas is not installed here")
shapely = pytest.importorskip("shapely")
pyproj = pytest.importorskip("pyproj")
np = pytest.importorskip("numpy")

WKT = [
    "POINT (1 2)",
    "POINT Z (1 2 3)",
    "POINT EMPTY",
    "POINT Z EMPTY",
    "POINT (NaN NaN)",
    "POINT Z (NaN NaN 5)",
    "POINT Z (NaN NaN NaN)",
    "LINESTRING (0 0, 1 1.5, 2 0.1)",
    "POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0), (1 1, 2 1, 2 2, 1 1))",
    "POLYGON EMPTY",
    "MULTIPOINT (1 1, 2 2)",
    "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)), ((5 5, 6 5, 6 6, 5 5)))",
    "GEOMETRYCOLLECTION (POINT (1 1), GEOMETRYCOLLECTION (LINESTRING (0 0, 1 1)))",
    "LINEARRING (0 0, 1 0, 1 1, 0 0)",
    "LINEARRING Z (0 0 1, 1 0 2, 1 1 3, 0 0 1)",
]
NAN = float("nan")
GEOMETRIES = [*shapely.from_wkt(WKT), *shapely.set_srid([shapely.Point(1, 2), shapely.Point(NAN, NAN)], 4326)]
CRS = [
    None,
    "EPSG:4326",
    "EPSG:2154",
    "ESRI:102003",
    "OGC:CRS84",
    "+proj=laea +lat_0=52 +lon_0=10 +ellps=GRS80 +units=m +no_defs",
    pyproj.CRS.from_epsg(3857).to_wkt(),
    "EPSG:4326+5773",
]


def exact(left, right):
    """Compare geometries one by one: class, coordinates with Z, SRID, precision."""
    pairs = list(zip(left, right, strict=True))
    return all(
        (one is None and other is None)
        or (
            type(one) is type(other)
            and one.wkb_hex == other.wkb_hex
            and shapely.to_wkt(one, rounding_precision=-1) == shapely.to_wkt(other, rounding_precision=-1)
            and shapely.get_srid(one) == shapely.get_srid(other)
            and shapely.get_precision(one) == shapely.get_precision(other)
        )
        for one, other in pairs
    )


def frame(crs="EPSG:4326"):
    return geopandas.GeoDataFrame(
        {"n": pd.array([1, None], "Int64"), "label": ["a", "b"]},
        geometry=[shapely.Point(1, 2), None],
        crs=crs,
        index=pd.Index(["x", "y"], name="id"),
    )


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=lambda one: one.wkt[:24])
def test_a_geometry_comes_back(geometry):
    assert exact([round_trip(geometry)], [geometry])
    assert exact(round_trip({"a": [geometry, (geometry,)]})["a"][:1], [geometry])


def test_a_geometry_of_a_precision_comes_back():
    geometry = shapely.set_precision(shapely.LineString([(0.1, 0.26), (2.6, 3)]), 0.5)

    assert exact([round_trip(geometry)], [geometry])


@pytest.mark.parametrize("crs", CRS, ids=lambda crs: str(crs)[:12])
def test_a_frame_comes_back_with_its_crs(crs):
    value = frame(crs)

    found = round_trip([value])[0]

    assert type(found) is geopandas.GeoDataFrame
    assert type(found.geometry) is geopandas.GeoSeries
    assert found.crs == value.crs
    if crs is not None:
        assert found.crs.to_wkt() == value.crs.to_wkt()
    if crs in ("EPSG:4326", "EPSG:2154", "ESRI:102003", "OGC:CRS84"):
        assert found.crs.srs == value.crs.srs
    assert exact(found.geometry, value.geometry)
    pd.testing.assert_frame_equal(
        pd.DataFrame(found.drop(columns="geometry")), pd.DataFrame(value.drop(columns="geometry"))
    )
    assert found.index.name == "id"
    assert list(found.columns) == list(value.columns)


def test_a_frame_of_several_geometry_columns_attrs_and_flags_comes_back():
    value = frame()
    value["centre"] = geopandas.GeoSeries([shapely.Point(5, 5), shapely.Point()], index=value.index, crs="EPSG:3857")
    value = value.set_geometry("centre").set_flags(allows_duplicate_labels=False)
    value.attrs["source"] = ("survey", 1)

    found = round_trip(value)

    assert found.active_geometry_name == "centre"
    assert (found.crs.to_epsg(), found["geometry"].crs.to_epsg()) == (3857, 4326)
    assert exact(found["centre"], value["centre"])
    assert exact(found["geometry"], value["geometry"])
    assert found.attrs == {"source": ("survey", 1)}
    assert not found.flags.allows_duplicate_labels


@pytest.mark.parametrize(
    "make",
    [
        lambda: geopandas.GeoDataFrame({"a": [1]}),
        lambda: geopandas.GeoDataFrame(geometry=[]),
        lambda: frame().iloc[:0],
        lambda: frame().rename_geometry("shape"),
        lambda: frame().set_index([["a", "b"], [1, 2]]),
    ],
    ids=["no geometry", "empty", "no rows", "other name", "MultiIndex"],
)
def test_an_odd_frame_comes_back(make):
    value = make()

    found = round_trip(value)

    assert type(found) is type(value)
    assert found.active_geometry_name == value.active_geometry_name
    assert found.dtypes.equals(value.dtypes)
    pd.testing.assert_index_equal(found.index, value.index)
    assert value.active_geometry_name is None or exact(found.geometry, value.geometry)


def test_a_series_and_a_plain_frame_with_geometries_come_back():
    series = geopandas.GeoSeries.from_wkt(WKT[:4], index=list("abcd"), name="where", crs="EPSG:4326")
    series.attrs["k"] = 1
    plain = pd.DataFrame({"a": [1, 2, 3, 4], "where": series.array})

    found, found_plain = round_trip([series, plain])

    assert type(found) is geopandas.GeoSeries
    assert (found.name, found.attrs, found.crs, list(found.index)) == ("where", {"k": 1}, series.crs, list("abcd"))
    assert exact(found, series)
    assert type(found_plain) is pd.DataFrame
    assert found_plain.dtypes.equals(plain.dtypes)
    assert exact(found_plain["where"].array, plain["where"].array)


def test_many_geometries_come_back():
    value = geopandas.GeoSeries(geopandas.points_from_xy(range(10_000), range(10_000)), crs="EPSG:4326")

    assert exact(round_trip(value), value)


@pytest.mark.parametrize(
    ("wkt", "why"),
    [
        ("GEOMETRYCOLLECTION (LINEARRING (0 0, 1 0, 1 1, 0 0))", "a collection with a linear ring"),
        ("LINEARRING M (0 0 5, 1 0 5, 1 1 5, 0 0 5)", "a linear ring with M"),
        ("POINT M (NaN NaN 5)", "a point without x and y, but with M"),
        ("MULTIPOINT ((1 2), (NaN NaN))", "a collection with a point without x and y"),
        ("GEOMETRYCOLLECTION (MULTIPOINT ((1 2), (NaN NaN)))", "a collection with a point without x and y"),
    ],
)
def test_what_well_known_binary_would_change_is_refused(wkt, why):
    with pytest.raises(XComNotSerializable, match=why):
        encode({"a": shapely.from_wkt(wkt)}, max_bytes=LIMIT)


def test_points_of_missing_coordinates_stay_points_that_are_not_empty():
    value = geopandas.GeoSeries([*geopandas.points_from_xy([1, NAN], [2, NAN]), None, shapely.Point()])

    found = round_trip(value)

    assert exact(found, value)
    assert found.is_empty.tolist() == [False, False, False, True]


def test_a_frame_with_what_is_not_carried_names_the_column():
    value = frame()
    value["bad"] = [object(), 1]

    with pytest.raises(XComNotSerializable) as caught:
        encode({"a": value}, max_bytes=LIMIT)

    assert "['a'].frame['bad'][0]" in str(caught.value)


def nested(levels):
    return struct.pack("<BII", 1, 7, 1) * levels + struct.pack("<BIdd", 1, 1, 1.0, 2.0)


def forged(name, version, parts):
    return ormsgpack.packb(ormsgpack.Ext(47, ormsgpack.packb([name, version, parts])))


def sizes(*numbers):
    return ormsgpack.Ext(
        51, ormsgpack.packb(["<i8", [len(numbers)], False, struct.pack(f"<{len(numbers)}q", *numbers)])
    )


def grids(*numbers):
    return ormsgpack.Ext(
        51, ormsgpack.packb(["<f8", [len(numbers)], False, struct.pack(f"<{len(numbers)}d", *numbers)])
    )


LINE = shapely.to_wkb(shapely.from_wkt("LINESTRING (0 0, 1 0, 1 1, 0 0)"))


def test_deep_nesting_is_refused_before_geos_reads_it():
    require_shallow(memoryview(nested(MOST_LEVELS - 1)))
    wkb = nested(MOST_LEVELS + 1)

    with pytest.raises(ValueError, match="nested too deeply"):
        require_shallow(memoryview(wkb))
    with pytest.raises(XComNotRebuilt, match=r"'shapely\.geometry' cannot rebuild the value \(ValueError\)"):
        raw(forged("shapely.geometry", 1, {"wkb": wkb, "sizes": sizes(len(wkb))}))


def test_a_byte_that_is_no_byte_order_is_refused():
    points = (MOST_LEVELS + 1) * struct.pack("<BIdd", 1, 1, 1.0, 2.0)
    whole = struct.pack("<BII", 1, 7, MOST_LEVELS + 1) + points
    require_shallow(memoryview(whole))

    with pytest.raises(ValueError, match="not a byte order"):
        require_shallow(memoryview(whole[:9] + b"\2" + whole[10:]))


@pytest.mark.parametrize("wkt", [one for one in WKT if "RING" not in one.partition(" ")[0] and "EMPTY" not in one])
def test_the_walk_reads_each_type_to_its_end(wkt):
    one = shapely.to_wkb(shapely.set_srid(shapely.from_wkt(wkt), 4326), include_srid=True, flavor="extended")
    many = struct.pack("<BII", 1, 7, 200) + one * 200

    if len(many) > 9 * MOST_LEVELS:
        require_shallow(memoryview(many))
        for wrong in (many[:-1], many + b"\0"):
            with pytest.raises((ValueError, struct.error, IndexError)):
                require_shallow(memoryview(wrong))


@pytest.mark.parametrize(
    "parts",
    [
        {"wkb": LINE, "sizes": sizes(len(LINE)), "rings": sizes(0, 0)},  # each ring would take memory again
        {"wkb": LINE, "sizes": sizes(len(LINE)), "rings": sizes(-1)},
        {"wkb": LINE, "sizes": sizes(len(LINE)), "grid": grids(1.0, 2.0)},  # each geometry would be copied
        {"wkb": LINE, "sizes": sizes(len(LINE)), "nowhere": sizes(0, 0)},
        {
            "wkb": LINE,
            "sizes": sizes(len(LINE)),
            "nowhere": sizes(0),
            "nowhere_has_z": grids(1.0),
            "nowhere_z": grids(1.0),
        },
        {"wkb": b"\1\1\0\0\0", "sizes": sizes(5)},
        {"wkb": b"", "sizes": sizes(-2)},
        {"wkb": b"x", "sizes": sizes(0)},
        {"wkb": b"", "sizes": sizes(9)},
        {"wkb": b"", "sizes": [1]},
        {},
        [],
        None,
        {"wkb": b"", "sizes": sizes()},
    ],
)
def test_forged_geometries_are_refused(parts):
    with pytest.raises((XComNotRebuilt, CorruptValue)):
        raw(forged("shapely.geometry", 1, parts))


@pytest.mark.parametrize("crs", ["not a crs", "GEOGCRS[", 7, "/etc/passwd", "+init=epsg:4326"])
def test_a_forged_crs_is_refused(crs):
    with pytest.raises(XComNotRebuilt):
        raw(forged("geopandas.array", 1, {"wkb": b"", "sizes": sizes(), "crs": crs}))
