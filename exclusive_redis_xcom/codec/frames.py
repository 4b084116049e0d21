"""Pandas, taken apart into NumPy arrays and Python lists, each carried exactly.

Not through Arrow: Arrow would turn an object column of mixed values into something else or refuse it, and
its reader is a large native parser to expose to whatever Redis holds. So pyarrow is needed only where a
column's own dtype is an Arrow type.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import ormsgpack

from exclusive_redis_xcom.codec.allowlist import package
from exclusive_redis_xcom.codec.errors import NotCarriedError
from exclusive_redis_xcom.codec.moments import dump_zone, load_zone

if TYPE_CHECKING:
    from collections.abc import Callable

_ARROW_DTYPE = re.compile(r"[a-z0-9_]{1,32}(\[[\w, /+:-]{1,80}\])?\[pyarrow\]")
_UNITS = frozenset({"s", "ms", "us", "ns"})


def _pandas() -> Any:
    return package("pandas")


def _unit(unit: object) -> str:
    if not isinstance(unit, str) or unit not in _UNITS:
        raise ValueError("not a unit of time")
    return unit


# --- arrays with a dtype of pandas' own -------------------------------------------------------------------


def array_children(value: Any) -> list[Any]:
    """A tag, then what the dtype needs."""
    pd, dtype = _pandas(), value.dtype
    parts: dict[Any, Callable[[Any], list[Any]]] = {
        pd.CategoricalDtype: _categorical_parts,
        pd.DatetimeTZDtype: _zoned_parts,
        pd.StringDtype: _string_parts,
        pd.ArrowDtype: _arrow_parts,
        pd.PeriodDtype: lambda v: ["period", v.asi8, v.freqstr],
        pd.IntervalDtype: lambda v: ["interval", _values(v.left), _values(v.right), v.closed],
    }
    for cls, take_apart in parts.items():
        if isinstance(dtype, cls):
            return take_apart(value)
    if isinstance(value, (pd.arrays.IntegerArray, pd.arrays.FloatingArray, pd.arrays.BooleanArray)):
        return _masked_parts(value)
    if isinstance(dtype, package("numpy").dtype):
        return ["numpy", value.to_numpy()]
    raise NotCarriedError


def _categorical_parts(value: Any) -> list[Any]:
    return ["categorical", value.codes, _spelled_out(value.categories), bool(value.ordered)]


def _zoned_parts(value: Any) -> list[Any]:
    return ["zoned", value.asi8, value.dtype.unit, dump_zone(value.dtype.tz)]


def _masked_parts(value: Any) -> list[Any]:
    mask = package("numpy").asarray(value._mask)
    data = value._data.copy()
    data[mask] = 0  # what lies under the mask is nobody's value
    return ["masked", data, mask]


def _string_parts(value: Any) -> list[Any]:
    dtype = value.dtype
    is_na = dtype.na_value is _pandas().NA
    return ["string", dtype.storage, is_na, value.to_numpy(dtype=object, na_value=None).tolist()]


def _arrow_parts(value: Any) -> list[Any]:
    name = str(value.dtype)
    try:
        same = _ARROW_DTYPE.fullmatch(name) and _pandas().api.types.pandas_dtype(name) == value.dtype
    except (TypeError, ValueError, NotImplementedError):
        same = False
    if not same:
        raise NotCarriedError
    return ["arrow", name, package("pyarrow").array(value).to_pylist()]


def build_array(children: list[Any]) -> Any:
    """The inverse of :func:`array_children`."""
    tag, *parts = children
    build: dict[str, Callable[..., Any]] = {
        "categorical": _build_categorical,
        "zoned": _build_zoned,
        "masked": _build_masked,
        "string": _build_string,
        "arrow": _build_arrow,
        "period": _build_period,
        "interval": _build_interval,
        "numpy": lambda values: _pandas().array(_array(values), dtype=values.dtype),
    }
    return build[tag](*parts)


def _build_categorical(codes: Any, categories: Any, ordered: bool) -> Any:
    return _pandas().Categorical.from_codes(_array(codes), categories=_not_a_range(categories), ordered=ordered)


def _build_zoned(numbers: Any, unit: str, zone: bytes) -> Any:
    pd = _pandas()
    utc = pd.DatetimeIndex(_array(numbers).view(f"M8[{_unit(unit)}]")).tz_localize("UTC")
    return utc.tz_convert(load_zone(zone)).array


def _build_masked(data: Any, mask: Any) -> Any:
    arrays = _pandas().arrays
    by_kind = {"i": arrays.IntegerArray, "u": arrays.IntegerArray, "f": arrays.FloatingArray, "b": arrays.BooleanArray}
    return by_kind[data.dtype.kind](_array(data), _array(mask))


def _build_string(storage: str, is_na: bool, items: list[str | None]) -> Any:
    if storage not in ("python", "pyarrow") or not all(item is None or type(item) is str for item in items):
        raise ValueError("not strings")
    if storage == "pyarrow":
        package("pyarrow")
    pd = _pandas()
    options = {} if is_na else {"na_value": float("nan")}
    return pd.array(items, dtype=pd.StringDtype(storage, **options))


def _build_arrow(name: str, items: list[Any]) -> Any:
    if not _ARROW_DTYPE.fullmatch(name):
        raise ValueError("not an Arrow dtype")
    pyarrow, pd = package("pyarrow"), _pandas()
    dtype = pd.api.types.pandas_dtype(name)
    return pd.arrays.ArrowExtensionArray(pyarrow.array(items, type=dtype.pyarrow_dtype))


def _build_period(ordinals: Any, freq: str) -> Any:
    pd = _pandas()
    return pd.arrays.PeriodArray(_array(ordinals), dtype=pd.PeriodDtype(freq))


def _build_interval(left: Any, right: Any, closed: str) -> Any:
    return _pandas().arrays.IntervalArray.from_arrays(_array(left), _array(right), closed=closed)


def _values(holder: Any) -> Any:
    """The values of a Series or Index: a NumPy array where the dtype is NumPy's."""
    return holder.to_numpy() if isinstance(holder.dtype, package("numpy").dtype) else holder.array


