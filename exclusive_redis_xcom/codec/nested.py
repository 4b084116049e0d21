"""The fast form: ormsgpack walks the value, and calls our hook only for types that msgpack does not know.

ormsgpack changes some things without an error: a `bytearray` would come back as bytes. Others it cannot hold: dict keys
such as dates, lone surrogates, more than 255 levels. For all these, the caller uses the flat form (`flat.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ormsgpack

from exclusive_redis_xcom.codec.bytes_in_message import may_hold_bytes
from exclusive_redis_xcom.codec.kinds import Bulk, Kind, Leaf, NotCarriedError, Substitute, Tree
from exclusive_redis_xcom.codec.msgpack_reader import read
from exclusive_redis_xcom.codec.registry import BY_CODE, kind_of
from exclusive_redis_xcom.codec.round_trip import comes_back
from exclusive_redis_xcom.codec.stand_ins import with_stand_ins

if TYPE_CHECKING:
    from exclusive_redis_xcom.codec.slabs import Incoming, Outgoing
    from exclusive_redis_xcom.memory import Buffer

#: The most trees within trees. In every tree, ormsgpack reads up to 1022 levels of arrays on the C stack, about 400
#: bytes each. Eight trees are 3.6 MB of the usual 8 MB. Deeper values get the flat form.
MAX_NESTING = 8

# Types that ormsgpack would convert by itself, and would not convert back.
OPTIONS = (
    ormsgpack.OPT_PASSTHROUGH_BIG_INT
    | ormsgpack.OPT_PASSTHROUGH_DATACLASS
    | ormsgpack.OPT_PASSTHROUGH_DATETIME
    | ormsgpack.OPT_PASSTHROUGH_ENUM
    | ormsgpack.OPT_PASSTHROUGH_SUBCLASS
    | ormsgpack.OPT_PASSTHROUGH_TUPLE
    | ormsgpack.OPT_PASSTHROUGH_UUID
)
_CONTAINERS = frozenset({list, dict})


class NeedsFlatForm(Exception):  # noqa: N818 - a signal within this package
    """The fast form cannot hold this value."""


class _NestedWriter:
    """The state of one `pack`: the depth and the first problem, since ormsgpack hides exceptions of its hooks."""

    __slots__ = ("depth", "problem", "slabs", "substitutes")

    def __init__(self, slabs: Outgoing) -> None:
        self.slabs = slabs
        self.substitutes: list[Any] = []  # lists and dicts that ormsgpack packs in the place of other objects
        self.depth = 0
        self.problem: BaseException | None = None

    def pack(self, value: Any) -> bytes:
        if type(value) in _CONTAINERS:
            value = with_stand_ins(value)
        placed, substituted = len(self.slabs.slabs), len(self.substitutes)
        try:
            data = ormsgpack.packb(value, default=self.hook, option=OPTIONS)
        except TypeError:
            if self.problem is not None:
                raise
            # There are keys other than str, or something that needs the flat form. The next attempt shows which.
            del self.slabs.slabs[placed:], self.substitutes[substituted:]
            data = ormsgpack.packb(value, default=self.hook, option=OPTIONS | ormsgpack.OPT_NON_STR_KEYS)
            unchanged = comes_back(self._packed(value, substituted), any_keys=True)
        else:
            with_bytes = (b"\xc4" in data or b"\xc5" in data or b"\xc6" in data) and may_hold_bytes(data)
            unchanged = not with_bytes or comes_back(self._packed(value, substituted), any_keys=False)
        if not unchanged:
            raise NeedsFlatForm
        return data

    def _packed(self, value: Any, substituted: int) -> Any:
        """Return all that the last call of ormsgpack has packed: the value, and the substitutes of objects in it."""
        if len(self.substitutes) == substituted:
            return value
        packed = [value, *self.substitutes[substituted:]]
        del self.substitutes[substituted:]
        return packed

    def hook(self, value: Any) -> Any:
        try:
            kind = kind_of(value)
            if type(kind) is Leaf:
                return ormsgpack.Ext(kind.code, kind.dump(value))
            if type(kind) is Tree:
                # This code is in line, not in a method, because there may be many small tuples.
                self.depth += 1
                if self.depth > MAX_NESTING:
                    raise NeedsFlatForm
                data = self.pack(kind.children(value))
                self.depth -= 1
                return ormsgpack.Ext(kind.code, data)
            return self._other(value, kind)
        except BaseException as problem:
            self.problem = self.problem or problem
            raise

    def _other(self, value: Any, kind: Kind | None) -> Any:
        if isinstance(kind, Bulk):
            return ormsgpack.Ext(kind.code, kind.dump(value, self.slabs.put))
        if isinstance(kind, Substitute):
            plain = kind.plain(value)
            if type(plain) in _CONTAINERS:
                self.substitutes.append(plain)
            return plain
        raise NotCarriedError


def pack(value: Any, slabs: Outgoing) -> bytes:
    """Write the fast form of a value. Its large buffers go to `slabs`.

    Raises:
        Exception: The fast form cannot hold the value. The flat form carries the value or says what is wrong.
    """
    writer = _NestedWriter(slabs)
    try:
        return writer.pack(value)
    except Exception:
        if writer.problem is not None:
            raise writer.problem from None
        raise


class _NestedReader:
    """The state of one `unpack`, as in `_NestedWriter`."""

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
    """Reverse `pack`. Raises any Exception for data that `pack` did not write."""
    reader = _NestedReader(slabs)
    try:
        return read(data, reader.hook)
    except Exception:
        if reader.problem is not None:
            raise reader.problem from None
        raise
