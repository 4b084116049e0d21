"""The description of a value, as a field of the value's hash holds it. People read it, and it decides nothing.

The field is ASCII: `1 <version> <JSON>`. `1` is the format. `<version>` is the beginning of the value's version: a
release that knows no descriptions may have pushed the value anew. The JSON is an object, with the attributes of
`model.Description` that say something. An envelope of format 4 holds the JSON alone, and there is no field.

Whoever has the workers' Redis password can write such a field. So all of it is checked, and what does not print is
replaced.
"""

from __future__ import annotations

import json
from json.encoder import encode_basestring_ascii
from typing import Any, Final

from exclusive_redis_xcom.model import Description, one_line

#: A field has at most so many bytes.
LONGEST: Final = 2048

_FORMAT = "1"
_VERSION_LENGTH = 8
_LONGEST_NAME = 64
_LONGEST_TYPE = 100
_MOST_NAMES = 64
_MOST_DIMENSIONS = 32
_LARGEST = 2**63 - 1
_FIELDS = frozenset({"type", "shape", "columns", "keys", "more", "items"})


def dumps(description: Description, version: str) -> bytes:
    """Write a description; the last names are left out if it becomes too long.

    Args:
        description: What a value is like.
        version: The value's version, 32 hexadecimal digits.
    """
    data = _dumped(description, version)
    while len(data) > LONGEST:
        columns, keys = description.columns, description.keys
        if not columns and not keys:
            return _dumped(Description(description.type), version)
        description = description._replace(
            columns=columns[: len(columns) // 2],
            keys=keys[: len(keys) // 2],
            more=description.more + (len(columns) + 1) // 2 + (len(keys) + 1) // 2,
        )
        data = _dumped(description, version)
    return data


def loads(data: bytes, version: str) -> Description | None:
    """Read what `dumps` wrote; None if it is something else, or describes another version of the value."""
    if len(data) > LONGEST:
        return None
    try:
        format_, of, text = data.decode("ascii").split(" ", 2)
        if format_ != _FORMAT or of != version[:_VERSION_LENGTH]:
            return None
        return _description(json.loads(text, parse_int=_bounded_int, parse_constant=_refuse))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def inner(data: bytes) -> bytes:
    """Return what an envelope of format 4 holds of what `dumps` wrote: the JSON alone."""
    return data[len(_FORMAT) + _VERSION_LENGTH + 2 :]


def loads_inner(data: bytes) -> Description | None:
    """Read what `inner` returned; None if it is empty or something else."""
    return loads(b"1 - " + data, "-") if data else None


def _dumped(description: Description, version: str) -> bytes:
    # Each push may write one, and json.dumps makes an encoder each time.
    parts = [f'"type":{_quoted(description.type, _LONGEST_TYPE)}']
    shape = description.shape
    if shape is not None and 0 < len(shape) <= _MOST_DIMENSIONS and max(shape) <= _LARGEST:
        parts.append(f'"shape":[{",".join(map(str, shape))}]')
    if description.columns:
        columns = [f"[{_quoted(name)},{_quoted(dtype)}]" for name, dtype in description.columns]
        parts.append(f'"columns":[{",".join(columns)}]')
    if description.keys:
        parts.append(f'"keys":[{",".join(map(_quoted, description.keys))}]')
    if description.more:
        parts.append(f'"more":{description.more}')
    if description.items is not None:
        parts.append(f'"items":{_quoted(description.items, _LONGEST_TYPE)}')
    return f"{_FORMAT} {version[:_VERSION_LENGTH]} {{{','.join(parts)}}}".encode("ascii")


def _description(document: Any) -> Description | None:
    if type(document) is not dict or not document.keys() <= _FIELDS:
        return None
    shape, columns, keys = document.get("shape"), document.get("columns", []), document.get("keys", [])
    if type(columns) is not list or type(keys) is not list or max(len(columns), len(keys)) > _MOST_NAMES:
        return None
    (more,) = _lengths([document.get("more", 0)])
    return Description(
        _text(document["type"], _LONGEST_TYPE),
        None if shape is None else _lengths(shape),
        tuple(map(_column, columns)),
        tuple(map(_text, keys)),
        more,
        _text(document["items"], _LONGEST_TYPE) if "items" in document else None,
    )


def _lengths(shape: Any) -> tuple[int, ...]:
    if type(shape) is not list or not 0 < len(shape) <= _MOST_DIMENSIONS:
        raise ValueError("not a shape")
    if not all(type(length) is int and 0 <= length <= _LARGEST for length in shape):
        raise ValueError("not a length")
    return tuple(shape)


def _column(column: Any) -> tuple[str, str]:
    if type(column) is not list or len(column) != 2:
        raise ValueError("not a column")
    name, dtype = column
    return _text(name), _text(dtype)


def _text(text: Any, most: int = _LONGEST_NAME) -> str:
    if type(text) is not str:
        raise ValueError("not a text")
    return _shown(text, most)


def _quoted(text: str, most: int = _LONGEST_NAME) -> str:
    return encode_basestring_ascii(_shown(text, most))


def _shown(text: str, most: int = _LONGEST_NAME) -> str:
    return text if len(text) <= most and text.isprintable() else one_line(text, most)


def _bounded_int(digits: str) -> int:
    if len(digits) > len(str(_LARGEST)):
        raise ValueError("too many digits")
    return int(digits)


def _refuse(constant: str) -> Any:
    raise ValueError(constant)