def _array(value: Any, length: int | None = None) -> Any:
    """A one-dimensional array. A scalar or a RangeIndex, which a few bytes describe, could become terabytes."""
    if not isinstance(value, (package("numpy").ndarray, _pandas().api.extensions.ExtensionArray)) or value.ndim != 1:
        raise TypeError("not an array")
    if length is not None and len(value) != length:
        raise ValueError("values and index differ in length")
    return value


def _spelled_out(index: Any) -> Any:
    """Categories and levels are carried item by item, so that :func:`_not_a_range` can insist on it."""
    pd = _pandas()
    return pd.Index(index.to_numpy(), name=index.name) if isinstance(index, pd.RangeIndex) else index


def _not_a_range(index: Any) -> Any:
    if isinstance(index, _pandas().RangeIndex):
        raise TypeError("a range may stand for more items than memory holds")
    return index


# --- index, series, frame ---------------------------------------------------------------------------------


def index_children(value: Any) -> list[Any]:
    """A tag, then start, stop, step, name (range), levels, codes, names (multi) or values, name, freq (plain)."""
    pd = _pandas()
    if isinstance(value, pd.RangeIndex):
        return ["range", value.start, value.stop, value.step, value.name]
    if isinstance(value, pd.MultiIndex):
        codes = [package("numpy").asarray(c) for c in value.codes]
        return ["multi", [_spelled_out(level) for level in value.levels], codes, list(value.names)]
    return ["plain", _values(value), value.name, _freq(value)]


def _freq(value: Any) -> str | None:
    """The frequency where its text alone brings it back; otherwise it is dropped (it takes no part in equality)."""
    pd = _pandas()
    freq = value.freq if isinstance(value, (pd.DatetimeIndex, pd.TimedeltaIndex)) else None
    if freq is None:
        return None
    try:
        same = pd.tseries.frequencies.to_offset(freq.freqstr) == freq
    except ValueError:
        return None
    return str(freq.freqstr) if same else None


