"""Objects of pandas, taken apart into indexes and arrays. Each part is carried exactly.

A column of objects stays a column of objects: its items are carried one by one. Arrow or Parquet would refuse or change
some of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ormsgpack

from exclusive_redis_xcom.codec.allowlist import package
from exclusive_redis_xcom.codec.arrays import has_metadata
from exclusive_redis_xcom.codec.extras import note_left_behind
from exclusive_redis_xcom.codec.frame_arrays import (
    carried_zone,
    plain_array,
    spelled_index,
    spelled_out,
    unit_of_time,
    values_of,
)
from exclusive_redis_xcom.codec.msgpack_reader import read
from exclusive_redis_xcom.codec.zones import dump_zone, load_zone

if TYPE_CHECKING:
    from datetime import datetime

_MANY_COLUMNS = 50
_PLAIN_KINDS = frozenset("biufc")


def _pandas() -> Any:
    return package("pandas")


def index_children(value: Any) -> list[Any]:
    """Return a tag and its parts.

    They are start, stop, step, name (range); levels, codes, names (multi); or values, name, freq (plain).
    """
    pd = _pandas()
    if isinstance(value, pd.RangeIndex):
        return ["range", value.start, value.stop, value.step, value.name]
    if isinstance(value, pd.MultiIndex):
        codes = [package("numpy").asarray(c) for c in value.codes]
        return ["multi", [spelled_out(level) for level in value.levels], codes, list(value.names)]
    return ["plain", values_of(value), value.name, _freq(value)]


def _freq(value: Any) -> str | None:
    """Return the frequency if its text alone restores it. Otherwise drop it: equality does not depend on it."""
    pd = _pandas()
    freq = value.freq if isinstance(value, (pd.DatetimeIndex, pd.TimedeltaIndex)) else None
    if freq is None:
        return None
    try:
        same = pd.tseries.frequencies.to_offset(freq.freqstr) == freq
        if isinstance(value, pd.DatetimeIndex) and value.tz is not None:
            zone = carried_zone(value.array)
            if zone is not value.tz:  # where a day may have another length
                pd.DatetimeIndex(value.tz_convert(zone), freq=freq)
    except ValueError:
        return None
    return str(freq.freqstr) if same else None


def build_index(children: list[Any]) -> Any:
    """Reverse `index_children`."""
    pd = _pandas()
    tag, *parts = children
    if tag == "range":
        start, stop, step, name = parts
        return pd.RangeIndex(start, stop, step, name=name)
    if tag == "multi":
        levels, codes, names = parts
        return pd.MultiIndex(levels=[spelled_index(level) for level in levels], codes=codes, names=names)
    values, name, freq = parts
    index = pd.Index(plain_array(values), dtype=values.dtype, name=name, tupleize_cols=False)
    return index if freq is None else type(index)(index, freq=freq, name=name)


def series_children(value: Any) -> list[Any]:
    """Return index, values, name, attrs, and whether labels must be unique."""
    _without_attributes(value)
    return [value.index, values_of(value), value.name, value.attrs, *_flags(value)]


def build_series(children: list[Any]) -> Any:
    """Reverse `series_children`."""
    index, values, name, attrs, *flags = children
    plain_array(values, len(index))
    return _finished(_pandas().Series(values, index=index, dtype=values.dtype, name=name, copy=False), attrs, flags)


def frame_children(value: Any) -> list[Any]:
    """Return index, column index, list of columns (or one array), attrs, and whether labels must be unique."""
    _without_attributes(value)
    return [value.index, value.columns, _matrix(value), value.attrs, *_flags(value)]


def _matrix(value: Any) -> Any:
    """Return many columns of one plain dtype as one array of two dimensions, which they mostly are in memory."""
    dtypes = set(value.dtypes) if value.shape[1] >= _MANY_COLUMNS else set()
    if len(dtypes) == 1 and _is_plain(dtypes.pop()) and not any(map(has_metadata, value.dtypes)):
        return value.to_numpy()
    return [values_of(value.iloc[:, position]) for position in range(value.shape[1])]


def _is_plain(dtype: Any) -> bool:
    return isinstance(dtype, package("numpy").dtype) and dtype.kind in _PLAIN_KINDS


def build_frame(children: list[Any]) -> Any:
    """Reverse `frame_children`."""
    index, names, columns, attrs, *flags = children
    pd = _pandas()
    if isinstance(columns, package("numpy").ndarray):
        if columns.shape != (len(index), len(names)) or not _is_plain(columns.dtype):
            raise ValueError("values and indexes differ in length")
        return _finished(pd.DataFrame(columns, index=index, columns=names, copy=False), attrs, flags)
    # Each Series names its dtype. Without it, the constructor would guess the dtype of a column of objects.
    series = {
        position: pd.Series(plain_array(column, len(index)), index=index, dtype=column.dtype, copy=False)
        for position, column in enumerate(columns)
    }
    # Few columns are not copied. Very many are: without a copy, pandas would warn when a task adds a column.
    frame = pd.DataFrame(series, index=index, copy=len(series) >= _MANY_COLUMNS)
    frame.columns = names
    return _finished(frame, attrs, flags)


def _without_attributes(value: Any) -> None:
    """Note attributes that somebody set on a pandas object. pandas itself loses them with every operation."""
    names = [name for name in vars(value) if not name.startswith("_")]
    note_left_behind(type(value), names, f"Use attrs instead: {type(value).__name__}.attrs is carried.")


def _flags(value: Any) -> list[bool]:
    return [] if value.flags.allows_duplicate_labels else [False]


def _finished(value: Any, attrs: Any, flags: list[Any]) -> Any:
    value.attrs = dict(attrs)
    if flags:
        (value.flags.allows_duplicate_labels,) = flags
    return value


def dump_timestamp(value: Any) -> bytes:
    """Write [number, unit, zone]."""
    zone = None if value.tzinfo is None else dump_zone(value.tzinfo, _moment(value))
    return ormsgpack.packb([int(value.asm8.view("i8")), value.unit, zone])


def _moment(value: Any) -> datetime | None:
    """Return the moment as Python's; None in a year that Python does not have. Some zones work only with Python's."""
    try:
        found: datetime = value.to_pydatetime(warn=False)
    except (ValueError, OverflowError):
        return None
    return found


def load_timestamp(data: bytes) -> Any:
    """Reverse `dump_timestamp`."""
    number, unit, zone = read(data)
    naive = _pandas().Timestamp(package("numpy").datetime64(number, unit_of_time(unit)))
    return naive if zone is None else naive.tz_localize("UTC").tz_convert(load_zone(zone))


def dump_timedelta(value: Any) -> bytes:
    """Write [number, unit]."""
    return ormsgpack.packb([int(value.asm8.view("i8")), value.unit])


def load_timedelta(data: bytes) -> Any:
    """Reverse `dump_timedelta`."""
    number, unit = read(data)
    return _pandas().Timedelta(package("numpy").timedelta64(number, unit_of_time(unit)))


def dump_missing(value: Any) -> bytes:
    """Write the name of the singleton."""
    return b"NaT" if value is _pandas().NaT else b"NA"


def load_missing(data: bytes) -> Any:
    """Reverse `dump_missing`."""
    return {b"NaT": _pandas().NaT, b"NA": _pandas().NA}[data]


def pandas_kind(value: Any) -> str | None:
    """Return the kind that carries this pandas object; None for subclasses, sparse arrays and the like."""
    pd, cls = _pandas(), type(value)
    if value is pd.NaT or value is pd.NA:
        return "missing"
    exact = {pd.DataFrame: "frame", pd.Series: "series", pd.Timestamp: "timestamp", pd.Timedelta: "timedelta"}
    if cls in exact:
        return exact[cls]
    if isinstance(value, pd.Index):
        return "index" if cls.__module__.startswith("pandas.") or cls.__module__ == "pandas" else None
    return "pandas_array" if isinstance(value, pd.api.extensions.ExtensionArray) else None
