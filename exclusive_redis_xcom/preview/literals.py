"""Plain data as text: Python's literals, laid out like JSON. What is no plain data has a placeholder in its place."""

from __future__ import annotations

import re
import uuid
from itertools import islice
from typing import TYPE_CHECKING, Final

from exclusive_redis_xcom.codec.scalars import ADDRESSES, PATHS
from exclusive_redis_xcom.preview import arrays, classes, moments, safe_text, shapes
from exclusive_redis_xcom.preview.parts import LIST, Leaf, Part, Plain, Tree
from exclusive_redis_xcom.preview.structure import MOST_TEXT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MOST_ITEMS: Final = 100  # of one container
_MOST_LEVELS: Final = 20
_MOST_STRING: Final = 2000  # characters of one text
_MOST_ARRAY_ITEMS: Final = 10
_MOST_DIGITS: Final = 300
_MOST_INTEGER_BYTES: Final = 120
_WIDTH: Final = 88
_INDENT: Final = "  "
_MORE: Final = "…"

_TUPLE: Final = 10
_ROWS: Final = 19
_DECIMAL: Final = re.compile(r"-?(\d+(\.\d+)?(E[+-]\d{1,19})?|Infinity|s?NaN\d*)")

#: The names of the containers, and what stands around their items. Pairs have a key and a value.
_CONTAINERS: Final[dict[int, tuple[str, str, str]]] = {
    10: ("tuple", "(", ")"),
    11: ("set", "{", "}"),
    12: ("frozenset", "frozenset({", "})"),
    13: ("dict", "{", "}"),
    14: ("collections.OrderedDict", "OrderedDict({", "})"),
    15: ("collections.Counter", "Counter({", "})"),
    16: ("collections.deque", "deque([", "])"),
    17: ("collections.defaultdict", "defaultdict({", "})"),
    18: ("list", "[", "]"),
    19: ("list", "[", "]"),
}
_PAIRS: Final = frozenset({13, 14, 15, 17})
#: Containers whose first child is no item: a greatest length, a factory, the length of a row.
_WITH_HEADER: Final = frozenset({16, 17, 19})

_LEAF_TYPES: Final = {
    20: "int",
    21: "str",
    22: "bytearray",
    23: "decimal.Decimal",
    24: "uuid.UUID",
    25: "bytes",
    28: "type",
    30: "datetime.datetime",
    31: "datetime.date",
    32: "datetime.time",
    33: "datetime.timedelta",
    34: "datetime.tzinfo",
    64: "pandas.Timestamp",
    65: "pandas.Timedelta",
}


