"""Results of a mapped task that differ in nothing that decides about a pull, read as columns.

Most pulls of a thousand results have a thousand small values under one rule, from one build of this package. The usual
way makes several objects of each, and asks the same questions about each. This way asks them once. It takes nothing
that the usual way would not take. Where anything is special, it gives up, and the usual way reads the same replies.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, NamedTuple, overload

from exclusive_redis_xcom.errors import CorruptValue
from exclusive_redis_xcom.formats import compact_envelope, digests
from exclusive_redis_xcom.store.reading import read
from exclusive_redis_xcom.store.values import Alike, Stored, at_index

if TYPE_CHECKING:
    from exclusive_redis_xcom.model import Coordinate

#: Of a larger value, its own time counts. The payloads are copies, and must not take much memory beside the replies.
_MOST_BYTES = 8 * 1024


class Batch(NamedTuple):
    """What one command has fetched: some results of a mapped task.

    Attributes:
        at: The XCom, with any map_index.
        indexes: The map indexes that were asked for.
        reply: The reply. It is not trusted.
    """

    at: Coordinate
    indexes: Sequence[int]
    reply: Any

    def __repr__(self) -> str:
        return f"<reply about {len(self.indexes)} results of {self.at}>"

    @classmethod
    def of(cls, at: Coordinate, indexes: Sequence[int], reply: Any, *, with_rules: bool = True) -> Batch:
        """Make a batch of a reply; `with_rules` is as for the command. Results that no rule was asked for have none."""
        if not with_rules and type(reply) is list:
            reply = [*reply[:2], *chain.from_iterable(zip(reply[2:], repeat(None)))]
        return cls(at, indexes, reply)

    def stored(self) -> list[Stored]:
        """Read the reply in the usual way.

        Raises:
            CorruptValue: As for `reading.read`.
        """
        return read([at_index(self.at, index) for index in self.indexes], self.reply)


class Unread(Sequence[Stored]):
    """What is stored for the results of batches. The replies are read in the usual way once that is asked for.

    Args:
        batches: Batches of results that are all alike, so that reading them raises nothing.
    """

    def __init__(self, batches: Sequence[Batch]) -> None:
        self._batches = batches
        self._read: list[Stored] = []

    def __len__(self) -> int:
        return sum(len(batch.indexes) for batch in self._batches)

    @overload
    def __getitem__(self, i: int) -> Stored: ...

    @overload
    def __getitem__(self, i: slice) -> list[Stored]: ...

    def __getitem__(self, i: int | slice) -> Stored | list[Stored]:
        if not self._read:
            self._read = [stored for batch in self._batches for stored in batch.stored()]
        return self._read[i]


def all_alike(batches: Sequence[Batch]) -> tuple[Alike, ...] | None:
    """Return the results of all batches; None if a batch has results that are not alike, or not there."""
    found = []
    for batch in batches:
        alike = _alike(batch)
        if alike is None:
            return None
        found.append(alike)
    return tuple(found)


def _alike(batch: Batch) -> Alike | None:
    at, indexes, reply = batch
    if type(reply) is not list or len(reply) != 2 * len(indexes) + 2:
        return None
    values, own_rules = reply[2::2], reply[3::2]
    is_there = set(map(type, values)) == {bytes} and max(map(len, values)) <= _MOST_BYTES
    if not is_there or own_rules.count(own_rules[0]) < len(indexes):
        return None
    columns = compact_envelope.unpack_alike(values)
    if columns is None or columns.places != digests.places_of(at, indexes):
        return None
    try:
        # Python knows the first and the last time. So it knows all others.
        oldest, _ = (_one(batch, columns.pushed.index(pushed)) for pushed in (min(columns.pushed), max(columns.pushed)))
    except CorruptValue:
        return None
    if oldest.envelope is None:
        return None
    versions, _, _, hows, decoded_sizes, payloads = columns
    return Alike(at, indexes, oldest, oldest.envelope, versions, hows, decoded_sizes, payloads)


def _one(batch: Batch, i: int) -> Stored:
    """Read one result in the usual way."""
    reply = [*batch.reply[:2], *batch.reply[2 + 2 * i : 4 + 2 * i]]
    return Batch(batch.at, batch.indexes[i : i + 1], reply).stored()[0]
