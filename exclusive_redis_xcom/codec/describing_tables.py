"""Describe tables, columns and arrays of libraries. Only names, lengths and dtypes are asked for, and no content.

The text of some dtypes holds content: the categories of an Enum, or the fill value of a sparse column. Such a dtype is
told by its name alone.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.codec.class_names import name_of, parts_of
from exclusive_redis_xcom.model import Description

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: So many columns are told.
_MOST_COLUMNS = 20

#: Dtypes of pandas with a text that holds no content. Dtypes of all other classes are told by the name of their class.
_PLAIN_DTYPES = frozenset(
    f"{name}Dtype"
    for name in (
        *("Arrow", "Boolean", "Period", "String", "Float32", "Float64"),
        *(f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)),
    )
)


def describer_of(module: str, name: str) -> Callable[[Any], Description] | None:
    """Return what describes objects of a library's class, by the names of its module and of the class."""
    package = module.partition(".")[0]
    return _DESCRIBERS.get(package, {}).get(name) or _by_ending(package, module, name)


def _by_ending(package: str, module: str, name: str) -> Callable[[Any], Description] | None:
    if package == "pandas" and name.endswith("Index") and name != "MultiIndex":
        return _column
    if package == "pyarrow" and name.endswith("Array"):
        return _arrow_column
    if module.startswith("scipy.sparse.") and name.endswith(("_array", "_matrix")):
        return _array
    return None


def _array(value: Any) -> Description:
    shape, dtype = _lengths(value.shape), value.dtype
    names = getattr(dtype, "names", None)  # of a structured dtype
    if names is None:
        return Description(name_of(type(value)), shape, items=dtype_name(dtype))
    columns = _named(names, (dtype[name] for name in names))
    return Description(name_of(type(value)), shape, columns, more=len(names) - len(columns))


def _pandas_frame(value: Any) -> Description:
    _require_own("pandas", value.index, value.columns)
    first = value.iloc[:0, :_MOST_COLUMNS] if value.shape[1] > _MOST_COLUMNS else value
    return _table(value, value.shape, _named(first.columns, first.dtypes.array))


def _pandas_series(value: Any) -> Description:
    _require_own("pandas", value.index)
    return _column(value)


def _column(value: Any) -> Description:
    return Description(name_of(type(value)), (len(value),), items=dtype_name(value.dtype))


def _polars_frame(value: Any) -> Description:
    return _table(value, value.shape, _named(value.columns, value.dtypes))


def _arrow_table(value: Any) -> Description:
    schema = value.schema
    fields = [schema.field(number) for number in range(min(len(schema), _MOST_COLUMNS))]
    columns = _named((field.name for field in fields), (field.type for field in fields))
    return _table(value, (value.num_rows, value.num_columns), columns)


def _table(value: Any, shape: tuple[int, int], columns: tuple[tuple[str, str], ...]) -> Description:
    return Description(name_of(type(value)), _lengths(shape), columns, more=int(shape[1]) - len(columns))


def _arrow_column(value: Any) -> Description:
    return Description(name_of(type(value)), (len(value),), items=dtype_name(value.type))


def _xarray_dataset(value: Any) -> Description:
    variables = value.variables
    names = list(islice(value.data_vars, _MOST_COLUMNS))
    columns = _named(names, (variables[name].dtype for name in names))
    more = len(value.data_vars) - len(columns)
    return Description(name_of(type(value)), _lengths(value.sizes.values()), columns, more=more)


_DESCRIBERS: dict[str, dict[str, Callable[[Any], Description]]] = {
    "numpy": {"ndarray": _array},
    "pandas": {"DataFrame": _pandas_frame, "Series": _pandas_series},
    "geopandas": {"GeoDataFrame": _pandas_frame, "GeoSeries": _pandas_series},
    "polars": {"DataFrame": _polars_frame, "Series": _column},
    "pyarrow": {"Table": _arrow_table, "RecordBatch": _arrow_table},
    "xarray": {"Dataset": _xarray_dataset, "DataArray": _array, "Variable": _array},
}


def dtype_name(dtype: Any) -> str:
    """Name a dtype, without running code of a user's class."""
    module, name = parts_of(type(dtype))
    package = module.partition(".")[0]
    if package == "numpy":
        return str(dtype.name)
    if package == "pyarrow":
        return name if "Extension" in name else str(dtype)
    if package == "pandas" and name in _PLAIN_DTYPES:
        return str(dtype.name)
    if package == "pandas" and name == "DatetimeTZDtype":
        return f"datetime64[{dtype.unit}, with time zone]"
    return name.removesuffix("Dtype").lower() if package in ("pandas", "geopandas") else name


def _named(names: Iterable[object], dtypes: Iterable[Any]) -> tuple[tuple[str, str], ...]:
    pairs = islice(zip(names, dtypes, strict=True), _MOST_COLUMNS)
    return tuple((_column_name(name), dtype_name(dtype)) for name, dtype in pairs)


def _column_name(name: object) -> str:
    if type(name) is str:
        return name
    if type(name) is int:
        return int.__repr__(name) if name.bit_length() < 64 else "int"
    if type(name) is tuple:  # of a MultiIndex
        return ", ".join(map(_column_name, name[:4]))
    return f"({name_of(type(name))})"


def _lengths(shape: Iterable[int]) -> tuple[int, ...]:
    return tuple(map(int, shape))


def _require_own(package: str, *values: object) -> None:
    """Raise if a value is of a class of somebody else, whose code would run."""
    if any(parts_of(type(value))[0].partition(".")[0] != package for value in values):
        raise TypeError(package)
