"""Frames and series of geopandas: geometries as Well-Known Binary, and the rest as pandas.

A column of geometries is an array of its own. So a plain DataFrame with such a column is carried, too.
"""

from __future__ import annotations

import re
from typing import Any

from exclusive_redis_xcom.codec.allowlist import package
from exclusive_redis_xcom.codec.kinds import NotCarriedError
from exclusive_redis_xcom.codec.libraries.shapely import geometries_to_parts, parts_to_geometries
from exclusive_redis_xcom.codec.plugs import register

_AUTHORITY = re.compile(r"[A-Za-z]{2,20}:[A-Za-z0-9_.]{1,40}")  # "EPSG:4326"
_LONGEST_CRS = 1024 * 1024  # characters of Well-Known Text


def _crs_to_text(crs: Any) -> str | None:
    """Return the name of a coordinate reference system if it has one, and its Well-Known Text otherwise."""
    if crs is None:
        return None
    crs_class = package("pyproj").CRS
    if _AUTHORITY.fullmatch(crs.srs) and crs_class.from_user_input(crs.srs).to_wkt() == crs.to_wkt():
        return str(crs.srs)
    text = str(crs.to_wkt())
    if type(crs) is not crs_class or crs_class.from_wkt(text) != crs:
        raise NotCarriedError("Its coordinate reference system has no exact Well-Known Text.")
    return text


def _text_to_crs(text: Any) -> Any:
    if text is None:
        return None
    if not isinstance(text, str) or len(text) > _LONGEST_CRS:
        raise ValueError("not a coordinate reference system")
    crs_class = package("pyproj").CRS
    return crs_class.from_user_input(text) if _AUTHORITY.fullmatch(text) else crs_class.from_wkt(text)


def _encode_array(array: Any) -> dict[str, Any]:
    return {"crs": _crs_to_text(array.crs), **geometries_to_parts(package("numpy").asarray(array, dtype=object))}


def _decode_array(parts: dict[str, Any], _version: int) -> Any:
    crs = _text_to_crs(parts["crs"])
    return package("geopandas").array.GeometryArray(parts_to_geometries(parts), crs=crs)


def _encode_series(series: Any) -> dict[str, Any]:
    return {"series": _as(package("pandas").Series(series), series)}


def _decode_series(parts: dict[str, Any], _version: int) -> Any:
    series = parts["series"]
    if type(series) is not package("pandas").Series or not isinstance(
        series.array, package("geopandas").array.GeometryArray
    ):
        raise TypeError("not a series of geometries")
    return _as(package("geopandas").GeoSeries(series), series)


def _as(made: Any, like: Any) -> Any:
    """Give an object what constructors of pandas leave out."""
    made.attrs = dict(like.attrs)
    made.flags.allows_duplicate_labels = like.flags.allows_duplicate_labels
    return made


def _encode_frame(frame: Any) -> dict[str, Any]:
    return {"frame": _as(package("pandas").DataFrame(frame), frame), "geometry": frame._geometry_column_name}


def _decode_frame(parts: dict[str, Any], _version: int) -> Any:
    frame, geometry = parts["frame"], parts["geometry"]
    if type(frame) is not package("pandas").DataFrame:
        raise TypeError("not a frame")
    made = package("geopandas").GeoDataFrame(frame)
    made._geometry_column_name = geometry
    return _as(made, frame)


register("geopandas.array", "geopandas.array.GeometryArray", encode=_encode_array, decode=_decode_array)
register(
    "geopandas.series",
    ("geopandas.geoseries.GeoSeries", "geopandas.GeoSeries"),
    encode=_encode_series,
    decode=_decode_series,
)
register(
    "geopandas.frame",
    ("geopandas.geodataframe.GeoDataFrame", "geopandas.GeoDataFrame"),
    encode=_encode_frame,
    decode=_decode_frame,
)