class Writer:
    """Writes one value as text, until there is no more room."""

    def __init__(self) -> None:
        self._room = MOST_TEXT
        self.truncated = False

    def text(self, part: Part, indent: str = "", level: int = 0) -> str:
        """Return a part on one line, or on several, each but the first behind `indent`."""
        if self._room <= 0 or level > _MOST_LEVELS:
            self.truncated = True
            self._room -= 1
            return _MORE
        if isinstance(part, Tree):
            return self._tree(part, indent, level)
        shown = self._plain(part) if isinstance(part, Plain) else self._leaf(part)
        self._room -= len(shown)
        return shown

    def _plain(self, part: Plain) -> str:
        value = part.value
        if not isinstance(value, (str, bytes)):
            return repr(value)
        self.truncated |= len(value) > _MOST_STRING
        if isinstance(value, str):
            return safe_text.quoted(value, _MOST_STRING)
        return safe_text.quoted_bytes(value, _MOST_STRING)

    def _leaf(self, leaf: Leaf) -> str:
        if leaf.code == 20 and len(leaf.data) > _MOST_INTEGER_BYTES:
            self.truncated = True
            return f"<int of {8 * len(leaf.data)} bits>"
        write = _LEAVES.get(leaf.code)
        if write is not None:
            return write(leaf)
        if leaf.code in (21, 22, 25):
            return self._text_or_bytes(leaf)
        if leaf.code == arrays.SCALAR:
            dtype, shown = arrays.scalar_of(leaf)
            return f"numpy.{dtype}({shown})"
        if leaf.code == arrays.ARRAY:
            return self._array(leaf)
        return self._placeholder(leaf)

    def _array(self, leaf: Leaf) -> str:
        """Return the first items of an array of one dimension."""
        array = arrays.array_of(leaf)
        if len(array.shape) != 1:
            return self._placeholder(leaf)
        items = [array.text(at) for at in range(min(array.shape[0], _MOST_ARRAY_ITEMS))]
        if len(items) < array.shape[0]:
            self.truncated = True
            items.append(f"{_MORE} {array.shape[0] - len(items)} more")
        return f"array([{', '.join(items)}], {array.dtype.name})"

    def _text_or_bytes(self, leaf: Leaf) -> str:
        if leaf.code == 21:
            return self._plain(Plain(str(leaf.data, "utf-8", "surrogatepass")))
        shown = self._plain(Plain(bytes(buffer_of(leaf))))
        return f"bytearray({shown})" if leaf.code == 22 else shown

    def _placeholder(self, part: Leaf | Tree) -> str:
        self.truncated = True
        return f"<{shapes.told(part)}: not shown within other data>"

    def _tree(self, tree: Tree, indent: str, level: int) -> str:
        if tree.code in _CONTAINERS:
            return self._container(tree, indent, level)
        if tree.code in shapes.CODES:
            shown = self._placeholder(tree)
            self._room -= len(shown)
            return shown
        self.truncated = True
        placeholder = f"<{classes.name_of(tree)}: not decoded here>"
        self._room -= len(placeholder)
        plain = [self.text(part, indent, level + 1) for part in classes.plain_parts(tree)]
        return " ".join((placeholder, *plain))

    def _container(self, tree: Tree, indent: str, level: int) -> str:
        _, opening, closing = _CONTAINERS[tree.code]
        count = length_of(tree)
        if not count and tree.code == 11:
            return "set()"
        inner = indent + _INDENT
        items = list(self._items(tree, inner, level + 1))
        if len(items) < count:
            self.truncated = True
            items.append(f"{_MORE} {count - len(items)} more")
        lonely = "," if tree.code == _TUPLE and count == 1 else ""
        one_line = f"{opening}{', '.join(items)}{lonely}{closing}"
        self._room -= len(opening) + len(closing) + 2 * len(items)
        if "\n" not in one_line and len(indent) + len(one_line) <= _WIDTH:
            return one_line
        self._room -= len(inner) * len(items)
        rows = [f"{item}," for item in items] if tree.code in _PAIRS else _filled(items, _WIDTH - len(inner))
        return "\n".join((opening, *(f"{inner}{row}" for row in rows), f"{indent}{closing}"))

    def _items(self, tree: Tree, inner: str, level: int) -> Iterator[str]:
        for item in islice(_items_of(tree), _MOST_ITEMS):
            if self._room <= 0:
                return
            yield ": ".join(self.text(part, inner, level) for part in item)


def _filled(items: list[str], width: int) -> list[str]:
    """Put short items side by side."""
    rows: list[str] = []
    for item in items:
        if rows and "\n" not in item and "\n" not in rows[-1] and len(rows[-1]) + len(item) + 2 <= width:
            rows[-1] += f" {item},"
        else:
            rows.append(f"{item},")
    return rows


def length_of(tree: Tree) -> int:
    """Count the items of a container."""
    if tree.code == _ROWS:
        (width,) = tree.first(1)
        if not isinstance(width, Plain) or type(width.value) is not int or width.value < 1:
            raise ValueError("not rows")
        return (tree.count - 1) // width.value
    length = tree.count - (tree.code in _WITH_HEADER)
    if tree.code in _PAIRS and length % 2:
        raise ValueError("a key without a value")
    return length // 2 if tree.code in _PAIRS else length


def _items_of(tree: Tree) -> Iterator[tuple[Part, ...]]:
    """Yield the items of a container, and of a dict its pairs."""
    children = tree.children()
    if tree.code == _ROWS:
        width = next(children)
        size = width.value if isinstance(width, Plain) else 0
        for _ in range(length_of(tree)):
            row = tuple(islice(children, size))
            yield (Tree(_TUPLE, size, row.__iter__),)
        return
    if tree.code in _WITH_HEADER:
        next(children)
    if tree.code in _PAIRS:
        yield from ((_as_key(key), value) for key, value in zip(children, children, strict=True))
    else:
        yield from ((child,) for child in children)


