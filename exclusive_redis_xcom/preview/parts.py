"""The neutral parts of a value: plain values, leaves and trees, read from either form of the codec.

Nothing is built that the bytes could make large. A tree reads its children while somebody asks for them. So the bytes
behind the last part that is shown cost nothing.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeAlias, Union

from exclusive_redis_xcom.codec.slabs import split
from exclusive_redis_xcom.preview.structure import NotShownError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from exclusive_redis_xcom.codec.slabs import Incoming
    from exclusive_redis_xcom.memory import Buffer

#: The codes of trees (`codec/registry.py`). Msgpack's own arrays and maps are read as the trees that they stand for.
TREES: Final = frozenset({*range(10, 20), *range(40, 48), 52, 53, *range(60, 64)})
LIST: Final = 18
DICT: Final = 13

_STEP: Final = 1
_STEP_FORM: Final = struct.Struct(">BI")
#: So many parts are looked at or stepped over in all. That takes about a second.
_MOST_WORK: Final = 2_000_000
#: Reading so many bytes of a buffer takes as long as stepping over a part.
_BYTES_OF_WORK: Final = 128
#: A program of the flat form is read as a whole, so it may have so many items.
_MOST_ITEMS: Final = 200_000
_MOST_DEPTH: Final = 2000  # as `codec/flat.py` writes


@dataclass(frozen=True, slots=True)
class Plain:
    """None, or a bool, int, float, str or bytes."""

    value: Any


@dataclass(frozen=True, slots=True)
class Leaf:
    """A part without children. `source` has the slabs that it may name."""

    code: int
    data: memoryview
    source: Source = field(repr=False)


@dataclass(frozen=True, slots=True)
class Tree:
    """A part made of others. A dict has its keys and values in turn."""

    code: int
    count: int
    children: Callable[[], Iterator[Part]] = field(repr=False)

    def first(self, most: int) -> list[Part]:
        """Return the first children, at most so many."""
        return list(islice(self.children(), most))


Part: TypeAlias = Union[Plain, Leaf, Tree]  # noqa: UP007 - evaluated at import


class Source:
    """The bytes of one value, and how much was done to read them.

    Args:
        incoming: The slabs next to the message.
    """

    def __init__(self, incoming: Incoming | None = None) -> None:
        self._incoming = incoming
        self._taken: dict[int, memoryview] = {}
        self._work = _MOST_WORK
        #: What was read from buffers, by the part that stands for the buffer. Many parts may name one slab.
        self.remembered: dict[object, Any] = {}

    def spend(self, work: int = 1) -> None:
        """Count work that was done."""
        self._work -= work
        if self._work < 0:
            raise NotShownError("The value has too many parts to be shown.")

    def take(self, placed: Part) -> memoryview:
        """Return the buffer that a part stands for: its own bytes, or a slab."""
        number = placed.value if isinstance(placed, Plain) else None
        if type(number) is bytes:
            return memoryview(number)
        if type(number) is not int or self._incoming is None:
            raise ValueError("not a buffer")
        if number not in self._taken:
            self._taken[number] = memoryview(self._incoming.take(number))
        taken = self._taken[number]
        self.spend(1 + len(taken) // _BYTES_OF_WORK)  # many parts may name one slab, and each may read all of it
        return taken

    def message(self, data: memoryview) -> Part:
        """Read one msgpack message."""
        return _Reader(data, self).part(0)


def read(payload: Buffer, codec: str) -> Part:
    """Read a decompressed payload of the codec `msgpack`, `flat` or `slabs`.

    Raises:
        Exception: The bytes are not such a payload.
    """
    view, source, form = memoryview(payload).toreadonly(), Source(), codec
    if codec == "slabs":
        number, view, incoming = split(view)
        source, form = Source(incoming), {0: "msgpack", 1: "flat"}[number]
    return source.message(view) if form == "msgpack" else _run(_Reader(view, source))


class _Reader:
    """Reads msgpack at any place of a message.

    https://github.com/msgpack/msgpack/blob/master/spec.md
    """

    __slots__ = ("data", "source")

    def __init__(self, data: memoryview, source: Source) -> None:
        self.data = data
        self.source = source

    def part(self, at: int) -> Part:
        """Return the part that begins at a place."""
        self.source.spend()
        form, start, size = self._head(at)
        if form == "plain":
            return Plain(_plain(self.data, at, start))
        if form == "array":
            return Tree(LIST, size, lambda: self._parts(start, size))
        if form == "map":
            return Tree(DICT, 2 * size, lambda: self._parts(start, 2 * size))
        content = self._cut(start, size)
        if form == "str":
            return Plain(str(content, "utf-8"))
        return Plain(bytes(content)) if form == "bin" else self._extension(self.data[start - 1], content)

    def _extension(self, code: int, content: memoryview) -> Part:
        if code not in TREES:
            return Leaf(code, content, self.source)
        children = self.source.message(content)
        if not isinstance(children, Tree) or children.code != LIST:
            raise ValueError("a tree without children")
        return Tree(code, children.count, children.children)

    def after(self, at: int) -> int:
        """Return the place after the part that begins at a place."""
        waiting, steps = 1, 0
        head, length = self._head, len(self.data)
        while waiting:
            form, at, size = head(at)
            waiting -= 1
            steps += 1
            if form == "array":
                waiting += size
            elif form == "map":
                waiting += 2 * size
            else:
                at += size
            if at > length or waiting > length - at:
                raise ValueError("a part beyond the message")
            if steps & 1023 == 0:
                self.source.spend(1024)
        self.source.spend(steps & 1023)
        return at

    def places(self, at: int, count: int) -> Iterator[int]:
        """Yield where each of some parts begins."""
        for number in range(count):
            yield at
            if number + 1 < count:
                at = self.after(at)

    def _parts(self, at: int, count: int) -> Iterator[Part]:
        return map(self.part, self.places(at, count))

    def _cut(self, start: int, size: int) -> memoryview:
        if start + size > len(self.data):
            raise ValueError("a part beyond the message")
        return self.data[start : start + size]

    def _head(self, at: int) -> tuple[str, int, int]:
        """Return the form of a part, where its content begins, and how much of it there is."""
        first = self.data[at]
        if first <= 0x7F or first >= 0xE0:
            return "plain", at + 1, 0
        if first <= 0x8F:
            return "map", at + 1, first & 0x0F
        if first <= 0x9F:
            return "array", at + 1, first & 0x0F
        if first <= 0xBF:
            return "str", at + 1, first & 0x1F
        form, width, extra = _FORMS[first]
        start = at + 1 + width + extra
        if start > len(self.data):
            raise ValueError("a part beyond the message")
        if form == "plain":
            return form, start, 0
        size = int.from_bytes(self.data[at + 1 : at + 1 + width], "big") if width else 1 << (first - 0xD4)
        return form, start, size


#: By the first byte: the form, the bytes of the length (of a plain value: of the value), and bytes after that.
_FORMS: Final[dict[int, tuple[str, int, int]]] = {
    **dict.fromkeys((0xC0, 0xC2, 0xC3), ("plain", 0, 0)),
    **{0xC4 + n: ("bin", 1 << n, 0) for n in range(3)},
    **{0xC7 + n: ("ext", 1 << n, 1) for n in range(3)},
    **{0xCA: ("plain", 4, 0), 0xCB: ("plain", 8, 0)},
    **{0xCC + n: ("plain", 1 << n, 0) for n in range(4)},
    **{0xD0 + n: ("plain", 1 << n, 0) for n in range(4)},
    **{0xD4 + n: ("ext", 0, 1) for n in range(5)},
    **{0xD9 + n: ("str", 1 << n, 0) for n in range(3)},
    **{0xDC + n: ("array", 2 << n, 0) for n in range(2)},
    **{0xDE + n: ("map", 2 << n, 0) for n in range(2)},
}
_NAMED: Final = {0xC0: None, 0xC2: False, 0xC3: True}
_FLOATS: Final = {0xCA: struct.Struct(">f"), 0xCB: struct.Struct(">d")}


def _plain(data: memoryview, at: int, end: int) -> Any:
    first = data[at]
    if first <= 0x7F:
        return first
    if first >= 0xE0:
        return first - 0x100
    if first in _NAMED:
        return _NAMED[first]
    if first in _FLOATS:
        return _FLOATS[first].unpack(data[at + 1 : end])[0]
    return int.from_bytes(data[at + 1 : end], "big", signed=first >= 0xD0)


def _run(reader: _Reader) -> Part:
    """Read a program of the flat form (`codec/flat.py`). Each tree keeps its children."""
    program = reader.part(0)
    if not isinstance(program, Tree) or program.code != LIST:
        raise ValueError("not a program")
    if program.count > _MOST_ITEMS:
        raise NotShownError("The value has too many parts to be shown.")
    stack: list[Part] = []
    depths: list[int] = []
    for item in program.children():
        if isinstance(item, Tree):
            raise ValueError("a container in the flat form")
        if isinstance(item, Plain) or item.code != _STEP:
            stack.append(item)
            depths.append(0)
            continue
        code, count = _STEP_FORM.unpack(item.data)
        start = len(stack) - count
        if start < 0 or code not in TREES:
            raise ValueError("not a step")
        depth = 1 + max(depths[start:], default=0)
        if depth > _MOST_DEPTH:
            raise ValueError("nested too deeply")
        children = tuple(stack[start:])
        del stack[start:], depths[start:]
        stack.append(Tree(code, count, children.__iter__))
        depths.append(depth)
    (part,) = stack
    return part
