"""Sparse arrays and matrices of scipy, as the NumPy arrays that they are made of.

scipy's own code does not check indexes when it calculates. So everything is checked at the pull, before a task uses it.
"""

from __future__ import annotations

from typing import Any

from exclusive_redis_xcom.codec.allowlist import package
from exclusive_redis_xcom.codec.kinds import NotCarriedError
from exclusive_redis_xcom.codec.plugs import register

_FORMATS = ("bsr", "coo", "csc", "csr", "dia", "dok", "lil")
_COMPRESSED = frozenset({"bsr", "csc", "csr"})
_KINDS_OF_NUMBERS = frozenset("biufc")
_INDEXES = ("int32", "int64")


def _encode(matrix: Any) -> dict[str, Any]:
    if matrix.dtype.kind not in _KINDS_OF_NUMBERS:
        raise NotCarriedError("Its items are no numbers.")
    return {
        "format": matrix.format,
        "is_array": type(matrix).__name__.endswith("_array"),
        "shape": list(matrix.shape),
        **_taken_apart(matrix),
    }


def _taken_apart(matrix: Any) -> dict[str, Any]:
    numpy = package("numpy")
    if matrix.format in _COMPRESSED:
        return {"data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr}
    if matrix.format == "coo":
        coords = getattr(matrix, "coords", None) or (matrix.row, matrix.col)
        return {"data": matrix.data, "coords": list(coords)}
    if matrix.format == "dia":
        if not _are_offsets(matrix.offsets, matrix.shape):
            raise NotCarriedError("It has diagonals that lie outside of its shape.")
        return {"data": matrix.data, "offsets": matrix.offsets}
    if matrix.format == "lil":
        items = [item for row in matrix.data for item in row]
        return {
            "data": numpy.array(items, dtype=matrix.dtype),
            "indices": numpy.array([column for row in matrix.rows for column in row], dtype="int64"),
            "lengths": numpy.array([len(row) for row in matrix.rows], dtype="int64"),
        }
    return {"data": numpy.array(list(matrix.values()), dtype=matrix.dtype), "keys": list(matrix.keys())}


def _decode(parts: dict[str, Any], _version: int) -> Any:
    form = parts["format"]
    if form not in _FORMATS:
        raise ValueError("not a format")
    cls = getattr(package("scipy.sparse"), f"{form}_{'array' if parts['is_array'] else 'matrix'}")
    shape = tuple(parts["shape"])
    if not all(type(length) is int and 0 <= length < 2**63 for length in shape):
        raise ValueError("not a shape")
    _require_numbers(parts["data"])
    if form in _COMPRESSED:
        return _compressed(cls, shape, **{name: parts[name] for name in ("data", "indices", "indptr")})
    if form == "coo":
        return _coo(cls, shape, parts["data"], parts["coords"])
    if form == "dia":
        return _dia(cls, shape, parts["data"], parts["offsets"])
    if form == "lil":
        return _lil(cls, shape, parts["data"], parts["indices"], parts["lengths"])
    return _dok(cls, shape, parts["data"], parts["keys"])


def _require_numbers(array: Any, kinds: Any = _KINDS_OF_NUMBERS) -> None:
    if type(array) is not package("numpy").ndarray or array.dtype.kind not in kinds:
        raise TypeError("not an array of numbers")


def _require_indexes(array: Any) -> None:
    _require_numbers(array, "i")
    if array.dtype.name not in _INDEXES or array.ndim != 1:
        raise TypeError("not indexes")


def _compressed(cls: Any, shape: Any, *, data: Any, indices: Any, indptr: Any) -> Any:
    _require_indexes(indices)
    _require_indexes(indptr)
    _require_pointers(indptr, len(indices))
    matrix = cls((data, indices, indptr), shape=shape, copy=False)
    matrix.check_format(full_check=True)
    if matrix.indices.dtype != indices.dtype:  # The constructor takes the smallest type that is enough.
        matrix.indices, matrix.indptr = indices[: len(matrix.indices)], indptr
    return matrix


def _require_pointers(indptr: Any, count: int) -> None:
    """Refuse pointers that are out of order or lead outside. `check_format` of scipy comes after this check."""
    if not len(indptr) or indptr[0] != 0 or indptr[-1] > count or (indptr[1:] < indptr[:-1]).any():
        raise ValueError("pointers are not in order")


def _coo(cls: Any, shape: Any, data: Any, coords: list[Any]) -> Any:
    _require_inside(shape, data, coords)
    matrix = cls((data, tuple(coords)), shape=shape, copy=False)
    if matrix.nnz and any(new.dtype != old.dtype for new, old in zip(_coords(matrix), coords, strict=True)):
        if hasattr(matrix, "coords"):
            matrix.coords = tuple(coords)
        else:
            matrix.row, matrix.col = coords
    return matrix


def _coords(matrix: Any) -> Any:
    return getattr(matrix, "coords", None) or (matrix.row, matrix.col)


def _require_inside(shape: Any, data: Any, coords: list[Any]) -> None:
    if len(coords) != len(shape) or data.ndim != 1:
        raise ValueError("coordinates and shape differ")
    for axis, length in zip(coords, shape, strict=True):
        _require_indexes(axis)
        if len(axis) != len(data) or (len(axis) and not (axis.min() >= 0 and axis.max() < length)):
            raise ValueError("coordinates outside of the shape")


def _dia(cls: Any, shape: Any, data: Any, offsets: Any) -> Any:
    _require_indexes(offsets)
    if len(shape) != 2 or data.ndim != 2 or not _are_offsets(offsets, shape):
        raise ValueError("not diagonals")
    matrix = cls((data, offsets), shape=shape, copy=False)
    matrix.offsets = offsets
    return matrix


def _are_offsets(offsets: Any, shape: Any) -> bool:
    return len(offsets) == 0 or bool(offsets.min() >= -max(shape) and offsets.max() <= max(shape))


def _lil(cls: Any, shape: Any, data: Any, indices: Any, lengths: Any) -> Any:
    _require_indexes(indices)
    _require_indexes(lengths)
    inside = not len(indices) or (indices.min() >= 0 and indices.max() < shape[-1])
    if len(shape) != 2 or len(lengths) != shape[0] or data.shape != indices.shape or not inside:
        raise ValueError("lists and shape differ")
    if len(lengths) and (lengths.min() < 0 or lengths.sum() != len(indices)):
        raise ValueError("lists and lengths differ")
    matrix = cls(shape, dtype=data.dtype)
    items, columns, position = data.tolist(), indices.tolist(), 0
    for row, length in enumerate(lengths.tolist()):
        matrix.rows[row] = columns[position : position + length]
        matrix.data[row] = items[position : position + length]
        if any(left >= right for left, right in zip(matrix.rows[row], matrix.rows[row][1:], strict=False)):
            raise ValueError("columns are not in order")
        position += length
    return matrix


def _dok(cls: Any, shape: Any, data: Any, keys: list[Any]) -> Any:
    matrix = cls(shape, dtype=data.dtype)
    if data.ndim != 1 or not all(_is_key(key, matrix.shape) for key in keys):
        raise ValueError("not keys")
    matrix._dict.update(zip(keys, data, strict=True))
    return matrix


def _is_key(key: Any, shape: tuple[int, ...]) -> bool:
    numpy = package("numpy")
    positions = key if type(key) is tuple else (key,)
    return len(positions) == len(shape) and all(
        isinstance(position, (int, numpy.integer)) and 0 <= position < length
        for position, length in zip(positions, shape, strict=True)
    )


for _name in _FORMATS:
    for _form in ("array", "matrix"):
        register(f"scipy.{_name}_{_form}", f"scipy.sparse._{_name}.{_name}_{_form}", encode=_encode, decode=_decode)
