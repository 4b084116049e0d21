"""Arrays with a dtype of pandas' own, taken apart into NumPy arrays, Python lists and Arrow arrays.

Columns in NumPy's memory are carried as they are. Arrow would keep their bytes, but would change some of their types.
So pyarrow is needed only where the memory of a column is Arrow's.
"""

from __future__ import annotations

from datetime import timezone, tzinfo
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.codec.allowlist import package
from exclusive_redis_xcom.codec.kinds import NotCarriedError
from exclusive_redis_xcom.codec.zones import describe_zone, dump_zone, load_zone

if TYPE_CHECKING:
    from collections.abc import Callable

_MANY = 1000  # texts; from this number on, Arrow's stream is faster than a list
_UNITS = frozenset({"s", "ms", "us", "ns"})


def _pandas() -> Any:
    return package("pandas")


def unit_of_time(unit: object) -> str:
    """Return the unit if pandas stores moments in it; otherwise raise ValueError."""
    if not isinstance(unit, str) or unit not in _UNITS:
        raise ValueError("not a unit of time")
    return unit


def array_children(value: Any) -> list[Any]:
    """Return a tag, then what the dtype needs."""
    pd, dtype = _pandas(), value.dtype
    parts: dict[Any, Callable[[Any], list[Any]]] = {
        pd.CategoricalDtype: _categorical_parts,
        pd.DatetimeTZDtype: _zoned_parts,
        pd.StringDtype: _string_parts,
        pd.ArrowDtype: _arrow_parts,
        pd.PeriodDtype: lambda v: ["period", v.asi8, v.freqstr],
        pd.IntervalDtype: lambda v: ["interval", values_of(v.left), values_of(v.right), v.closed],
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
    return ["categorical", value.codes, spelled_out(value.categories), bool(value.ordered)]


def _zoned_parts(value: Any) -> list[Any]:
    return ["zoned", value.asi8, value.dtype.unit, dump_zone(carried_zone(value))]


def carried_zone(value: Any) -> tzinfo:
    """Return the zone that a column of moments comes back in.

    A column has one zone. So a nameless zone with more than one offset in the column becomes UTC.
    """
    zone: tzinfo = value.dtype.tz
    if describe_zone(zone) is not None:
        return zone
    offsets = (value.tz_localize(None) - value.tz_convert("UTC").tz_localize(None)).dropna().unique()
    return timezone(offsets[0].to_pytimedelta()) if len(offsets) == 1 else timezone.utc


def _masked_parts(value: Any) -> list[Any]:
    mask = package("numpy").asarray(value._mask)
    data = value._data
    if mask.any():
        data = data.copy()
        data[mask] = 0  # What lies under the mask is no part of the value.
    return ["masked", data, mask]


def _string_parts(value: Any) -> list[Any]:
    dtype = value.dtype
    is_na = dtype.na_value is _pandas().NA
    if dtype.storage == "pyarrow" and len(value) >= _MANY:
        return ["strings", is_na, _chunks(value)]
    return ["string", dtype.storage, is_na, value.to_numpy(dtype=object, na_value=None).tolist()]


def _arrow_parts(value: Any) -> list[Any]:
    return ["arrow", _chunks(value)]


def _chunks(value: Any) -> Any:
    pyarrow = package("pyarrow")
    array = pyarrow.array(value)  # the array that it is made of; nothing is converted
    return array if isinstance(array, pyarrow.ChunkedArray) else pyarrow.chunked_array([array])


def build_array(children: list[Any]) -> Any:
    """Reverse `array_children`."""
    tag, *parts = children
    build: dict[str, Callable[..., Any]] = {
        "categorical": _build_categorical,
        "zoned": _build_zoned,
        "masked": _build_masked,
        "string": _build_string,
        "strings": _build_strings,
        "arrow": _build_arrow,
        "period": _build_period,
        "interval": _build_interval,
        "numpy": lambda values: _pandas().array(plain_array(values), dtype=values.dtype),
    }
    return build[tag](*parts)


def _build_categorical(codes: Any, categories: Any, ordered: bool) -> Any:
    return _pandas().Categorical.from_codes(plain_array(codes), categories=spelled_index(categories), ordered=ordered)


def _build_zoned(numbers: Any, unit: str, zone: bytes) -> Any:
    pd = _pandas()
    utc = pd.DatetimeIndex(plain_array(numbers).view(f"M8[{unit_of_time(unit)}]")).tz_localize("UTC")
    return utc.tz_convert(load_zone(zone)).array


def _build_masked(data: Any, mask: Any) -> Any:
    arrays = _pandas().arrays
    by_kind = {"i": arrays.IntegerArray, "u": arrays.IntegerArray, "f": arrays.FloatingArray, "b": arrays.BooleanArray}
    return by_kind[data.dtype.kind](plain_array(data), plain_array(mask))


def _build_string(storage: str, is_na: bool, items: list[str | None]) -> Any:
    if storage not in ("python", "pyarrow") or not all(item is None or type(item) is str for item in items):
        raise ValueError("not strings")
    if storage == "pyarrow":
        package("pyarrow")
    return _pandas().array(items, dtype=_string_dtype(storage, is_na))


def _string_dtype(storage: str, is_na: bool) -> Any:
    options = {} if is_na else {"na_value": float("nan")}
    return _pandas().StringDtype(storage, **options)


def _build_strings(is_na: bool, chunks: Any) -> Any:
    pyarrow = package("pyarrow")
    if not isinstance(chunks, pyarrow.ChunkedArray) or chunks.type not in (pyarrow.string(), pyarrow.large_string()):
        raise TypeError("not strings")
    return _string_dtype("pyarrow", is_na).__from_arrow__(chunks)


def _build_arrow(chunks: Any) -> Any:
    if not isinstance(chunks, package("pyarrow").ChunkedArray):
        raise TypeError("not an Arrow array")
    return _pandas().arrays.ArrowExtensionArray(chunks)


def _build_period(ordinals: Any, freq: str) -> Any:
    pd = _pandas()
    return pd.arrays.PeriodArray(plain_array(ordinals), dtype=pd.PeriodDtype(freq))


def _build_interval(left: Any, right: Any, closed: str) -> Any:
    return _pandas().arrays.IntervalArray.from_arrays(plain_array(left), plain_array(right), closed=closed)


def values_of(holder: Any) -> Any:
    """Return the values of a Series or Index: a NumPy array where the dtype is NumPy's."""
    return holder.to_numpy() if isinstance(holder.dtype, package("numpy").dtype) else holder.array


def plain_array(value: Any, length: int | None = None) -> Any:
    """Accept only a one-dimensional array. A few bytes describe a scalar or a RangeIndex that becomes terabytes."""
    if not isinstance(value, (package("numpy").ndarray, _pandas().api.extensions.ExtensionArray)) or value.ndim != 1:
        raise TypeError("not an array")
    if length is not None and len(value) != length:
        raise ValueError("values and index differ in length")
    return value


def spelled_out(index: Any) -> Any:
    """Return categories or a level. A range becomes an array, so that the payload is as large as its value."""
    return index.to_numpy() if isinstance(index, _pandas().RangeIndex) else index


def spelled_index(spelled: Any) -> Any:
    """Reverse `spelled_out`."""
    pd = _pandas()
    if isinstance(spelled, pd.Index) and not isinstance(spelled, pd.RangeIndex):
        return spelled
    numbers = plain_array(spelled)
    if len(numbers) == 0:
        return pd.RangeIndex(0)
    start, step = int(numbers[0]), int(numbers[1] - numbers[0]) if len(numbers) > 1 else 1
    index = pd.RangeIndex(start, start + len(numbers) * step, step)
    if not (index.to_numpy() == numbers).all():
        raise ValueError("not a range")
    return index
