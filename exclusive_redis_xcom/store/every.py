"""Read all results of a mapped task that Airflow's database refers to, without asking the database.

The mark of each result says that it is current (`current.py`). The field `complete` says that there are no others.
It names a time. Since then, the hash has had a mark for every row of the key, completed or not; see `Store.commit`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from exclusive_redis_xcom.errors import CorruptValue
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.store.current import ask_once, current_of, mark_of
from exclusive_redis_xcom.store.epoch import asking_epoch, epoch_of
from exclusive_redis_xcom.store.keyspace import misanswered, what
from exclusive_redis_xcom.store.reading import batches, read, reading_command

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from exclusive_redis_xcom.connection.session import Command
    from exclusive_redis_xcom.store.current import Mark
    from exclusive_redis_xcom.store.keyspace import Keyspace
    from exclusive_redis_xcom.store.values import Current, Stored

#: A hash has two fields besides those of values: `acl` and `complete`. A value has three: itself, its rule, its mark.
#: A value has a fourth if its mark says that it is described.
_OF_HASH, _OF_VALUE = 2, 3
_BATCH_MARKS = 1_024


class Extent(NamedTuple):
    """How many fields there are, and what `complete` holds. While both stay the same, no result came or went."""

    fields: int
    complete: bytes


def fetch_every(keyspace: Keyspace, first: Coordinate, asides: Sequence[tuple[str, Command]] = ()) -> Current | None:
    """See `Store.fetch_every`. The marks are read before the values, because they tell how large the values are."""
    try:
        return _fetch(keyspace, first, asides)
    except CorruptValue:
        # The connection may be one reply behind. It must not answer the next question.
        keyspace.client.drop()
        raise


def _fetch(keyspace: Keyspace, first: Coordinate, asides: Sequence[tuple[str, Command]]) -> Current | None:
    name = keyspace.hash_of(first)
    calls = [*asking_extent(name), *asking_epoch(keyspace)]
    *replies, held, time = ask_once(keyspace, f"Asking for {first}", calls, asides)
    epoch, extent = epoch_of(held, time), extent_of(replies, first)
    if epoch is None or extent is None or not epoch.covers(int(extent.complete)):
        return None
    found = all_marks(keyspace, first, extent)
    if not found:
        return None
    coordinates, marks = [at_index(first, index) for index in found], list(found.values())
    stored: list[Stored] = []
    for start, end in batches(mark.size for mark in marks):
        batch = coordinates[start:end]
        calls = [(name, reading_command(name, batch)), *asking_extent(name), *asking_epoch(keyspace)]
        values, *replies, held, time = ask_once(keyspace, what("Fetching", batch), calls)
        stored += read(batch, values)
    epoch = epoch_of(held, time)
    # A result that lacks one of its three fields is refused. A push writes a description together with the mark that
    # speaks of it, and nothing removes it before the mark. So if there are still as many fields, these are all.
    if epoch is None or not epoch.covers(int(extent.complete)) or extent_of(replies, first) != extent:
        return None
    return current_of(marks, stored, epoch)


def all_marks(keyspace: Keyspace, first: Coordinate, extent: Extent) -> dict[int, Mark] | None:
    """Return the marks of all results by their map_index, in this order; None where Airflow must be asked.

    Instances that were skipped or have failed leave gaps. The number of fields tells whether a mark was overlooked. The
    hash must hold results only, each in one field, and all marks must be completed.
    """
    found: dict[int, Mark] = {}
    fields, start, stop = _OF_HASH, 0, min((extent.fields - _OF_HASH) // _OF_VALUE, _BATCH_MARKS)
    while fields < extent.fields:
        texts = marks_between(keyspace, first, start, stop)
        marks = {index: mark_of(text) for index, text in enumerate(texts, start) if text is not None}
        for index, mark in marks.items():
            if mark is None:
                return None
            found[index] = mark
            fields += fields_of(mark)
        if not marks and stop - start == _BATCH_MARKS:
            break  # a longer gap is not searched for
        start, stop = stop, stop + _BATCH_MARKS
    return found if found and fields == extent.fields else None


def marks_between(keyspace: Keyspace, first: Coordinate, start: int, stop: int) -> list[Any]:
    """Return the texts of the marks of these map_indexes; None where there is no mark."""
    name = keyspace.hash_of(first)
    asked = [at_index(first, start), at_index(first, stop - 1)] if stop - start > 1 else [at_index(first, start)]
    calls = [(name, asking_marks(name, range(start, stop)))]
    (texts,) = ask_once(keyspace, what("Asking for", asked), calls)
    if not isinstance(texts, list) or len(texts) != stop - start:
        raise misanswered(asked[0])
    return texts


def asking_marks(name: str, indexes: Iterable[int]) -> Command:
    """Return the command that asks for the marks of map_indexes."""
    return ("HMGET", name, *(redis_names.committed_name(index) for index in indexes))


def at_index(first: Coordinate, map_index: int) -> Coordinate:
    """Return the coordinate of another result of the same key."""
    return Coordinate(first.dag_id, first.run_id, first.task_id, first.key, map_index)


def fields_of(mark: Mark) -> int:
    """Return how many fields the hash has for a result whose value lies in one field."""
    return _OF_VALUE + mark.described


def holds_only(marks: Iterable[Mark], extent: Extent) -> bool:
    """Tell whether the hash has no other results than these."""
    return extent.fields == _OF_HASH + sum(map(fields_of, marks))


def asking_extent(name: str) -> tuple[tuple[str, Command], tuple[str, Command]]:
    """Return the commands whose replies `extent_of` takes."""
    return (name, ("HLEN", name)), (name, ("HMGET", name, redis_names.COMPLETE_FIELD))


def extent_of(replies: Sequence[Any], at: Coordinate) -> Extent | None:
    """Read the extent; return None if the hash is not complete."""
    fields, held = replies
    if not isinstance(fields, int) or not isinstance(held, list) or len(held) != 1:
        raise misanswered(at)
    complete = held[0]
    # A question mark after the time says that an API server is still finding out.
    return Extent(fields, complete) if complete is not None and complete.isdigit() and len(complete) < 15 else None