def _as_key(part: Part) -> Part:
    """Return a key of a dict. Msgpack has an array where the key is a tuple."""
    if not isinstance(part, Tree) or part.code not in (LIST, _TUPLE):
        return part
    return Tree(_TUPLE, part.count, lambda: map(_as_key, part.children()))


def type_of(part: Part) -> str:
    """Name the type of a part."""
    if isinstance(part, Plain):
        return type(part.value).__name__
    if isinstance(part, Leaf):
        return _type_of_leaf(part)
    if part.code in _CONTAINERS:
        return _CONTAINERS[part.code][0]
    return shapes.type_of(part) if part.code in shapes.CODES else classes.name_of(part)


def _type_of_leaf(leaf: Leaf) -> str:
    if leaf.code in (26, 27):
        package = "pathlib" if leaf.code == 26 else "ipaddress"
        return f"{package}.{_name_and_text(leaf)[0]}"
    if leaf.code == arrays.SCALAR:
        return f"numpy.{arrays.scalar_of(leaf)[0]}"
    if leaf.code == 66:
        return "pandas.NaT" if bytes(leaf.data) == b"NaT" else "pandas.NA"
    return _LEAF_TYPES.get(leaf.code) or shapes.type_of(leaf)


def summary_of(part: Part) -> str:
    """Say how much a part holds; nothing where that says nothing."""
    if isinstance(part, Tree) and part.code in _CONTAINERS:
        return safe_text.counted(length_of(part), "item")
    return ""


def buffer_of(leaf: Leaf) -> memoryview:
    """Return the content of large bytes or of a bytearray."""
    return leaf.source.take(leaf.source.message(leaf.data))


def _integer(leaf: Leaf) -> str:
    return str(int.from_bytes(leaf.data, "big", signed=True))


def _decimal(leaf: Leaf) -> str:
    text = str(leaf.data, "ascii")
    if not _DECIMAL.fullmatch(text):
        raise ValueError("not a decimal")
    return f"Decimal('{safe_text.cut(text, _MOST_DIGITS)}')"


def _uuid(leaf: Leaf) -> str:
    return f"UUID('{uuid.UUID(bytes=bytes(leaf.data[:16]))}')"


def _path_or_address(leaf: Leaf) -> str:
    name, text = _name_and_text(leaf)
    return f"{name}({safe_text.quoted(text, _MOST_STRING)})"


def _name_and_text(leaf: Leaf) -> tuple[str, str]:
    name, _, text = str(leaf.data, "utf-8", "surrogatepass").partition(" ")
    if name not in (PATHS if leaf.code == 26 else ADDRESSES):
        raise ValueError("not a class that is carried like this")
    return name, text


def _class(leaf: Leaf) -> str:
    return f"<class {safe_text.name(str(leaf.data, 'utf-8', 'replace'))}: not decoded here>"


def _missing(leaf: Leaf) -> str:
    return {b"NaT": "NaT", b"NA": "<NA>"}[bytes(leaf.data)]


def _named(name: str, write: Callable[[Leaf], str]) -> Callable[[Leaf], str]:
    return lambda leaf: f"{name}({write(leaf)})"


_LEAVES: Final[dict[int, Callable[[Leaf], str]]] = {
    20: _integer,
    23: _decimal,
    24: _uuid,
    26: _path_or_address,
    27: _path_or_address,
    28: _class,
    30: _named("datetime", moments.of_datetime),
    31: _named("date", moments.of_date),
    32: _named("time", moments.of_time),
    33: _named("timedelta", moments.of_timedelta),
    34: _named("tzinfo", moments.of_zone),
    64: _named("Timestamp", moments.of_timestamp),
    65: _named("Timedelta", moments.of_long_duration),
    66: _missing,
}

#: The codes of leaves that are written as text; the others are tables and arrays.
LEAVES: Final = frozenset({*_LEAVES, 21, 22, 25, arrays.SCALAR})
CONTAINERS: Final = frozenset({*_CONTAINERS})
