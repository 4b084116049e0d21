"""Geometries of shapely, as Extended Well-Known Binary: with Z, M and SRID."""

from __future__ import annotations

from typing import Any

from exclusive_redis_xcom.codec.allowlist import package
from exclusive_redis_xcom.codec.kinds import NotCarriedError
from exclusive_redis_xcom.codec.libraries.wkb import require_shallow
from exclusive_redis_xcom.codec.plugs import register

_POINT, _LINEAR_RING = 0, 2  # shapely's numbers of these types
_COLLECTIONS = range(4, 8)
_MOST_LEVELS = 100
_NAN = float("nan")
_SET_EMPTY = "Put an empty point, or None, in its place."


def geometries_to_parts(geometries: Any) -> dict[str, Any]:
    """Take a one-dimensional array of geometries apart. None stays None.

    Raises:
        NotCarriedError: Well-Known Binary would change one of the geometries.
    """
    shapely, numpy = package("shapely"), package("numpy")
    types = shapely.get_type_id(geometries)
    _require_exact_parts(geometries[numpy.isin(types, _COLLECTIONS)])
    written = shapely.to_wkb(geometries, flavor="extended", include_srid=True)
    parts: dict[str, Any] = {
        "sizes": numpy.array([-1 if one is None else len(one) for one in written], dtype="<i8"),
        "wkb": b"".join(one for one in written if one is not None),
    }
    rings = numpy.flatnonzero(types == _LINEAR_RING)
    if len(rings):
        parts["rings"] = rings.astype("<i8")
        if not bool(numpy.all(_as_rings(shapely.from_wkb(written[rings])) == geometries[rings])):
            raise NotCarriedError("It has a linear ring with M, which has no form in Well-Known Binary.")
    grid = shapely.get_precision(geometries)
    if numpy.any(grid > 0):
        parts["grid"] = grid
    nowhere = numpy.flatnonzero(_are_nowhere(geometries))
    if len(nowhere):
        parts.update(_nowhere_to_parts(nowhere, geometries[nowhere]))
    return parts


def _are_nowhere(geometries: Any) -> Any:
    """Tell which are points whose x and y are NaN. Well-Known Binary has no other form for an empty point."""
    shapely, numpy = package("shapely"), package("numpy")
    points = (shapely.get_type_id(geometries) == _POINT) & ~shapely.is_empty(geometries)
    points[points] = numpy.isnan(shapely.get_coordinates(geometries[points])).all(axis=1)
    return points


def _nowhere_to_parts(positions: Any, points: Any) -> dict[str, Any]:
    shapely, numpy = package("shapely"), package("numpy")
    if numpy.any(shapely.get_precision(points) > 0) or (hasattr(shapely, "has_m") and numpy.any(shapely.has_m(points))):
        raise NotCarriedError("It has a point without x and y, but with M or a grid.", _SET_EMPTY)
    return {
        "nowhere": positions.astype("<i8"),
        "nowhere_has_z": shapely.has_z(points),
        "nowhere_z": shapely.get_z(points),
    }


def _parts_to_nowhere(parts: dict[str, Any], read: Any) -> Any:
    """Make the points whose x and y are NaN, in the place of the empty points that were read."""
    shapely, numpy = package("shapely"), package("numpy")
    has_z, z = parts["nowhere_has_z"], parts["nowhere_z"]
    if not has_z.shape == z.shape == read.shape or has_z.dtype != bool or z.dtype != "<f8":
        raise ValueError("not points")
    points = numpy.empty(len(read), dtype=object)
    for position, (with_z, height, srid) in enumerate(zip(has_z, z, shapely.get_srid(read), strict=True)):
        made = shapely.points([_NAN, _NAN, height] if with_z else [_NAN, _NAN])
        points[position] = shapely.set_srid(made, srid)
    return points


def _require_exact_parts(collections: Any) -> None:
    shapely, numpy = package("shapely"), package("numpy")
    for _ in range(_MOST_LEVELS):
        if not len(collections):
            return
        inner = shapely.get_parts(collections)
        types = shapely.get_type_id(inner)
        if numpy.any(types == _LINEAR_RING):
            raise NotCarriedError("It has a collection with a linear ring, which has no form in Well-Known Binary.")
        if numpy.any(_are_nowhere(inner)):
            raise NotCarriedError("It has a collection with a point without x and y.", _SET_EMPTY)
        collections = inner[numpy.isin(types, _COLLECTIONS)]
    raise NotCarriedError(f"It has collections within collections, more than {_MOST_LEVELS} levels deep.")


def _as_rings(lines: Any) -> Any:
    shapely, numpy = package("shapely"), package("numpy")
    rings = numpy.empty(len(lines), dtype=object)
    for position, line in enumerate(lines):
        ring = shapely.LinearRing(line.coords)
        rings[position] = shapely.set_srid(ring, shapely.get_srid(line))
    return rings


def parts_to_geometries(parts: dict[str, Any]) -> Any:
    """Reverse `geometries_to_parts`. Raises any Exception for other parts."""
    shapely, numpy = package("shapely"), package("numpy")
    sizes, joined = parts["sizes"], memoryview(parts["wkb"])
    if sizes.ndim != 1 or sizes.dtype != "<i8" or numpy.any(sizes < -1):
        raise ValueError("not sizes")
    written = numpy.empty(len(sizes), dtype=object)
    position = 0
    for number, size in enumerate(sizes.tolist()):
        if size < 0:
            continue
        one = joined[position : position + size]
        position += size
        require_shallow(one)
        written[number] = bytes(one)
    if position != len(joined):
        raise ValueError("sizes and geometries differ")
    geometries = shapely.from_wkb(written)
    if "rings" in parts:
        rings = _positions(parts["rings"])
        geometries[rings] = _as_rings(geometries[rings])
    if "grid" in parts:
        if parts["grid"].shape != sizes.shape:  # shapely would copy each geometry for each item
            raise ValueError("not a grid for each geometry")
        geometries = shapely.set_precision(geometries, parts["grid"], mode="pointwise")
    if "nowhere" in parts:
        nowhere = _positions(parts["nowhere"])
        geometries[nowhere] = _parts_to_nowhere(parts, geometries[nowhere])
    return geometries


def _positions(array: Any) -> Any:
    """Check that positions are named in order, and each but once. A ring is made for each of them."""
    if array.ndim != 1 or array.dtype != "<i8" or (len(array) and array[0] < 0) or (array[1:] <= array[:-1]).any():
        raise ValueError("not positions")
    return array


def _encode(geometry: Any) -> dict[str, Any]:
    if not type(geometry).__module__.startswith("shapely."):
        raise NotCarriedError("It is an object of a subclass.", "Push a geometry of shapely's own classes.")
    array = package("numpy").empty(1, dtype=object)
    array[0] = geometry
    return geometries_to_parts(array)


def _decode(parts: dict[str, Any], _version: int) -> Any:
    (geometry,) = parts_to_geometries(parts)
    return geometry


register("shapely.geometry", "shapely.geometry.base.BaseGeometry", encode=_encode, decode=_decode, subclasses=True)
