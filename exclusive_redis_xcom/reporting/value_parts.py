"""The parts of a pulled value that may appear in a log: its strings and numbers, and the types of its objects."""

from __future__ import annotations

import functools
import sys
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from decimal import Decimal
from enum import Enum
from itertools import chain, islice
from pathlib import PurePath
from typing import Any
from uuid import UUID

#: At most so many parts of a value are searched.
_MAX_PARTS = 2_000

#: A frame or an array of more cells is not searched. Its cells would use up what a process may mask.
_MOST_CELLS = 50

#: An integer of more bits has more digits than can be masked. Python refuses to write the longest ones.
_MAX_BITS = 10_000

#: Airflow shows values of these types part by part, and masks their strings. It shows other objects as one text.
PLAIN = frozenset({type(None), bool, int, float, str, list, tuple, dict, set, frozenset})


@dataclass(slots=True)
class Parts:
    """What was found in a value.

    Attributes:
        leaves: The strings and numbers, as text.
        types: The types of its objects, except those in `PLAIN`.
        searched: Whether all of the value was searched.
        known: Whether the leaves of all types that were found are known.
    """

    leaves: set[str] = field(default_factory=set)
    types: set[type] = field(default_factory=set)
    searched: bool = True
    known: bool = True


def parts_of(value: Any, shortest: int) -> Parts:
    """Search a value. A part that fails is not known, and the search goes on.

    Args:
        value: The value.
        shortest: The length of the shortest text that is a leaf.
    """
    found, pending, seen = Parts(), [value], set[int]()
    for _ in range(_MAX_PARTS):
        if not pending:
            return found
        part = pending.pop()  # the last, so that the leaves of a long list of dicts are reached
        if type(part) not in PLAIN:
            found.types.add(type(part))
        text = _text(part)
        if text is not None:
            if len(text.strip()) >= shortest:
                found.leaves.add(text)
        elif id(part) not in seen:
            seen.add(id(part))
            try:
                inside = _inside(part)
                pending.extend(() if inside is None else islice(inside, _MAX_PARTS))
            except Exception:  # an author's class, or a library
                inside = None
            found.known = found.known and inside is not None
    found.searched = not pending
    return found


def is_short(leaf: Any, shortest: int) -> bool:
    """Tell whether a value without parts has a text that is no leaf, because it is too short."""
    text = _text(leaf)
    return text is not None and len(text.strip()) < shortest


def _text(part: Any) -> str | None:
    """Return what a leaf looks like in a log.

    "" stands for a leaf with nothing to mask, None for an object that is no leaf, or one too large.
    """
    if part is None or isinstance(part, bool):
        return ""
    if isinstance(part, str):
        return str.__str__(part)
    if isinstance(part, (bytes, bytearray)):
        return _bytes_text(part)
    if isinstance(part, int) and part.bit_length() > _MAX_BITS:
        return None
    return str(part) if isinstance(part, (int, float, complex, Decimal, UUID, PurePath)) else None


def _bytes_text(part: bytes | bytearray) -> str:
    try:
        return part.decode()
    except UnicodeDecodeError:
        return repr(bytes(part))[2:-1]


def _inside(part: Any) -> Iterable[Any] | None:
    """Return the parts of a container; None for an object of an unknown type."""
    if isinstance(part, Enum):
        return [part.value]
    if isinstance(part, Mapping):
        return chain((key for key in part if type(key) is not str), part.values())
    if isinstance(part, (list, tuple, set, frozenset, deque)):
        return part
    kind: Any = type(part)  # mypy: a metaclass could make it unhashable
    package = _library_of(kind)
    return _fields(part) if package is None else _CELLS[package](part, sys.modules[package])


@functools.lru_cache(maxsize=256)
def _library_of(kind: type) -> str | None:
    """Return the library in `_CELLS` that a class comes from, or is derived from."""
    packages = {cls.__module__.partition(".")[0] for cls in kind.__mro__}
    return next((package for package in _CELLS if package in packages), None)


def _fields(part: Any) -> Iterable[Any] | None:
    if is_dataclass(part):
        return [getattr(part, member.name, None) for member in fields(part)]
    if hasattr(part, "__attrs_attrs__"):
        return [getattr(part, member.name, None) for member in part.__attrs_attrs__]
    if hasattr(part, "__pydantic_fields__"):
        return list(vars(part).values())
    if hasattr(part, "__struct_fields__"):  # msgspec
        return [getattr(part, name, None) for name in part.__struct_fields__]
    if type(part).__module__.startswith("pydantic.") and hasattr(part, "get_secret_value"):
        return [part.get_secret_value()]
    return None


def _numpy(part: Any, numpy: Any) -> Iterable[Any] | None:
    if isinstance(part, numpy.generic):
        item = part.item()
        return None if isinstance(item, numpy.generic) else [item]
    is_small = isinstance(part, numpy.ndarray) and part.size <= _MOST_CELLS
    return list(part.flat) if is_small else None


def _pandas(part: Any, pandas: Any) -> Iterable[Any] | None:
    arrays = (pandas.DataFrame, pandas.Series, pandas.Index, pandas.api.extensions.ExtensionArray)
    if not isinstance(part, arrays) or part.size > _MOST_CELLS or len(part) > _MOST_CELLS:
        return None
    if isinstance(part, pandas.DataFrame):
        return chain.from_iterable(part.itertuples(name=None))
    return chain(part.index, part) if isinstance(part, pandas.Series) else list(part)


def _polars(part: Any, polars: Any) -> Iterable[Any] | None:
    if isinstance(part, polars.DataFrame):
        return chain.from_iterable(part.iter_rows()) if part.height * part.width <= _MOST_CELLS else None
    return part.to_list() if isinstance(part, polars.Series) and len(part) <= _MOST_CELLS else None


def _pyarrow(part: Any, pyarrow: Any) -> Iterable[Any] | None:
    if isinstance(part, (pyarrow.Table, pyarrow.RecordBatch)):
        return part.to_pylist() if part.num_rows * part.num_columns <= _MOST_CELLS else None
    is_small = isinstance(part, (pyarrow.Array, pyarrow.ChunkedArray)) and len(part) <= _MOST_CELLS
    return part.to_pylist() if is_small else None


def _xarray(part: Any, xarray: Any) -> Iterable[Any] | None:
    if isinstance(part, xarray.Dataset):
        return [variable.values for variable in part.variables.values()]
    if isinstance(part, xarray.DataArray):
        return [part.values, *(coordinate.values for coordinate in part.coords.values())]
    return [part.values] if isinstance(part, xarray.Variable) else None


def _scipy(part: Any, _scipy: Any) -> Iterable[Any] | None:
    data = getattr(part, "data", None)  # the stored numbers of a sparse matrix
    return None if data is None else [data]


#: How to get the cells of a library's objects.
_CELLS: dict[str, Callable[[Any, Any], Iterable[Any] | None]] = {
    "pandas": _pandas,
    "polars": _polars,
    "pyarrow": _pyarrow,
    "xarray": _xarray,
    "scipy": _scipy,
    "numpy": _numpy,
}
