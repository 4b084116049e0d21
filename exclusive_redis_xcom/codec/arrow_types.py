"""Which types of Arrow are carried, and how to get arrays that hold nothing but their value.

Two kinds of arrays hold more than their value, and are copied. A slice refers to its whole buffers, of which Arrow's
writer sends up to 63 bytes too much. A value that was set to null may still lie under its null.

Some types are not carried. Extension types need code. Slices of unions and list views are written whole. In run-end
encoded arrays, a few bytes describe terabytes.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from exclusive_redis_xcom.codec.allowlist import package
from exclusive_redis_xcom.codec.kinds import NotCarriedError

#: The names of types in pyarrow. Older versions lack some.
_TEXTS = ("STRING", "LARGE_STRING", "BINARY", "LARGE_BINARY")
_VIEWS = ("STRING_VIEW", "BINARY_VIEW")
_INTEGERS = ("INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64")
_NUMBERS = ("HALF_FLOAT", "FLOAT", "DOUBLE", "DECIMAL32", "DECIMAL64", "DECIMAL128", "DECIMAL256")
_TIMES = ("DATE32", "DATE64", "TIME32", "TIME64", "TIMESTAMP", "DURATION", "INTERVAL_MONTH_DAY_NANO")
_SCALARS = ("NA", "BOOL", *_INTEGERS, *_NUMBERS, *_TIMES, *_TEXTS, *_VIEWS, "FIXED_SIZE_BINARY")
_LISTS = ("LIST", "LARGE_LIST", "FIXED_SIZE_LIST", "MAP")
_NESTED = (*_LISTS, "STRUCT")
#: Types whose bytes can stand for more than the type has: a time of 24:00, a number of too many digits.
_BOUNDED = ("DATE64", "TIME32", "TIME64", "DECIMAL32", "DECIMAL64", "DECIMAL128", "DECIMAL256")


def _is(kind: Any, *names: str) -> bool:
    return kind.id in _ids(names)


@lru_cache(maxsize=32)
def _ids(names: tuple[str, ...]) -> frozenset[int]:
    found = (getattr(package("pyarrow").lib, f"Type_{name}", None) for name in names)
    return frozenset(number for number in found if number is not None)


def is_text_view(kind: Any) -> bool:
    """Return whether the items of a type are views of texts."""
    return _is(kind, "STRING_VIEW")


def require_known(schema: Any) -> None:
    """Raise NotCarriedError for a type that is not carried, and another Exception for a name that is not UTF-8."""
    _require_known_metadata(schema)
    for field in schema:
        _require_known_field(field, top=True)


def _require_known_metadata(holder: Any) -> None:
    for key, text in (holder.metadata or {}).items():
        if key.startswith(b"ARROW:extension:"):
            raise NotCarriedError
        key.decode(), text.decode()


def _require_known_field(field: Any, *, top: bool = False) -> None:
    _require_known_metadata(field)
    kind = field.type
    field.name.encode(), str(getattr(kind, "tz", "")).encode()
    if _is(kind, "DICTIONARY"):
        kind = kind.value_type
        top = False
    if not top and _is(kind, *_VIEWS):
        raise NotCarriedError
    if _is(kind, *_NESTED):
        for position in range(kind.num_fields):
            _require_known_field(kind.field(position))
    elif not _is(kind, *_SCALARS):
        raise NotCarriedError


@lru_cache(maxsize=256)
def _is_bounded(kind: Any) -> bool:
    if _is(kind, "DICTIONARY"):
        return _is_bounded(kind.value_type)
    return _is(kind, *_BOUNDED) or any(_is_bounded(kind.field(position).type) for position in range(kind.num_fields))


def require_within_bounds(array: Any) -> None:
    """Raise NotCarriedError if a date, time or decimal is none of its type. The pull validates all of them."""
    if not _is_bounded(array.type):
        return
    try:
        array.validate(full=True)
    except package("pyarrow").ArrowInvalid:
        raise NotCarriedError(
            "Arrow's own check, validate(full=True), fails for a column of dates, times or decimals.",
            "Mend that column. In Arrow, 24:00 is no time, for example.",
        ) from None


def only_its_value(array: Any) -> Any:
    """Return an equal array whose buffers hold nothing else; the array itself if its buffers hold nothing else."""
    kind = array.type
    if _is(kind, *_VIEWS):
        pyarrow = package("pyarrow")
        as_text = _is(kind, "STRING_VIEW")
        return array.cast(pyarrow.large_string() if as_text else pyarrow.large_binary()).cast(kind)
    if _is(kind, "STRUCT"):
        return _struct(array) if kind.num_fields else array
    if _is_part(array):
        array = _copied(array)
    if _is(kind, *_LISTS):
        return _list(array)
    if array.null_count == 0 or _is(kind, "NA", "DICTIONARY"):
        return array
    return array if _is(kind, *_TEXTS) and not _hides_bytes(array) else _copied(array)


def _is_part(array: Any) -> bool:
    """Return whether the buffers of an array hold more than its items."""
    return bool(array.get_total_buffer_size() - array.nbytes > _last_offsets(array.type))


def _last_offsets(kind: Any) -> int:
    """Return the bytes that `nbytes` does not count: n items have n + 1 offsets."""
    large = _is(kind, "LARGE_STRING", "LARGE_BINARY", "LARGE_LIST")
    own = (8 if large else 4) if _is(kind, *_TEXTS, "LIST", "LARGE_LIST", "MAP") else 0
    return own + sum(_last_offsets(kind.field(position).type) for position in range(kind.num_fields))


def _struct(array: Any) -> Any:
    fields = array.flatten()  # null where the struct is
    children = [only_its_value(field) for field in fields]
    mask = array.is_null() if array.null_count else None
    return package("pyarrow").StructArray.from_arrays(children, fields=list(array.type), mask=mask)


def _list(array: Any) -> Any:
    pyarrow = package("pyarrow")
    array = _copied(array) if array.null_count else array
    buffers = array.buffers()[: 1 if _is(array.type, "FIXED_SIZE_LIST") else 2]
    if _is(array.type, "MAP"):
        fields = [array.type.key_field, array.type.item_field]
        values = pyarrow.StructArray.from_arrays([array.keys, array.items], fields=fields)
    else:
        values = array.values
    child = only_its_value(values)
    return pyarrow.Array.from_buffers(array.type, len(array), buffers, offset=array.offset, children=[child])


def _hides_bytes(array: Any) -> bool:
    """Return whether an array of texts or bytes has bytes under its nulls."""
    pyarrow = package("pyarrow")
    large = _is(array.type, "LARGE_STRING", "LARGE_BINARY")
    offsets = memoryview(array.buffers()[1]).cast("B").cast("q" if large else "i")
    spanned = offsets[array.offset + len(array)] - offsets[array.offset]
    compute = package("pyarrow.compute")
    lengths = compute.sum(compute.cast(compute.binary_length(array), pyarrow.int64())).as_py()
    return bool(spanned != (lengths or 0))


def _copied(array: Any) -> Any:
    """Copy item by item. A null becomes zero, or no bytes at all."""
    compute = package("pyarrow.compute")
    return array.take(compute.indices_nonzero(package("pyarrow").repeat(True, len(array))))
