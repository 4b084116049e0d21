"""Datasets, arrays and variables of xarray, in the parts of a netCDF file: dimensions, variables, attributes, encoding.

Coordinates with an index travel as the index of pandas that xarray made for them. So no index is guessed at the pull.
"""

from __future__ import annotations

from typing import Any

from exclusive_redis_xcom.codec.allowlist import package
from exclusive_redis_xcom.codec.arrays import describe_dtype, dtype_of
from exclusive_redis_xcom.codec.extras import note_left_behind
from exclusive_redis_xcom.codec.kinds import NotCarriedError
from exclusive_redis_xcom.codec.plugs import register

_TEXT = "str"  # the class, which xarray's readers put in the place of a dtype
_OBJECT = "O"
_CODECS = frozenset({"numcodecs", "zarr"})


def _variable_to_parts(variable: Any, *, with_data: bool = True) -> dict[str, Any]:
    encoding = _without_codecs(variable)
    dtypes = {name: _describe(content) for name, content in encoding.items() if _is_dtype(content)}
    encoding.update(dict.fromkeys(dtypes))  # None keeps the place
    parts = {"dims": list(variable.dims), "attrs": dict(variable.attrs), "encoding": encoding, "dtypes": dtypes}
    return {**parts, "data": _data(variable)} if with_data else parts


def _without_codecs(holder: Any) -> dict[Any, Any]:
    """Return the encoding without the codecs of the file that a dataset was read from. Writers choose their own."""
    codecs = {name for name, content in holder.encoding.items() if _has_codec(content)}
    note_left_behind(
        type(holder),
        [f"encoding[{name!r}]" for name in codecs],
        "A codec is part of the file that it was read from. to_zarr() chooses one again.",
    )
    return {name: content for name, content in holder.encoding.items() if name not in codecs}


def _has_codec(content: object) -> bool:
    if isinstance(content, (list, tuple)):
        return any(map(_has_codec, content))
    return type(content).__module__.partition(".")[0] in _CODECS


def _is_dtype(value: object) -> bool:
    return value is str or isinstance(value, package("numpy").dtype)


def _describe(dtype: Any) -> Any:
    if dtype is str:
        return _TEXT
    return _OBJECT if dtype.kind == _OBJECT else describe_dtype(dtype)


def _dtype(described: Any) -> Any:
    if described == _TEXT:
        return str
    return package("numpy").dtype(object) if described == _OBJECT else dtype_of(described)


def _data(variable: Any) -> Any:
    if variable.chunks is not None:
        raise NotCarriedError("Its data is a plan, not its result.", "Push its result: compute() it.")
    data = variable.data
    if isinstance(variable._data, package("pandas").api.extensions.ExtensionArray):
        data = variable._data  # texts of pandas, of which `data` makes Python objects
    if type(data) is package("numpy").ndarray or isinstance(data, package("pandas").api.extensions.ExtensionArray):
        return data
    raise NotCarriedError("Its data is neither NumPy's nor pandas'.", "Push it with plain data: as_numpy().")


def _parts_to_variable(parts: dict[str, Any]) -> Any:
    data = parts.get("data")
    if data is None:  # a template: only its attributes and encoding count
        data = package("numpy").empty((0,) * len(parts["dims"]))
    encoding = {**parts["encoding"], **{name: _dtype(described) for name, described in parts["dtypes"].items()}}
    return package("xarray").Variable(parts["dims"], data, parts["attrs"], encoding)


def _coordinates_to_parts(coords: Any) -> dict[str, Any]:
    xarray = package("xarray")
    indexes = [
        _index_to_parts(index, variables, xarray.indexes) for index, variables in coords.xindexes.group_by_index()
    ]
    indexed = set(coords.xindexes)
    variables = {
        name: _variable_to_parts(coord.variable, with_data=name not in indexed) for name, coord in coords.items()
    }
    return {"variables": variables, "indexes": indexes}


