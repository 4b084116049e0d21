"""Arrays of NumPy and pandas, and indexes of pandas, as columns of texts. Neither library is needed."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from exclusive_redis_xcom.preview import arrays, arrow, moments, safe_text, shapes
from exclusive_redis_xcom.preview.cells import Cells
from exclusive_redis_xcom.preview.literals import Writer
from exclusive_redis_xcom.preview.parts import LIST, Leaf, Part, Plain, Tree
from exclusive_redis_xcom.preview.structure import MOST_CELL, MOST_COLUMNS, MOST_ROWS

if TYPE_CHECKING:
    from collections.abc import Callable

_MISSING: Final = "NaN"
_NA: Final = "<NA>"


def object_text(part: Part) -> str:
    """Write an object in a cell. A text has no quotes there."""
    if isinstance(part, Plain) and isinstance(part.value, str):
        return safe_text.cut(part.value, MOST_CELL)
    return safe_text.cut(Writer().text(part).replace("\n", " "), MOST_CELL)


def label(part: Part) -> str:
    """Write the name of a column or index; nothing where it has none."""
    return "" if part == Plain(None) else object_text(part)


def cells_of(part: Part) -> Cells:
    """Return an array of one dimension as a column without a name."""
    if isinstance(part, Leaf):
        return _numpy(part) if part.code == arrays.ARRAY else arrow.column_of(part).named("")
    if not isinstance(part, Tree):
        raise TypeError("not an array")
    if part.code == arrays.OF_OBJECTS:
        return _objects(part, shapes.length_of(part), skipped=2)
    if part.code == arrays.ANNOTATED:
        return cells_of(arrays.unannotated(part))
    if part.code == shapes.INDEX:
        (column,) = index_columns(part)
        return column
    if part.code != shapes.PANDAS_ARRAY:
        raise TypeError("not an array")
    return _PARTS[shapes.tag_of(part)](part.first(4)[1:])


def index_columns(part: Part) -> list[Cells]:
    """Return an index as columns: one, or one for each level."""
    if not isinstance(part, Tree) or part.code != shapes.INDEX:
        raise TypeError("not an index")
    tag = shapes.tag_of(part)
    if tag == "range":
        numbers, (name,) = shapes.range_of(part), part.first(5)[4:]
        length = shapes.length_of(part)
        return [Cells(label(name), "int64", length, lambda row: str(numbers.start + row * numbers.step))]
    if tag == "multi":
        levels, codes, names = map(_list, part.first(4)[1:])
        return [
            _coded(code, level, "<NA>").named(label(name))
            for level, code, name in zip(*(each.first(MOST_COLUMNS) for each in (levels, codes, names)), strict=True)
        ]
    values, name = part.first(3)[1:]
    return [cells_of(values).named(label(name))]


def _numpy(leaf: Leaf) -> Cells:
    array = arrays.array_of(leaf)
    (length,) = array.shape
    return Cells("", array.dtype.name, length, array.text)


def _objects(tree: Tree, length: int, *, skipped: int = 0, missing: str = "None", dtype: str = "object") -> Cells:
    shown = tree.first(skipped + max(MOST_ROWS, MOST_COLUMNS))[skipped:]

    def text(row: int) -> str:
        part = shown[row] if row < len(shown) else _at(tree, skipped + row)
        return missing if part == Plain(None) else object_text(part)

    return Cells("", dtype, length, text)


def _at(tree: Tree, position: int) -> Part:
    """Return one child. Categories need those that come late."""
    return next(islice(tree.children(), position, None))


def _coded(codes: Part, values: Part, missing: str) -> Cells:
    """Return the values that numbers stand for."""
    numbers, known = cells_of(codes), cells_of(values)

    def text(row: int) -> str:
        number = int(numbers.text(row))
        if number >= known.length:
            raise ValueError("a code without a value")
        return known.text(number) if number >= 0 else missing

    return Cells("", known.dtype, numbers.length, text)


def _categorical(parts: list[Part]) -> Cells:
    codes, categories, _ = parts
    found = _coded(codes, categories, _MISSING)
    return Cells("", "category", found.length, found.text)


def _zoned(parts: list[Part]) -> Cells:
    numbers, unit, zone = cells_of(parts[0]), _text(parts[1]), parts[2]
    data = zone.value if isinstance(zone, Plain) else None
    leaf = parts[0]
    if not isinstance(data, bytes) or not isinstance(leaf, Leaf) or unit not in ("s", "ms", "us", "ns"):
        raise TypeError("not moments")

    def text(row: int) -> str:
        shown = moments.moment(int(numbers.text(row)), unit)
        return shown if shown == moments.NOT_A_TIME else f"{shown}+00:00"

    return Cells("", f"datetime64[{unit}, {moments.zone_in(leaf, zone)}]", numbers.length, text)


def _masked(parts: list[Part]) -> Cells:
    data, mask = cells_of(parts[0]), cells_of(parts[1])
    if data.length != mask.length or mask.dtype != "bool":
        raise ValueError("not a mask")
    dtype = f"{data.dtype[:2].upper()}{data.dtype[2:]}" if data.dtype.startswith("ui") else data.dtype.capitalize()
    return Cells("", dtype, data.length, lambda row: _NA if mask.text(row) == "True" else data.text(row))


def _string(parts: list[Part]) -> Cells:
    items, missing = _list(parts[2]), _NA if parts[1] == Plain(True) else _MISSING
    return _objects(items, items.count, missing=missing, dtype="string")


def _strings(parts: list[Part]) -> Cells:
    found = cells_of(parts[1])
    return Cells("", "string", found.length, found.text)


def _period(parts: list[Part]) -> Cells:
    numbers, freq = cells_of(parts[0]), safe_text.name(_text(parts[1]))
    return Cells("", f"period[{freq}]", numbers.length, lambda row: f"period {numbers.text(row)}")


def _interval(parts: list[Part]) -> Cells:
    left, right, closed = cells_of(parts[0]), cells_of(parts[1]), _text(parts[2])
    if left.length != right.length or closed not in ("left", "right", "both", "neither"):
        raise ValueError("not intervals")
    opening = "[" if closed in ("left", "both") else "("
    closing = "]" if closed in ("right", "both") else ")"
    return Cells(
        "",
        f"interval[{left.dtype}, {closed}]",
        left.length,
        lambda row: f"{opening}{left.text(row)}, {right.text(row)}{closing}",
    )


_PARTS: Final[dict[str, Callable[[list[Part]], Cells]]] = {
    "categorical": _categorical,
    "zoned": _zoned,
    "masked": _masked,
    "string": _string,
    "strings": _strings,
    "arrow": lambda parts: cells_of(parts[0]),
    "period": _period,
    "interval": _interval,
    "numpy": lambda parts: cells_of(parts[0]),
}


def _list(part: Part) -> Tree:
    if not isinstance(part, Tree) or part.code != LIST:
        raise TypeError("not a list")
    return part


def _text(part: Part) -> str:
    if not isinstance(part, Plain) or not isinstance(part.value, str):
        raise TypeError("not a text")
    return part.value