def build_index(children: list[Any]) -> Any:
    """The inverse of :func:`index_children`."""
    pd = _pandas()
    tag, *parts = children
    if tag == "range":
        start, stop, step, name = parts
        return pd.RangeIndex(start, stop, step, name=name)
    if tag == "multi":
        levels, codes, names = parts
        return pd.MultiIndex(levels=[_not_a_range(level) for level in levels], codes=codes, names=names)
    values, name, freq = parts
    index = pd.Index(_array(values), dtype=values.dtype, name=name, tupleize_cols=False)
    return index if freq is None else type(index)(index, freq=freq, name=name)


def series_children(value: Any) -> list[Any]:
    """Index, values, name, attrs."""
    return [value.index, _values(value), value.name, value.attrs]


def build_series(children: list[Any]) -> Any:
    """The inverse of :func:`series_children`."""
    index, values, name, attrs = children
    series = _pandas().Series(_array(values, len(index)), index=index, dtype=values.dtype, name=name)
    series.attrs = dict(attrs)
    return series


def frame_children(value: Any) -> list[Any]:
    """Index, column index, list of columns, attrs."""
    columns = [_values(value.iloc[:, position]) for position in range(value.shape[1])]
    return [value.index, value.columns, columns, value.attrs]


def build_frame(children: list[Any]) -> Any:
    """The inverse of :func:`frame_children`."""
    index, names, columns, attrs = children
    pd = _pandas()
    # Series with their dtype spelled out: the constructor would guess anew for columns of objects.
    series = {
        position: pd.Series(_array(column, len(index)), index=index, dtype=column.dtype, copy=False)
        for position, column in enumerate(columns)
    }
    frame = pd.DataFrame(series, index=index)
    frame.columns = names
    frame.attrs = dict(attrs)
    return frame


# --- scalars ----------------------------------------------------------------------------------------------


def dump_timestamp(value: Any) -> bytes:
    """[number, unit, zone]."""
    zone = None if value.tzinfo is None else dump_zone(value.tzinfo)
    return ormsgpack.packb([int(value.asm8.view("i8")), value.unit, zone])


def load_timestamp(data: bytes) -> Any:
    """The inverse of :func:`dump_timestamp`."""
    number, unit, zone = ormsgpack.unpackb(data)
    naive = _pandas().Timestamp(package("numpy").datetime64(number, _unit(unit)))
    return naive if zone is None else naive.tz_localize("UTC").tz_convert(load_zone(zone))


def dump_timedelta(value: Any) -> bytes:
    """[number, unit]."""
    return ormsgpack.packb([int(value.asm8.view("i8")), value.unit])


def load_timedelta(data: bytes) -> Any:
    """The inverse of :func:`dump_timedelta`."""
    number, unit = ormsgpack.unpackb(data)
    return _pandas().Timedelta(package("numpy").timedelta64(number, _unit(unit)))


def dump_missing(value: Any) -> bytes:
    """Which of the two singletons."""
    return b"NaT" if value is _pandas().NaT else b"NA"


def load_missing(data: bytes) -> Any:
    """The inverse of :func:`dump_missing`."""
    return {b"NaT": _pandas().NaT, b"NA": _pandas().NA}[data]


def pandas_kind(value: Any) -> str | None:
    """Which kind carries this object of pandas; None for subclasses, sparse arrays and the like."""
    pd, cls = _pandas(), type(value)
    if value is pd.NaT or value is pd.NA:
        return "missing"
    exact = {pd.DataFrame: "frame", pd.Series: "series", pd.Timestamp: "timestamp", pd.Timedelta: "timedelta"}
    if cls in exact:
        return exact[cls]
    if isinstance(value, pd.Index):
        return "index" if cls.__module__.startswith("pandas.") or cls.__module__ == "pandas" else None
    return "pandas_array" if isinstance(value, pd.api.extensions.ExtensionArray) else None
