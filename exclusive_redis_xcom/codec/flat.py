"""The flat form: a program for a stack machine. It carries depths, keys and strings that the fast form cannot hold.

The program is one msgpack array. An item that is not a step is pushed on a stack. A step (extension type 1) holds the
code of a tree and a number of children. It takes its children off the stack and pushes the value they make. `{1: [2]}`
is `1, 2, list(1), dict(2)`. Neither writing nor reading recurses, and both take linear time.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from operator import length_hint
from typing import TYPE_CHECKING, Any

import ormsgpack

from exclusive_redis_xcom.codec.kinds import Bulk, Kind, Leaf, NotCarriedError, Substitute, Tree
from exclusive_redis_xcom.codec.msgpack_reader import read
from exclusive_redis_xcom.codec.nested import OPTIONS
from exclusive_redis_xcom.codec.registry import BY_CODE, LARGE_BYTES, PLAIN, STEP, TEXT, kind_of
from exclusive_redis_xcom.codec.slabs import SMALLEST
from exclusive_redis_xcom.codec.stand_ins import LargeBytes
from exclusive_redis_xcom.errors import XComNotImportable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exclusive_redis_xcom.codec.slabs import Incoming, Outgoing
    from exclusive_redis_xcom.errors import XComNotSerializable
    from exclusive_redis_xcom.memory import Buffer

#: The limit is needed because hashing a tuple recurses in C without any limit. Python's own recursion limit is 1000.
MAX_DEPTH = 2000
#: An object may stand for another one, which stands for another one. A `serialize()` can go on like this for ever.
_MOST_SUBSTITUTES = 100
#: How many steps of a path a message shows.
_MOST_STEPS = 30

_STEP = struct.Struct(">BI")
_MSGPACK_INTS = range(-(2**63) + 1, 2**64)  # without the lowest integer, since ormsgpack 1.9 refuses it
_AS_IT_IS = PLAIN - {int}


@lru_cache(maxsize=1024)
def _step(code: int, count: int) -> ormsgpack.Ext:
    return ormsgpack.Ext(STEP, _STEP.pack(code, count))


class _Frame:
    """A tree whose children are being written now."""

    __slots__ = ("all_children", "children", "code", "count", "owner")

    def __init__(self, owner: Any, kind: Tree, children: list[Any]) -> None:
        self.owner = owner  # keeps the object alive, so that its id() in `open` stays its own
        self.code = kind.code
        self.all_children = children
        self.children: Iterator[Any] = iter(children)
        self.count = len(children)

    @property
    def done(self) -> int:
        """The number of children that were begun."""
        return self.count - length_hint(self.children)


class _FlatWriter:
    """The state of one `pack`."""

    __slots__ = ("frames", "open", "program", "slabs")

    def __init__(self, slabs: Outgoing) -> None:
        self.slabs = slabs
        self.program: list[Any] = []
        self.frames: list[_Frame] = []
        self.open: set[int] = set()  # the ids of the trees that are being written

    def write(self, value: Any) -> list[Any]:
        self._value(value)
        append = self.program.append
        while self.frames:
            frame = self.frames[-1]
            for child in frame.children:
                if type(child) in _AS_IT_IS:
                    append(child)
                elif self._value(child):
                    break  # The child's own children come first. The iterator remembers the position.
            else:
                append(_step(frame.code, frame.count))
                self.open.discard(id(frame.owner))
                self.frames.pop()
        return self.program

    def _value(self, value: Any) -> bool:
        """Write a value. If it has children, open it instead and return True."""
        kind = None if _is_plain(value) else self._kind(value)
        if isinstance(kind, Substitute):
            value, kind = self._carried(value)
        if kind is None:
            self.program.append(value)
            return False
        if isinstance(kind, Tree):
            self._open(value, kind)
            return True
        if isinstance(kind, Leaf):
            self.program.append(ormsgpack.Ext(kind.code, self._try(kind.dump, value)))
        if isinstance(kind, Bulk):
            dump = kind.dump
            self.program.append(ormsgpack.Ext(kind.code, self._try(lambda v: dump(v, self.slabs.put), value)))
        return False

    def _carried(self, value: Any) -> tuple[Any, Kind | None]:
        """Return the value itself, or what it is carried as, with its kind. Msgpack's own types have none."""
        carried = value
        for _ in range(_MOST_SUBSTITUTES):
            if _is_plain(carried):
                return carried, None
            kind = self._kind(carried)
            if not isinstance(kind, Substitute):
                return carried, kind
            carried = self._try(kind.plain, carried)
        raise self._refusal(value, "What its serialize() returns contains itself.")

    def _kind(self, value: Any) -> Kind:
        kind = self._try(kind_of, value)
        if kind is None:
            raise self._refusal(value)
        found: Kind = kind
        return found

    def _open(self, value: Any, kind: Tree) -> None:
        if id(value) in self.open:
            raise self._refusal(value, "It contains itself.", "Push a value without cycles.")
        if len(self.frames) >= MAX_DEPTH:
            raise self._refusal(value, f"It is nested more than {MAX_DEPTH} levels deep.", "Push a flatter value.")
        self.open.add(id(value))
        self.frames.append(_Frame(value, kind, self._try(kind.children, value)))

    def _try(self, function: Any, value: Any) -> Any:
        """Call what may run the author's code. Its exceptions may quote the value, so their texts are not shown."""
        try:
            return function(value)
        except NotCarriedError as problem:
            raise self._refusal(value, problem.why or "It would come back changed.", problem.remedy) from None
        except (MemoryError, XComNotImportable):
            raise
        except Exception as problem:
            why = f"It could not be taken apart ({type(problem).__name__})."
            raise self._refusal(value, why, "Mend its class, or push built-in types.") from None

    def _refusal(self, value: Any, why: str = "", remedy: str = "") -> XComNotSerializable:
        from exclusive_redis_xcom.codec.paths import path_of
        from exclusive_redis_xcom.codec.refusals import refusal

        parts = [(frame.code, (frame.owner, frame.all_children, frame.done - 1)) for frame in self.frames]
        return refusal(value, path_of(parts[:_MOST_STEPS]), why, remedy)


