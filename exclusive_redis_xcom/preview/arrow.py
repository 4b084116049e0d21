"""Arrow's streams as columns of texts. pyarrow reads them, after the checks of a pull (`codec/arrow_stream.py`).

A cell is written from its scalar's own numbers. pyarrow itself would look up time zones, and pandas for nanoseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from exclusive_redis_xcom.codec import arrow_stream
from exclusive_redis_xcom.errors import XComNotImportable
from exclusive_redis_xcom.preview import moments, safe_text
from exclusive_redis_xcom.preview.cells import Cells
from exclusive_redis_xcom.preview.structure import MOST_CELL, MOST_COLUMNS, NotShownError

if TYPE_CHECKING:
    from collections.abc import Callable

    from exclusive_redis_xcom.preview.parts import Leaf

TYPES: Final = {
    70: "pyarrow.Table",
    71: "pyarrow.RecordBatch",
    72: "pyarrow.ChunkedArray",
    73: "pyarrow.Array",
    74: "polars.DataFrame",
    75: "polars.Series",
}
#: These are tables. The others are one column.
_TABLES: Final = frozenset({70, 71, 74})

_MOST_ITEMS: Final = 10  # of a list or structure in a cell
_MOST_LEVELS: Final = 4
_NULL: Final = "null"
#: Telling the size of a stream that was read takes as long as stepping over so many parts.
_WORK: Final = 50


class _Stream(NamedTuple):
    schema: Any
    batches: list[Any]
    rows: int


def columns_of(leaf: Leaf) -> tuple[list[Cells], int, int]:
    """Return the first columns of a stream, the number of all columns, and that of rows."""
    schema, batches, rows = _read(leaf)
    fields = [schema.field(position) for position in range(min(len(schema), MOST_COLUMNS))]
    columns = [_cells(field, [batch.column(at) for batch in batches], rows) for at, field in enumerate(fields)]
    return columns, len(schema), rows


def column_of(leaf: Leaf) -> Cells:
    """Return the only column of a stream."""
    (column,), _, _ = columns_of(leaf)
    return column


def length_of(leaf: Leaf) -> int:
    """Count the rows of a stream."""
    if leaf.code not in TYPES:
        raise TypeError("not a stream")
    return _read(leaf).rows


def size_of(leaf: Leaf) -> str:
    """Say how large a stream is."""
    schema, _, rows = _read(leaf)
    if leaf.code in _TABLES:
        return f"{safe_text.counted(rows, 'row')} x {safe_text.counted(len(schema), 'column')}"
    return safe_text.counted(rows, "item")


def _read(leaf: Leaf) -> _Stream:
    """Read a stream. Many leaves may name one slab, so each stream is read once."""
    source, placed = leaf.source, leaf.source.message(leaf.data)
    source.spend(_WORK)
    if placed not in source.remembered:
        source.remembered[placed] = _stream(source.take(placed))
    found: _Stream = source.remembered[placed]
    return found


def _stream(stream: memoryview) -> _Stream:
    try:
        schema, batches = arrow_stream.read(stream)
        return _Stream(schema, batches, sum(batch.num_rows for batch in batches))
    except XComNotImportable:
        raise NotShownError(
            "The value holds Arrow's columns, and pyarrow is not installed here. Install it to see them."
        ) from None


def _cells(field: Any, arrays: list[Any], rows: int) -> Cells:
    import pyarrow

    whole = pyarrow.chunked_array(arrays, type=field.type)
    dtype = safe_text.cut(str(field.type), MOST_CELL)
    return Cells(safe_text.cut(field.name, MOST_CELL), dtype, rows, lambda row: _text(whole[row]))


def _text(scalar: Any, levels: int = _MOST_LEVELS) -> str:
    if not scalar.is_valid:
        return _NULL
    name = type(scalar).__name__
    if not levels:
        return "…"
    write = _WRITERS.get(name)
    text = str(scalar.as_py()) if write is None else write(scalar, levels)
    return safe_text.cut(text, MOST_CELL)


def _string(scalar: Any, levels: int) -> str:
    beginning = bytes(memoryview(scalar.as_buffer())[: 4 * (MOST_CELL + 1)])
    text = str(beginning, "utf-8", "ignore")  # it is valid, but the last character may be cut
    return safe_text.quoted(text, MOST_CELL) if levels < _MOST_LEVELS else text


def _binary(scalar: Any, _: int) -> str:
    return safe_text.quoted_bytes(bytes(memoryview(scalar.as_buffer())[: MOST_CELL + 1]), MOST_CELL)


def _list(scalar: Any, levels: int) -> str:
    items = scalar.values
    shown = (_text(items[at], levels - 1) for at in range(min(len(items), _MOST_ITEMS)))
    return f"[{safe_text.joined(shown, len(items), MOST_CELL)}]"


def _map(scalar: Any, levels: int) -> str:
    items = scalar.values
    first = items.slice(0, _MOST_ITEMS)
    keys, values = first.field(0), first.field(1)
    shown = (f"{_text(keys[at], levels - 1)}: {_text(values[at], levels - 1)}" for at in range(len(first)))
    return f"{{{safe_text.joined(shown, len(items), MOST_CELL)}}}"


def _struct(scalar: Any, levels: int) -> str:
    kind = scalar.type
    names = (safe_text.cut(kind.field(at).name, MOST_CELL) for at in range(min(kind.num_fields, _MOST_ITEMS)))
    shown = (f"{name!r}: {_text(scalar[at], levels - 1)}" for at, name in enumerate(names))
    return f"{{{safe_text.joined(shown, kind.num_fields, MOST_CELL)}}}"


def _timestamp(scalar: Any, _: int) -> str:
    return moments.moment(scalar.value, scalar.type.unit) + ("+00:00" if scalar.type.tz else "")


def _number(write: Callable[[int, str], str], unit: str | None = None) -> Callable[[Any, int], str]:
    return lambda scalar, _: write(scalar.value, unit or scalar.type.unit)


_WRITERS: Final[dict[str, Callable[[Any, int], str]]] = {
    **dict.fromkeys(("StringScalar", "LargeStringScalar", "StringViewScalar"), _string),
    **dict.fromkeys(("BinaryScalar", "LargeBinaryScalar", "BinaryViewScalar", "FixedSizeBinaryScalar"), _binary),
    **dict.fromkeys(("ListScalar", "LargeListScalar", "FixedSizeListScalar"), _list),
    "MapScalar": _map,
    "StructScalar": _struct,
    "DictionaryScalar": lambda scalar, levels: _text(scalar.value, levels),
    "TimestampScalar": _timestamp,
    "Date32Scalar": _number(moments.moment, "D"),
    "Date64Scalar": _number(moments.moment, "ms"),
    "Time32Scalar": _number(moments.clock),
    "Time64Scalar": _number(moments.clock),
    "DurationScalar": _number(moments.duration),
}
