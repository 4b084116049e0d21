"""The fast form: ormsgpack walks the value, and asks us only about what msgpack does not know.

ormsgpack changes some things without a word or cannot hold them: ``bytearray`` (would come back as bytes),
dict keys other than ``str``, lone surrogates, more than 255 levels. For these the caller falls back to the
flat form (``flat.py``).
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import ormsgpack

from exclusive_redis_xcom.codec.errors import NotCarriedError
from exclusive_redis_xcom.codec.kinds import Bulk, Kind, Leaf, Substitute, Tree
from exclusive_redis_xcom.codec.registry import BY_CODE, kind_of
from exclusive_redis_xcom.codec.wire import read

if TYPE_CHECKING:
    from exclusive_redis_xcom.buffers import Buffer
    from exclusive_redis_xcom.codec.slabs import Incoming, Outgoing

#: Trees within trees. ormsgpack reads up to 1022 levels of arrays on the C stack, about 400 bytes each, in
#: every tree anew: eight are 3.6 MB of the usual 8 MB. Deeper values take the flat form.
MAX_NESTING = 8

# All that ormsgpack would convert by itself, and not back.
OPTIONS = (
    ormsgpack.OPT_PASSTHROUGH_BIG_INT
    | ormsgpack.OPT_PASSTHROUGH_DATACLASS
    | ormsgpack.OPT_PASSTHROUGH_DATETIME
    | ormsgpack.OPT_PASSTHROUGH_ENUM
    | ormsgpack.OPT_PASSTHROUGH_SUBCLASS
    | ormsgpack.OPT_PASSTHROUGH_TUPLE
    | ormsgpack.OPT_PASSTHROUGH_UUID
)
_OPEN = frozenset({list, dict})
_CHANGED = frozenset({bytearray, memoryview})


class NeedsFlatForm(Exception):  # noqa: N818 - a signal within this package
    """The fast form cannot hold this value."""


class _Writer:
    """State of one ``pack``: how deep, and what went wrong (ormsgpack swallows exceptions of its hooks)."""

    __slots__ = ("depth", "problem", "slabs")

    def __init__(self, slabs: Outgoing) -> None:
        self.slabs = slabs
        self.depth = 0
        self.problem: BaseException | None = None

    def pack(self, value: Any) -> bytes:
        data = ormsgpack.packb(value, default=self.hook, option=OPTIONS)
        if (b"\xc4" in data or b"\xc5" in data or b"\xc6" in data) and _would_change(value):  # headers of bytes
            raise NeedsFlatForm
        return data

    def hook(self, value: Any) -> Any:
        try:
            kind = kind_of(value)
            if type(kind) is Tree:
                # In line, not in a method: results of SQL queries are lists of many small tuples.
                self.depth += 1
                if self.depth > MAX_NESTING:
                    raise NeedsFlatForm
                data = self.pack(kind.children(value))
                self.depth -= 1
                return ormsgpack.Ext(kind.code, data)
            return self._without_children(value, kind)
        except BaseException as problem:
            self.problem = self.problem or problem
            raise

    def _without_children(self, value: Any, kind: Kind | None) -> Any:
        if isinstance(kind, Leaf):
            return ormsgpack.Ext(kind.code, kind.dump(value))
        if isinstance(kind, Bulk):
            return ormsgpack.Ext(kind.code, kind.dump(value, self.slabs.put))
        if isinstance(kind, Substitute):
            return kind.plain(value)
        raise NotCarriedError


def _would_change(value: Any) -> bool:
    """Whether lists and dicts hold a ``bytearray`` or ``memoryview``. Level by level, to stay in C."""
    level = [value]
    while level:
        types = set(map(type, level))
        if types & _CHANGED:
            return True
        # What lists and dicts refer to is their items, keys and values, and nothing else.
        level = gc.get_referents(*[item for item in level if type(item) in _OPEN]) if types & _OPEN else []
    return False


def pack(value: Any, slabs: Outgoing) -> bytes:
    """The fast form of a value; its large buffers go to ``slabs``.

    Raises:
        Exception: any; the flat form either carries the value or says what is wrong.
    """
    writer = _Writer(slabs)
    try:
        return writer.pack(value)
    except Exception:
        if writer.problem is not None:
            raise writer.problem from None
        raise


class _Reader:
    """State of one ``unpack``, as with :class:`_Writer`."""

    __slots__ = ("depth", "problem", "slabs")

    def __init__(self, slabs: Incoming) -> None:
        self.slabs = slabs
        self.depth = 0
        self.problem: BaseException | None = None

    def hook(self, code: int, data: bytes) -> Any:
        try:
            kind = BY_CODE[code]
            if isinstance(kind, Leaf):
                return kind.load(data)
            if isinstance(kind, Bulk):
                return kind.load(data, self.slabs.take)
            self.depth += 1
            if self.depth > MAX_NESTING:
                raise ValueError("nested too deeply")
            children = read(data, self.hook)
            self.depth -= 1
            if type(children) is not list:
                raise ValueError("a tree without children")
            return kind.build(children)
        except BaseException as problem:
            self.problem = self.problem or problem
            raise


def unpack(data: Buffer, slabs: Incoming) -> Any:
    """The inverse of :func:`pack`; any Exception for data that ``pack`` did not write."""
    reader = _Reader(slabs)
    try:
        return read(data, reader.hook)
    except Exception:
        if reader.problem is not None:
            raise reader.problem from None
        raise
