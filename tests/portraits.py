"""Portraits: texts of values that are equal only where the values are, and their types, all the way down.

Airflow's tasks draw them too (`tests/acceptance/parity/dags`), so this module imports nothing that is heavy.
"""

from __future__ import annotations

import dataclasses
import enum
import math
import re
from collections import deque
from collections.abc import Callable
from datetime import datetime, time, tzinfo
from decimal import Decimal
from typing import Any

_ADDRESS = re.compile(r" at 0x\w+")
_PLAIN = (type(None), bool, int, str, bytes, bytearray)


def type_name(value: object) -> str:
    """Return the full name of a value's type, without `builtins`."""
    cls = type(value)
    return f"{cls.__module__}.{cls.__qualname__}".removeprefix("builtins.")


def portrait(value: Any) -> str:
    """Return a text that tells everything about a value."""
    if type(value) in _PLAIN:
        return repr(value)
    draw = _PACKAGES.get(type(value).__module__.partition(".")[0])
    if draw is None:
        draw = next((draw for cls, draw in _CLASSES.items() if isinstance(value, cls)), _object)
    return f"{type_name(value)}{draw(value)}"


def _dict(value: dict[Any, Any]) -> str:
    items = ", ".join(f"{portrait(key)}: {portrait(item)}" for key, item in value.items())
    return f"{{{items}}}" + (f" of {value.default_factory!r}" if hasattr(value, "default_factory") else "")


def _set(value: Any) -> str:
    return f"{{{', '.join(sorted(map(portrait, value)))}}}"


def _list(value: Any) -> str:
    return f"[{', '.join(map(portrait, value))}]" + (f" of {value.maxlen}" if hasattr(value, "maxlen") else "")


def _moment(value: datetime | time) -> str:
    zone = portrait(value.tzinfo)
    return f"({value.isoformat()}, fold {value.fold}, {value.tzname()} of {zone})"


def _object(value: Any) -> str:
    if hasattr(type(value), "model_fields"):
        hidden = [value.__pydantic_extra__, value.__pydantic_private__]
        return f"({portrait(vars(value))}, {portrait(hidden)})"
    if dataclasses.is_dataclass(value) or hasattr(type(value), "__attrs_attrs__"):
        kind = type(value)
        names = [f.name for f in (getattr(kind, "__attrs_attrs__", None) or dataclasses.fields(value))]
        fields = {name: getattr(value, name, "(missing)") for name in names}
        return portrait({**fields, **getattr(value, "__dict__", {})})
    text = repr(value)
    if not _ADDRESS.search(text):
        return f"({text})"
    fields = getattr(value, "__dict__", {})
    if any(hasattr(field, "__dict__") for field in fields.values()):
        return f"({_ADDRESS.sub('', text)})"  # an object of objects may hold itself
    return portrait(fields)


def _numpy(value: Any) -> str:
    if not hasattr(value, "dtype"):
        return f"({value!r})"
    layout = f"{value.dtype!r}, {value.shape}, metadata {portrait(dict(value.dtype.metadata or {}))}"
    if hasattr(value, "mask"):
        layout += f", {value.mask.tolist()}"
    content = value.tolist()
    return f"({layout}, {content!r})" if type(content) is type(value) else f"({layout}, {portrait(content)})"


def _pandas(value: Any) -> str:
    if hasattr(value, "columns"):
        columns = [_pandas(value.iloc[:, number]) for number in range(value.shape[1])]
        return f"({_pandas(value.columns)}, {_pandas(value.index)}, {columns}, {portrait(value.attrs)})"
    if hasattr(value, "index") and hasattr(value, "dtype"):
        about = f"{value.name!r}, {value.dtype!r}, {_pandas(value.index)}, {portrait(value.attrs)}"
        return f"({about}, {portrait(value.tolist())})"
    if hasattr(value, "names"):
        return f"({list(value.names)}, {type_name(value)}, {value.dtype!r}, {portrait(value.tolist())})"
    if isinstance(value, datetime) and value == value:  # NaT equals nothing
        return _moment(value)
    return f"({value!r})"


def _polars(value: Any) -> str:
    if hasattr(value, "rows"):
        return f"({dict(value.schema)}, {portrait(value.rows())})"
    return f"({value.name!r}, {value.dtype!r}, {portrait(value.to_list())})" if hasattr(value, "dtype") else repr(value)


def _pyarrow(value: Any) -> str:
    kind = value.schema.to_string(show_schema_metadata=True) if hasattr(value, "schema") else str(value.type)
    return f"({kind}, {portrait(value.to_pylist())})" if hasattr(value, "to_pylist") else f"({value!r})"


_PACKAGES: dict[str, Callable[[Any], str]] = {
    "numpy": _numpy,
    "pandas": _pandas,
    "polars": _polars,
    "pyarrow": _pyarrow,
}
#: The first class of these that a value is an instance of.
_CLASSES: dict[Any, Callable[[Any], str]] = {
    enum.Enum: lambda value: f"[{value.name}]",
    float: lambda value: f"({'nan' if math.isnan(value) else float.__repr__(value)})",
    (datetime, time): _moment,
    tzinfo: lambda value: f"({value})",
    dict: _dict,
    (set, frozenset): _set,
    (list, tuple, deque): _list,
    (int, str, bytes, bytearray, Decimal): lambda value: f"({value!r})",
}


def equal(left: Any, right: Any) -> bool:
    """Return whether two values are equal as their own libraries see it, types apart."""
    for package in ("numpy", "pandas", "polars", "pyarrow"):
        if type(left).__module__.partition(".")[0] == package and type(left) is type(right):
            if hasattr(left, "equals"):
                return bool(left.equals(right))
            if hasattr(left, "tolist"):
                return portrait(left.tolist()) == portrait(right.tolist())
    try:
        return bool(left == right)
    except Exception:  # a comparison that a library does not offer
        return False