def _index_to_parts(index: Any, variables: dict[Any, Any], kinds: Any) -> dict[str, Any]:
    if type(index) not in (kinds.PandasIndex, kinds.PandasMultiIndex):
        raise NotCarriedError(
            f"It has an index of the class {type(index).__name__}.",
            "Push it with drop_indexes(...) of that coordinate.",
        )
    dtypes = {name: _describe_of_coordinate(variable) for name, variable in variables.items()}
    return {"dim": index.dim, "index": index.index, "dtypes": dtypes}


def _describe_of_coordinate(variable: Any) -> Any:
    dtype = variable.dtype
    return _describe(dtype) if _is_dtype(dtype) else None  # pandas' own dtypes follow from the index


def _parts_to_coordinates(parts: dict[str, Any]) -> Any:
    xarray, pandas = package("xarray"), package("pandas")
    variables = {name: _parts_to_variable(part) for name, part in parts["variables"].items()}
    indexes = {}
    for one in parts["indexes"]:
        if not isinstance(one["index"], pandas.Index):
            raise TypeError("not an index")
        index = _index(one, xarray.indexes)
        made = index.create_variables({name: variables[name] for name in one["dtypes"]})
        if made.keys() != one["dtypes"].keys():
            raise ValueError("coordinates and index differ")
        variables.update(made)
        indexes.update(dict.fromkeys(made, index))
    return xarray.Coordinates(variables, indexes)


def _index(parts: dict[str, Any], kinds: Any) -> Any:
    dtypes = {name: None if described is None else _dtype(described) for name, described in parts["dtypes"].items()}
    values, dim = parts["index"], parts["dim"]
    if isinstance(values, package("pandas").MultiIndex):
        levels = {name: dtype for name, dtype in dtypes.items() if name != dim}
        return kinds.PandasMultiIndex(values, dim, level_coords_dtype=levels)
    ((name, dtype),) = dtypes.items()
    index = kinds.PandasIndex(values, dim, coord_dtype=dtype)
    index.index.name = name
    return index


def _encode_dataset(dataset: Any) -> dict[str, Any]:
    return {
        "variables": {name: _variable_to_parts(array.variable) for name, array in dataset.data_vars.items()},
        "coords": _coordinates_to_parts(dataset.coords),
        "attrs": dict(dataset.attrs),
        "encoding": _without_codecs(dataset),
    }


def _decode_dataset(parts: dict[str, Any], _version: int) -> Any:
    variables = {name: _parts_to_variable(part) for name, part in parts["variables"].items()}
    dataset = package("xarray").Dataset(variables, _parts_to_coordinates(parts["coords"]), parts["attrs"])
    dataset.encoding = parts["encoding"]
    return dataset


def _encode_array(array: Any) -> dict[str, Any]:
    is_index = array.name in array.xindexes and array.variable is array.coords[array.name].variable
    return {
        "variable": None if is_index else _variable_to_parts(array.variable),
        "coords": _coordinates_to_parts(array.coords),
        "name": array.name,
    }


def _decode_array(parts: dict[str, Any], _version: int) -> Any:
    xarray, coords = package("xarray"), _parts_to_coordinates(parts["coords"])
    if parts["variable"] is None:  # the array of a coordinate that has an index
        return xarray.Dataset(coords=coords)[parts["name"]]
    variable = _parts_to_variable(parts["variable"])
    array = xarray.DataArray(variable, coords, name=parts["name"])
    array.encoding = variable.encoding
    return array


def _encode_variable(variable: Any) -> dict[str, Any]:
    return _variable_to_parts(variable)


def _decode_variable(parts: dict[str, Any], _version: int) -> Any:
    return _parts_to_variable(parts)


register(
    "xarray.dataset", ("xarray.core.dataset.Dataset", "xarray.Dataset"), encode=_encode_dataset, decode=_decode_dataset
)
register(
    "xarray.array", ("xarray.core.dataarray.DataArray", "xarray.DataArray"), encode=_encode_array, decode=_decode_array
)
register(
    "xarray.variable",
    ("xarray.core.variable.Variable", "xarray.Variable"),
    encode=_encode_variable,
    decode=_decode_variable,
)
