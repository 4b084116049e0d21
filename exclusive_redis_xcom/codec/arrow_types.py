"""Which types of Arrow are carried, and arrays that hold nothing but their value.

A slice refers to the whole of its buffers, of which Arrow's writer sends up to 63 bytes too much; and a value that was
set to null may still lie beneath. Such arrays are copied. Not carried are extension types (they
need code), unions and list views (their slices are written whole) and run-end encoded arrays (a few bytes describe
terabytes).
"""

from __future__ import annotations

from typing import Any

from exclusive_redis_xcom.codec.allowlist import package
from exclusive_redis_xcom.codec.errors import NotCarriedError

#: Names of functions in ``pyarrow.types``; older versions lack some.
_SCALARS = (
    "is_null",
    "is_boolean",
    "is_integer",
    "is_floating",
    "is_decimal",
    "is_temporal",
    "is_string",
    "is_large_string",
    "is_string_view",
    "is_binary",
    "is_large_binary",
    "is_binary_view",
    "is_fixed_size_binary",
)
_LISTS = ("is_list", "is_large_list", "is_fixed_size_list")
_VIEWS = ("is_string_view", "is_binary_view")
_OF_ANY_LENGTH = ("is_string", "is_large_string", "is_binary", "is_large_binary")


def _is(kind: Any, names: tuple[str, ...]) -> bool:
    types = package("pyarrow").types
    return any(getattr(types, name)(kind) for name in names if hasattr(types, name))


def require_known(schema: Any) -> None:
    """NotCarriedError for a schema with a type that is not carried; another Exception where a name is not UTF-8."""
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
    field.name.encode()
    kind = field.type
    if _is(kind, ("is_dictionary",)):
        kind = kind.value_type
        top = False
    if isinstance(kind, package("pyarrow").BaseExtensionType) or (not top and _is(kind, _VIEWS)):
        raise NotCarriedError
    if _is(kind, (*_LISTS, "is_struct", "is_map")):
        for position in range(kind.num_fields):
            _require_known_field(kind.field(position))
    elif not _is(kind, _SCALARS):
        raise NotCarriedError


def only_its_value(array: Any) -> Any:
    """An equal array in whose buffers nothing else lies; the array itself where that is so already."""
    kind = array.type
    if _is(kind, _VIEWS):
        pyarrow = package("pyarrow")
        as_text = _is(kind, ("is_string_view",))
        return array.cast(pyarrow.large_string() if as_text else pyarrow.large_binary()).cast(kind)
    if _is(kind, ("is_struct",)):
        return _struct(array) if kind.num_fields else array
    if _is_part(array):
        array = _copied(array)
    if _is(kind, (*_LISTS, "is_map")):
        return _list(array)
    if array.null_count == 0 or _is(kind, ("is_null", "is_dictionary")):
        return array
    return array if _is(kind, _OF_ANY_LENGTH) and not _hides_bytes(array) else _copied(array)


def _is_part(array: Any) -> bool:
    """Whether its buffers hold more than its items."""
    return bool(array.get_total_buffer_size() - array.nbytes > _last_offsets(array.type))


def _last_offsets(kind: Any) -> int:
    """Bytes that ``nbytes`` leaves out: of n items, n + 1 offsets say where they begin and end."""
    large = _is(kind, ("is_large_string", "is_large_binary", "is_large_list"))
    own = (8 if large else 4) if _is(kind, (*_OF_ANY_LENGTH, "is_list", "is_large_list", "is_map")) else 0
    return own + sum(_last_offsets(kind.field(position).type) for position in range(kind.num_fields))


def _struct(array: Any) -> Any:
    fields = array.flatten()  # null where the struct is
    children = [only_its_value(field) for field in fields]
    mask = array.is_null() if array.null_count else None
    return package("pyarrow").StructArray.from_arrays(children, fields=list(array.type), mask=mask)


def _list(array: Any) -> Any:
    pyarrow = package("pyarrow")
    array = _copied(array) if array.null_count else array
    buffers = array.buffers()[: 1 if _is(array.type, ("is_fixed_size_list",)) else 2]
    if _is(array.type, ("is_map",)):
        fields = [array.type.key_field, array.type.item_field]
        values = pyarrow.StructArray.from_arrays([array.keys, array.items], fields=fields)
    else:
        values = array.values
    child = only_its_value(values)
    return pyarrow.Array.from_buffers(array.type, len(array), buffers, offset=array.offset, children=[child])


def _hides_bytes(array: Any) -> bool:
    """Whether an array of texts or bytes has some beneath its nulls."""
    pyarrow = package("pyarrow")
    large = _is(array.type, ("is_large_string", "is_large_binary"))
    offsets = memoryview(array.buffers()[1]).cast("B").cast("q" if large else "i")
    spanned = offsets[array.offset + len(array)] - offsets[array.offset]
    compute = package("pyarrow.compute")
    lengths = compute.sum(compute.cast(compute.binary_length(array), pyarrow.int64())).as_py()
    return bool(spanned != (lengths or 0))


def _copied(array: Any) -> Any:
    """Item by item: what is null becomes zero, or no bytes at all."""
    compute = package("pyarrow.compute")
    return array.take(compute.indices_nonzero(package("pyarrow").repeat(True, len(array))))