def _is_plain(value: Any) -> bool:
    return type(value) in PLAIN and (type(value) is not int or value in _MSGPACK_INTS)


def pack(value: Any, slabs: Outgoing) -> bytes:
    """Write the flat form of a value. Its large buffers go to `slabs`.

    Raises:
        XComNotSerializable: Something in the value cannot be carried. The text gives its position and type.
    """
    program = [_without_large_bytes(item, slabs) for item in _FlatWriter(slabs).write(value)]
    try:
        return ormsgpack.packb(program, option=OPTIONS)
    except TypeError:  # A text has a lone surrogate. That is rare, so the search begins only now.
        return ormsgpack.packb([_with_surrogates(item) for item in program], option=OPTIONS)


def _without_large_bytes(item: Any, slabs: Outgoing) -> Any:
    if type(item) is not bytes or len(item) < SMALLEST:
        return item
    return ormsgpack.Ext(LARGE_BYTES.code, LARGE_BYTES.dump(LargeBytes(item), slabs.put))


def _with_surrogates(item: Any) -> Any:
    return item if type(item) is not str or _encodes(item) else ormsgpack.Ext(TEXT.code, TEXT.dump(item))


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class _Step:
    """A step of a program."""

    __slots__ = ("count", "kind")

    def __init__(self, data: bytes) -> None:
        code, self.count = _STEP.unpack(data)
        self.kind = BY_CODE[code]


class _FlatReader:
    """The state of one `unpack`. It keeps the first problem, since ormsgpack hides exceptions of its hooks."""

    __slots__ = ("problem", "slabs")

    def __init__(self, slabs: Incoming) -> None:
        self.slabs = slabs
        self.problem: BaseException | None = None

    def hook(self, code: int, data: bytes) -> Any:
        try:
            if code == STEP:
                return _Step(data)
            kind = BY_CODE[code]
            if isinstance(kind, Tree):
                raise ValueError("a tree in the flat form")
            return kind.load(data, self.slabs.take) if isinstance(kind, Bulk) else kind.load(data)
        except BaseException as problem:
            self.problem = self.problem or problem
            raise


def unpack(data: Buffer, slabs: Incoming) -> Any:
    """Reverse `pack`. Raises any Exception for data that `pack` did not write."""
    reader = _FlatReader(slabs)
    try:
        program = read(data, reader.hook)
    except Exception:
        if reader.problem is not None:
            raise reader.problem from None
        raise
    if type(program) is not list:
        raise ValueError("not a program")
    return _run(program)


def _run(program: list[Any]) -> Any:
    stack: list[Any] = []
    depths: list[int] = []
    for item in program:
        if type(item) is not _Step:
            if type(item) in (list, dict):
                raise ValueError("a container in the flat form")
            stack.append(item)
            depths.append(0)
            continue
        start = len(stack) - item.count
        if start < 0 or not isinstance(item.kind, Tree):
            raise ValueError("not a step")
        depth = 1 + max(depths[start:], default=0)
        if depth > MAX_DEPTH:
            raise ValueError("nested too deeply")
        value = item.kind.build(stack[start:])
        del stack[start:], depths[start:]
        stack.append(value)
        depths.append(depth)
    (value,) = stack
    return value
