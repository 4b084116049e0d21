"""Which part is an array or a table, what people call its type, and how large it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exclusive_redis_xcom.preview import arrays, arrow
from exclusive_redis_xcom.preview.parts import LIST, Leaf, Part, Plain, Tree
from exclusive_redis_xcom.preview.safe_text import counted
from exclusive_redis_xcom.preview.structure import NotShownError

if TYPE_CHECKING:
    from collections.abc import Callable

PANDAS_ARRAY: Final = 60
INDEX: Final = 61
SERIES: Final = 62
FRAME: Final = 63

_TYPES: Final = {
    arrays.ARRAY: "numpy.ndarray",
    arrays.OF_OBJECTS: "numpy.ndarray",
    arrays.ANNOTATED: "numpy.ndarray",
    PANDAS_ARRAY: "pandas.array",
    INDEX: "pandas.Index",
    SERIES: "pandas.Series",
    FRAME: "pandas.DataFrame",
    **arrow.TYPES,
}
CODES: Final = frozenset(_TYPES)

#: By the tag of a pandas array: the position of the part that is as long as the array.
_MEASURED: Final = {
    "categorical": 1,
    "zoned": 1,
    "masked": 1,
    "string": 3,
    "strings": 2,
    "arrow": 1,
    "period": 1,
    "interval": 1,
    "numpy": 1,
}


def is_table(part: Part) -> bool:
    """Return whether a part is shown as rows."""
    return not isinstance(part, Plain) and part.code in CODES


def type_of(part: Leaf | Tree) -> str:
    """Name the type of an array or table."""
    return _TYPES.get(part.code, f"a kind that this version does not know ({part.code})")


def told(part: Leaf | Tree) -> str:
    """Name the type of an array or table, and its size where that is known."""
    if part.code not in CODES:
        return type_of(part)
    try:
        return f"{type_of(part)} of {size_of(part)}"
    except NotShownError:
        return type_of(part)


def size_of(part: Leaf | Tree) -> str:
    """Say how large an array or table is."""
    if isinstance(part, Leaf):
        if part.code != arrays.ARRAY:
            return arrow.size_of(part)
        array = arrays.array_of(part)
        return f"{array.dtype.name}, {shown_shape(array.shape)}"
    if part.code == arrays.OF_OBJECTS:
        return f"objects, {shown_shape(arrays.object_array(part)[0])}"
    if part.code == arrays.ANNOTATED:
        inner = arrays.unannotated(part)
        return size_of(inner) if isinstance(inner, (Leaf, Tree)) else ""
    if part.code == FRAME:
        index, names = part.first(2)
        return f"{counted(length_of(index), 'row')} x {counted(length_of(names), 'column')}"
    return counted(length_of(part), "item" if part.code in (PANDAS_ARRAY, INDEX) else "row")


def length_of(part: Part) -> int:
    """Count the items of an array of one dimension, of an index, or of a Series."""
    if isinstance(part, Leaf):
        shape = arrays.array_of(part).shape if part.code == arrays.ARRAY else (arrow.length_of(part),)
    elif isinstance(part, Tree):
        shape = (part.count,) if part.code == LIST else _LENGTHS[part.code](part)
    else:
        raise TypeError("not an array")
    (length,) = shape
    return length


def tag_of(tree: Tree) -> str:
    """Return the tag that says what the other children are."""
    (tag,) = tree.first(1)
    if not isinstance(tag, Plain) or not isinstance(tag.value, str):
        raise TypeError("not a tag")
    return tag.value


def range_of(index: Tree) -> range:
    """Return the numbers of a range index."""
    bounds = [part.value if isinstance(part, Plain) else None for part in index.first(4)[1:]]
    if not all(type(bound) is int for bound in bounds):
        raise TypeError("not a range")
    return range(*bounds)  # type: ignore[arg-type]


def shown_shape(shape: tuple[int, ...]) -> str:
    """Write the lengths of an array, as `3 x 2`."""
    return " x ".join(map(str, shape)) if shape else "no dimensions"


def _length_of_index(index: Tree) -> int:
    tag = tag_of(index)
    if tag == "range":
        numbers = range_of(index)
        return max(0, -((numbers.start - numbers.stop) // numbers.step))
    parts = index.first(3)
    if tag == "multi":
        codes = parts[2]
        if not isinstance(codes, Tree) or not codes.count:
            raise ValueError("not an index of several levels")
        return length_of(codes.first(1)[0])
    return length_of(parts[1])


#: By the code of a tree: its shape.
_LENGTHS: Final[dict[int, Callable[[Tree], tuple[int, ...]]]] = {
    arrays.OF_OBJECTS: lambda tree: arrays.object_array(tree)[0],
    arrays.ANNOTATED: lambda tree: (length_of(arrays.unannotated(tree)),),
    PANDAS_ARRAY: lambda tree: (length_of(tree.first(4)[_MEASURED[tag_of(tree)]]),),
    SERIES: lambda tree: (length_of(tree.first(1)[0]),),
    INDEX: lambda tree: (_length_of_index(tree),),
}
