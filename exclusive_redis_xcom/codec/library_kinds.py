"""Kinds of the libraries that this package knows by itself, and of stdlib modules that are not always loaded.

Nothing is imported here. The class of a value says which library it belongs to, and that library is loaded already.
Libraries that come as plugs are not here: see `plugs.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.codec import arrays, frame_arrays, frames, moments, scalars, tables, zones
from exclusive_redis_xcom.codec.kinds import Bulk, Leaf, Tree

if TYPE_CHECKING:
    from collections.abc import Callable

    from exclusive_redis_xcom.codec.kinds import Kind

DATETIME = Leaf(30, moments.dump_datetime, moments.load_datetime)
DATE = Leaf(31, moments.dump_date, moments.load_date)
TIME = Leaf(32, moments.dump_time, moments.load_time)
ZONE = Leaf(34, zones.dump_zone, zones.load_zone)
_PATH = Leaf(26, scalars.dump_path, scalars.load_path)
_ADDRESS = Leaf(27, scalars.dump_address, scalars.load_address)

_PENDULUM: dict[str, Kind] = {"datetime": DATETIME, "date": DATE, "time": TIME, "zone": ZONE}
_NUMPY: dict[str, Kind] = {
    "scalar": Leaf(50, arrays.dump_scalar, arrays.load_scalar),
    "array": Bulk(51, arrays.dump_array, arrays.load_array),
    "object_array": Tree(52, arrays.object_array_children, arrays.build_object_array),
    "annotated_array": Tree(53, arrays.annotated_children, arrays.build_annotated),
}
_PANDAS: dict[str, Kind] = {
    "pandas_array": Tree(60, frame_arrays.array_children, frame_arrays.build_array),
    "index": Tree(61, frames.index_children, frames.build_index),
    "series": Tree(62, frames.series_children, frames.build_series),
    "frame": Tree(63, frames.frame_children, frames.build_frame),
    "timestamp": Leaf(64, frames.dump_timestamp, frames.load_timestamp),
    "timedelta": Leaf(65, frames.dump_timedelta, frames.load_timedelta),
    "missing": Leaf(66, frames.dump_missing, frames.load_missing),
}
_ARROW: dict[str, Kind] = {
    "table": Bulk(70, tables.dump_table, tables.load_table),
    "batch": Bulk(71, tables.dump_batch, tables.load_batch),
    "chunks": Bulk(72, tables.dump_chunks, tables.load_chunks),
    "arrow_array": Bulk(73, tables.dump_arrow_array, tables.load_arrow_array),
}
_POLARS: dict[str, Kind] = {
    "polars_frame": Bulk(74, tables.dump_polars_frame, tables.load_polars_frame),
    "polars_series": Bulk(75, tables.dump_polars_series, tables.load_polars_series),
}

_PATHS: dict[str, Kind] = dict.fromkeys(scalars.PATHS, _PATH)
_ADDRESSES: dict[str, Kind] = dict.fromkeys(scalars.ADDRESSES, _ADDRESS)


def _class_name(value: Any) -> str:
    return type(value).__name__


#: By the package of a value's class: what names the kind of the value, and the kinds by these names.
_BY_PACKAGE: dict[str, tuple[Callable[[Any], str | None], dict[str, Kind]]] = {
    "ipaddress": (_class_name, _ADDRESSES),
    "numpy": (arrays.numpy_kind, _NUMPY),
    "pandas": (frames.pandas_kind, _PANDAS),
    "pathlib": (_class_name, _PATHS),
    "pendulum": (moments.pendulum_leaf, _PENDULUM),
    "polars": (tables.polars_kind, _POLARS),
    "pyarrow": (tables.arrow_kind, _ARROW),
}

#: In these, `serialize` and the like mean something else than in Airflow. So their objects are carried as listed here,
#: or not at all.
WITH_OTHER_PROTOCOLS = frozenset({"polars", "pyarrow"})

KINDS: tuple[Kind, ...] = tuple(kind for _, kinds in _BY_PACKAGE.values() for kind in kinds.values())


def library_kind(value: object) -> Kind | None:
    """Return the kind that carries an object of a library; None if it is not one that is carried."""
    package = type(value).__module__.partition(".")[0]
    if package not in _BY_PACKAGE:
        return None
    name_of, kinds = _BY_PACKAGE[package]
    return kinds.get(name_of(value) or "")
