"""Arrays of NumPy: what they are, and their first items as text."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from exclusive_redis_xcom.preview.items import DType, dtype_of, shape_of
from exclusive_redis_xcom.preview.parts import LIST, Leaf, Plain, Tree

if TYPE_CHECKING:
    from exclusive_redis_xcom.preview.parts import Part

#: Reading an array takes as long as stepping over so many parts.
_WORK: Final = 20

SCALAR, ARRAY, OF_OBJECTS, ANNOTATED = 50, 51, 52, 53


@dataclass(frozen=True, slots=True)
class Array:
    """An array. `fortran` says that the first index changes fastest."""

    dtype: DType
    shape: tuple[int, ...]
    fortran: bool
    items: memoryview

    def item(self, *indexes: int) -> memoryview:
        """Return the bytes of one item."""
        lengths, order = (self.shape, indexes) if not self.fortran else (self.shape[::-1], indexes[::-1])
        place = 0
        for length, index in zip(lengths, order, strict=True):
            place = place * length + index
        return self.items[place * self.dtype.size : (place + 1) * self.dtype.size]

    def text(self, *indexes: int) -> str:
        """Write one item."""
        return self.dtype.text(self.item(*indexes))


def array_of(leaf: Leaf) -> Array:
    """Read an array of kind 51 (`codec/arrays.py`)."""
    leaf.source.spend(_WORK)
    whole = leaf.source.message(leaf.data)
    if not isinstance(whole, Tree) or whole.code != LIST:
        raise TypeError("not an array")
    described, lengths, fortran, placed = whole.first(4)
    dtype, shape, items = dtype_of(described), shape_of(lengths), leaf.source.take(placed)
    if math.prod(shape) * dtype.size != len(items):
        raise ValueError("size and shape differ")
    return Array(dtype, shape, fortran == Plain(True), items)


def scalar_of(leaf: Leaf) -> tuple[str, str]:
    """Return the dtype and the text of a scalar of kind 50."""
    whole = leaf.source.message(leaf.data)
    if not isinstance(whole, Tree):
        raise TypeError("not a scalar")
    described, placed = whole.first(2)
    data = leaf.source.take(placed)
    if described in (Plain("str"), Plain("bytes")):
        text = str(data, "utf-8", "surrogatepass") if described == Plain("str") else bytes(data)
        return ("str_" if isinstance(text, str) else "bytes_"), repr(text[:200]) + ("…" if len(text) > 200 else "")
    dtype = dtype_of(described)
    if dtype.size != len(data):
        raise ValueError("size and dtype differ")
    return dtype.name, dtype.text(data)


def object_array(tree: Tree) -> tuple[tuple[int, ...], int]:
    """Return the shape of an array of objects, and how many items it has. Its items follow the first two children."""
    lengths, _ = tree.first(2)
    shape = shape_of(lengths)
    if math.prod(shape) != tree.count - 2:
        raise ValueError("size and shape differ")
    return shape, tree.count - 2


def unannotated(tree: Tree) -> Part:
    """Return an array without the metadata of its dtype."""
    (array,) = tree.first(1)
    return array
