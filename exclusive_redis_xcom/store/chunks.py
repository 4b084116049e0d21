"""Read the results of a mapped task in chunks, from a map_index on, without asking Airflow's database.

The proof is that of `every.py`, and each chunk makes it anew. The marks of the chunk say that its results are current.
The field `complete` says that the database has no row without a mark, so it has none where a mark is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from exclusive_redis_xcom.errors import CorruptValue
from exclusive_redis_xcom.formats.mark import completed
from exclusive_redis_xcom.model import NOT_MAPPED
from exclusive_redis_xcom.store import every
from exclusive_redis_xcom.store.current import ask_once, current_of
from exclusive_redis_xcom.store.epoch import asking_epoch, epoch_of
from exclusive_redis_xcom.store.keyspace import misanswered, what
from exclusive_redis_xcom.store.reading import read, reading_command
from exclusive_redis_xcom.store.values import at_index

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exclusive_redis_xcom.connection.session import Command
    from exclusive_redis_xcom.formats.mark import Mark
    from exclusive_redis_xcom.model import Coordinate
    from exclusive_redis_xcom.store.every import Extent
    from exclusive_redis_xcom.store.keyspace import Keyspace
    from exclusive_redis_xcom.store.values import Current


class Chunk(NamedTuple):
    """Some results in the order of their map_indexes, with none left out between them.

    Attributes:
        current: The results; None if there are none from the wanted map_index on.
        is_last: Whether no result follows.
    """

    current: Current | None
    is_last: bool


class _Found(NamedTuple):
    """The marks of a chunk by their map_index, and whether no mark follows."""

    marks: dict[int, Mark]
    is_last: bool


def fetch_chunk(
    keyspace: Keyspace, first: Coordinate, most: int, most_bytes: int, asides: Sequence[tuple[str, Command]] = ()
) -> Chunk | None:
    """See `Store.fetch_chunk`."""
    try:
        return _fetch(keyspace, first, most, most_bytes, asides)
    except CorruptValue:
        # The connection may be one reply behind. It must not answer the next question.
        keyspace.client.drop()
        raise


def _fetch(
    keyspace: Keyspace, first: Coordinate, most: int, most_bytes: int, asides: Sequence[tuple[str, Command]]
) -> Chunk | None:
    name, start = keyspace.hash_of(first), first.map_index
    # A row without a map_index would come first. One more mark than is wanted tells whether the chunk is the last.
    indexes = (NOT_MAPPED, *range(start, start + most + 1))
    calls = [*every.asking_extent(name), (name, every.asking_marks(name, indexes)), *asking_epoch(keyspace)]
    *replies, texts, held, time = ask_once(keyspace, f"Asking for {first}", calls, asides)
    if not isinstance(texts, list) or len(texts) != len(indexes):
        raise misanswered(first)
    epoch, extent = epoch_of(held, time), every.extent_of(replies, first)
    if epoch is None or extent is None or not epoch.covers(int(extent.complete)) or texts[0] is not None:
        return None
    found = _found(keyspace, first, texts[1:], extent)
    if found is None:
        return None
    marks = _bounded(found.marks, most, most_bytes)
    coordinates = [at_index(first, index) for index in marks]
    reading = [(name, reading_command(name, marks))] if marks else []
    calls = [*reading, *every.asking_extent(name), *asking_epoch(keyspace)]
    *values, fields, complete, held, time = ask_once(keyspace, what("Fetching", coordinates or [first]), calls)
    epoch = epoch_of(held, time)
    unchanged = every.extent_of((fields, complete), first) == extent
    if epoch is None or not epoch.covers(int(extent.complete)) or not unchanged:
        return None
    is_last = found.is_last and len(marks) == len(found.marks)
    if not marks:
        return Chunk(None, is_last)
    current = current_of(list(marks.values()), read(coordinates, values[0]), epoch)
    return None if current is None else Chunk(current, is_last)


def _found(keyspace: Keyspace, first: Coordinate, texts: Sequence[bytes | None], extent: Extent) -> _Found | None:
    """Return the marks from the wanted map_index on, up to one that is not completed; None where Airflow must be asked.

    Args:
        keyspace: Where to ask for all marks, if those at hand may be the last ones.
        first: The first coordinate that is wanted.
        texts: The marks from there on.
        extent: The extent of the hash. They were read together.
    """
    marks: dict[int, Mark] = {}
    for index, text in enumerate(texts, first.map_index):
        if text is not None:
            mark = completed(text)
            if mark is None:
                return _Found(marks, is_last=False) if marks else None
            marks[index] = mark
    if texts[-1] is not None:
        return _Found(marks, is_last=False)
    if first.map_index == 0 and every.holds_only(marks.values(), extent):
        return _Found(marks, is_last=True)
    everything = every.all_marks(keyspace, first, extent)
    if everything is None:
        return _Found(marks, is_last=False) if marks else None
    return _Found({i: mark for i, mark in everything.items() if i >= first.map_index}, is_last=True)


def _bounded(marks: dict[int, Mark], most: int, most_bytes: int) -> dict[int, Mark]:
    """Return the first marks: at most so many, of values with at most so many bytes. A larger first one is alone."""
    chosen: dict[int, Mark] = {}
    size = 0
    for index, mark in marks.items():
        size += mark.size
        if len(chosen) == most or (chosen and size > most_bytes):
            break
        chosen[index] = mark
    return chosen
