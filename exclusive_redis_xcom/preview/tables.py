"""Arrays and tables as previews: the first rows of the first columns."""

from __future__ import annotations

from itertools import islice, product
from typing import TYPE_CHECKING, Final, Literal

from exclusive_redis_xcom.preview import arrays, arrow, columns, safe_text, shapes
from exclusive_redis_xcom.preview.cells import Cells
from exclusive_redis_xcom.preview.parts import LIST, Leaf, Tree
from exclusive_redis_xcom.preview.structure import MOST_CELL, MOST_COLUMNS, MOST_ROWS, Column, Preview

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from exclusive_redis_xcom.preview.items import DType
    from exclusive_redis_xcom.preview.parts import Part

_VALUE: Final = "value"
_MOST_ITEMS: Final = 10  # of a row of an array with more than two dimensions


def preview_of(part: Leaf | Tree) -> Preview:
    """Return the preview of an array or a table."""
    type_name = shapes.type_of(part)
    if part.code == arrays.ANNOTATED and isinstance(part, Tree):
        inner = arrays.unannotated(part)
        if not isinstance(inner, (Leaf, Tree)) or inner.code not in (arrays.ARRAY, arrays.OF_OBJECTS):
            raise TypeError("not an array")
        return preview_of(inner)
    size = shapes.size_of(part)
    if isinstance(part, Leaf):
        if part.code == arrays.ARRAY:
            shown, rows, all_columns = _of_array(arrays.array_of(part))
            return _preview("array", type_name, size, shown, rows, all_columns)
        shown, all_columns, rows = arrow.columns_of(part)
        return _preview("table", type_name, size, shown, rows, all_columns)
    if part.code == arrays.OF_OBJECTS:
        shown, rows, all_columns = _of_objects(part)
        return _preview("array", type_name, size, shown, rows, all_columns)
    shown, rows, all_columns = _of_pandas(part)
    return _preview("table", type_name, size, shown, rows, all_columns)


def _preview(
    kind: Literal["table", "array"], type_name: str, size: str, shown: Sequence[Cells], rows: int, all_columns: int
) -> Preview:
    first = range(min(rows, MOST_ROWS))
    return Preview(
        kind,
        type_name,
        size,
        columns=tuple(
            Column(safe_text.cut(each.name, MOST_CELL), safe_text.cut(each.dtype, MOST_CELL)) for each in shown
        ),
        rows=tuple(tuple(safe_text.cut(each.text(row), MOST_CELL) for each in shown) for row in first),
        truncated=rows > MOST_ROWS or all_columns > len(shown),
    )


def _of_array(array: arrays.Array) -> tuple[list[Cells], int, int]:
    dtype, shape = array.dtype, array.shape
    if not shape:
        return [Cells(_VALUE, dtype.name, 1, lambda _: array.text())], 1, 1
    rows, *others = shape
    if not others and dtype.fields:
        shown = [_field(array, name, start, one) for name, start, one in dtype.fields]
        return shown, rows, len(shown)
    if not others:
        return [Cells(_VALUE, dtype.name, rows, array.text)], rows, 1
    if len(others) == 1:
        return [_column(array, at) for at in range(min(others[0], MOST_COLUMNS))], rows, others[0]
    of_rows = f"{dtype.name} {shapes.shown_shape(tuple(others))}"
    return [Cells(_VALUE, of_rows, rows, lambda row: _row(array, row))], rows, 1


def _field(array: arrays.Array, name: str, start: int, dtype: DType) -> Cells:
    return Cells(name, dtype.name, array.shape[0], lambda row: dtype.text(array.item(row)[start : start + dtype.size]))


def _column(array: arrays.Array, at: int) -> Cells:
    return Cells(str(at), array.dtype.name, array.shape[0], lambda row: array.text(row, at))


def _row(array: arrays.Array, row: int) -> str:
    places = product(*map(range, (min(length, _MOST_ITEMS) for length in array.shape[1:])))
    return ", ".join([*(array.text(row, *place) for place in islice(places, _MOST_ITEMS)), "…"])


def _of_objects(tree: Tree) -> tuple[list[Cells], int, int]:
    shape, count = arrays.object_array(tree)
    width = shape[1] if len(shape) == 2 else 1
    rows = count // width if width else shape[0]
    shown = _rows(tree, width)
    cells = [
        Cells(str(at) if len(shape) == 2 else _VALUE, "object", rows, lambda row, at=at: shown[row][at])  # type: ignore[misc]
        for at in range(min(width, MOST_COLUMNS))
    ]
    return cells, rows, width


def _rows(tree: Tree, width: int) -> list[list[str]]:
    """Return the first rows of an array of objects, as texts."""
    items: Iterator[Part] = islice(tree.children(), 2, None)
    rows: list[list[str]] = []
    for _ in range(MOST_ROWS):
        row = list(islice(items, min(width, MOST_COLUMNS)))
        if not row:
            break
        rows.append([columns.object_text(part) for part in row])
        next(islice(items, max(0, width - MOST_COLUMNS), None) if width > MOST_COLUMNS else iter(()), None)
    return rows


def _of_pandas(part: Tree) -> tuple[list[Cells], int, int]:
    if part.code == shapes.INDEX:
        shown = columns.index_columns(part)
        return _of_one_length(shown, shapes.length_of(part)), shapes.length_of(part), len(shown)
    if part.code == shapes.PANDAS_ARRAY:
        cells = columns.cells_of(part)
        return [cells.named(_VALUE)], cells.length, 1
    index, *others = part.first(3)
    rows, shown = shapes.length_of(index), columns.index_columns(index)
    if part.code == shapes.SERIES:
        values, name = others
        shown.append(columns.cells_of(values).named(columns.label(name) or _VALUE))
        return _of_one_length(shown, rows), rows, len(shown)
    names, data = others
    found, count = _columns_of_frame(names, data, rows)
    return _of_one_length([*shown, *found], rows), rows, len(shown) + count


def _columns_of_frame(names: Part, data: Part, rows: int) -> tuple[list[Cells], int]:
    count = shapes.length_of(names)
    levels = columns.index_columns(names)
    labels = [_label(levels, at) for at in range(min(count, MOST_COLUMNS))]
    if isinstance(data, Leaf):
        array = arrays.array_of(data)
        if array.shape != (rows, count):
            raise ValueError("values and indexes differ in length")
        return [_column(array, at).named(name) for at, name in enumerate(labels)], count
    if not isinstance(data, Tree) or data.code != LIST or data.count != count:
        raise ValueError("values and indexes differ in length")
    found = data.first(MOST_COLUMNS)
    return [columns.cells_of(each).named(name) for each, name in zip(found, labels, strict=True)], count


def _label(levels: Sequence[Cells], at: int) -> str:
    texts = [level.text(at) for level in levels]
    return texts[0] if len(texts) == 1 else f"({', '.join(texts)})"


def _of_one_length(cells: list[Cells], rows: int) -> list[Cells]:
    if any(each.length != rows for each in cells):
        raise ValueError("values and indexes differ in length")
    return cells
