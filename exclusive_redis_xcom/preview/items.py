"""Items of NumPy's arrays as text. No dtype is made, and NumPy is not needed: bytes of shown items are read here."""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast

from exclusive_redis_xcom.preview import moments, safe_text
from exclusive_redis_xcom.preview.parts import DICT, LIST, Part, Plain, Tree
from exclusive_redis_xcom.preview.structure import MOST_CELL, MOST_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable

_Order: TypeAlias = Literal["big", "little"]

_SIMPLE: Final = re.compile(r"([<>|=])([biufcmMSUV])(\d{1,10})(?:\[(\d{0,9})([a-zA-Zμ]{1,7})\])?")
_WORDS: Final = {"i": "int", "u": "uint", "f": "float", "c": "complex", "m": "timedelta64", "M": "datetime64"}
_FLOATS: Final = {2: ("e", range(3, 6)), 4: ("f", range(6, 10)), 8: ("d", None)}
_MOST_LEVELS: Final = 8
_MOST_ITEMS: Final = 10  # of an array within an item


@dataclass(frozen=True, slots=True)
class DType:
    """A dtype: its name for people, the bytes of an item, how an item is written, and the fields of a structure."""

    name: str
    size: int
    text: Callable[[memoryview], str]
    fields: tuple[tuple[str, int, DType], ...] = ()


def dtype_of(described: Part, levels: int = _MOST_LEVELS) -> DType:
    """Read what `codec.arrays.describe_dtype` wrote."""
    if not levels:
        raise ValueError("nested too deeply")
    if isinstance(described, Plain):
        return _simple(described.value)
    if not isinstance(described, Tree):
        raise TypeError("not a dtype")
    return _structure(described, levels) if described.code == DICT else _array(described, levels)


def shape_of(part: Part) -> tuple[int, ...]:
    """Read the lengths of an array."""
    if not isinstance(part, Tree) or part.code != LIST or part.count > 64:
        raise TypeError("not a shape")
    lengths = [each.value if isinstance(each, Plain) else None for each in part.children()]
    if not all(type(length) is int and length >= 0 for length in lengths):
        raise ValueError("not a shape")
    return tuple(cast("list[int]", lengths))


def _simple(described: object) -> DType:
    found = _SIMPLE.fullmatch(described) if isinstance(described, str) else None
    if found is None:
        raise ValueError("not a dtype")
    order, kind, digits, many, unit = found.groups()
    size = int(digits) * (4 if kind == "U" else 1)
    if not size or (kind in "mM" and size != 8) or (kind in "iu" and size > 8):
        raise ValueError("not a dtype")
    byte_order: _Order = "big" if order == ">" else "little"
    if kind in "mM":
        step = f"{many or ''}{unit or 'generic'}"
        times = int(many or 1)
        write = moments.moment if kind == "M" else moments.duration
        return DType(
            f"{_WORDS[kind]}[{step}]", size, lambda item: _of_time(item, byte_order, times, unit or "units", write)
        )
    name = "bool" if kind == "b" else f"{_WORDS[kind]}{8 * size}" if kind in _WORDS else f"{kind}{digits}"
    return DType(name, size, lambda item: _text(item, kind, byte_order))


def _of_time(item: memoryview, order: _Order, times: int, unit: str, write: Callable[[int, str], str]) -> str:
    number = int.from_bytes(item, order, signed=True)
    return write(number, unit) if number == -(2**63) else write(number * times, unit)


def _text(item: memoryview, kind: str, order: _Order) -> str:
    if kind == "b":
        return str(bool(item[0]))
    if kind in "iu":
        return str(int.from_bytes(item, order, signed=kind == "i"))
    return _LONGER[kind](item, order)


def _complex(item: memoryview, order: _Order) -> str:
    half = len(item) // 2
    return f"({_float(item[:half], order)}, {_float(item[half:], order)}j)"


def _unicode(item: memoryview, order: _Order) -> str:
    beginning = item[: 4 * (MOST_CELL + 1)]
    text = str(beginning, f"utf-32-{'be' if order == 'big' else 'le'}", "replace").rstrip("\0")
    return safe_text.cut(text, MOST_CELL)


def _bytes(item: memoryview, _: _Order) -> str:
    return safe_text.quoted_bytes(bytes(item).rstrip(b"\0"), MOST_CELL)


def _raw(item: memoryview, _: _Order) -> str:
    return safe_text.cut(item[:MOST_CELL].hex(), MOST_CELL)


def _float(item: memoryview, order: _Order) -> str:
    """Return the shortest text that stands for a number of its size."""
    if len(item) not in _FLOATS:
        return f"0x{item.hex()}"
    letter, digits = _FLOATS[len(item)]
    form = struct.Struct(f"{'>' if order == 'big' else '<'}{letter}")
    (number,) = form.unpack(item)
    if digits is None or not math.isfinite(number):
        return repr(number)
    for precision in digits:
        rounded = float(f"{number:.{precision}g}")
        try:
            if form.pack(rounded) == item:
                return repr(rounded)
        except OverflowError:
            continue
    return repr(number)


_LONGER: Final = {"f": _float, "c": _complex, "U": _unicode, "S": _bytes, "V": _raw}


def _structure(described: Tree, levels: int) -> DType:
    parts = described.first(20)
    found = {key.value: part for key, part in zip(parts[::2], parts[1::2], strict=True) if isinstance(key, Plain)}
    names, formats, offsets = (_list(found[name]) for name in ("names", "formats", "offsets"))
    (size,) = shape_of(Tree(LIST, 1, (found["itemsize"],).__iter__))
    fields = []
    for name, form, offset in zip(
        names.first(MOST_COLUMNS), formats.first(MOST_COLUMNS), offsets.first(MOST_COLUMNS), strict=True
    ):
        (start,) = shape_of(Tree(LIST, 1, (offset,).__iter__))
        dtype = dtype_of(form, levels - 1)
        if start + dtype.size > size:
            raise ValueError("a field beyond the item")
        fields.append((safe_text.name(name.value if isinstance(name, Plain) else None), start, dtype))
    if not size:
        raise ValueError("an item without bytes")
    shown = tuple(fields)

    def text(item: memoryview) -> str:
        cells = (dtype.text(item[start : start + dtype.size]) for _, start, dtype in shown[:_MOST_ITEMS])
        return f"({safe_text.joined(cells, len(shown), MOST_CELL)})"

    return DType(f"{safe_text.counted(names.count, 'field')}", size, text, shown)


def _array(described: Tree, levels: int) -> DType:
    base, lengths = described.first(2)
    shape, one = shape_of(lengths), dtype_of(base, levels - 1)
    count = math.prod(shape)
    if not count or count * one.size > 2**31:
        raise ValueError("not a dtype")

    def text(item: memoryview) -> str:
        cells = (one.text(item[at * one.size : (at + 1) * one.size]) for at in range(min(count, _MOST_ITEMS)))
        return f"[{safe_text.joined(cells, count, MOST_CELL)}]"

    return DType(f"{one.name} {shape}", count * one.size, text)


def _list(part: Part) -> Tree:
    if not isinstance(part, Tree) or part.code != LIST:
        raise TypeError("not a list")
    return part
