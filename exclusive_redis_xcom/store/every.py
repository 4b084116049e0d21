"""Read all results of a mapped task that Airflow's database refers to, without asking the database.

The mark of each result says that it is current (`current.py`). The field `complete` says that there are no others.
It names a time. Since then, the hash has had a mark for every row of the key, completed or not; see `Store.commit`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from exclusive_redis_xcom.errors import CorruptValue
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.formats.mark import completed_all
from exclusive_redis_xcom.store.alike import Batch, Unread, all_alike
from exclusive_redis_xcom.store.current import alike_of, ask_once, current_of
from exclusive_redis_xcom.store.epoch import asking_epoch, epoch_of
from exclusive_redis_xcom.store.keyspace import misanswered, slices, what_of
from exclusive_redis_xcom.store.reading import reading_command, trips
from exclusive_redis_xcom.store.values import at_index

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from exclusive_redis_xcom.connection.session import Command
    from exclusive_redis_xcom.formats.mark import Mark
    from exclusive_redis_xcom.model import Coordinate
    from exclusive_redis_xcom.store.keyspace import Keyspace
    from exclusive_redis_xcom.store.values import Current

#: A hash has two fields besides those of values, `acl` and `complete`, and a third if values name rules in it. A value
#: has two, itself and its mark, and more if its mark says that its rule or its description has a field.
_OF_HASH, _OF_VALUE = 2, 2
#: So many marks are asked for before it is known how many there are, then so many with one command, and in one trip.
_FIRST_MARKS, _BATCH_MARKS, _TRIP_MARKS = 320, 1_024, 16_384


class Extent(NamedTuple):
    """How many fields there are, and what `complete` holds. While both stay the same, no result came or went.

    `rules` says how many fields hold rules that values name: one or none.
    """

    fields: int
    complete: bytes
    rules: int


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
    # Nobody knows yet how many results there are.
    indexes = range(_FIRST_MARKS)
    calls = [*asking_extent(name), (name, asking_marks(name, indexes)), *asking_epoch(keyspace)]
    *replies, texts, held, time = ask_once(keyspace, f"Asking for {first}", calls, asides)
    epoch, extent = epoch_of(held, time), extent_of(replies, first)
    if epoch is None or extent is None or not epoch.covers(int(extent.complete)):
        return None
    found = all_marks(keyspace, first, extent, indexes, [texts])
    if found is None:
        return None
    results, marks = list(found), list(found.values())
    # The extent says that no field is there which no mark speaks of. So nothing else tells the rule of a value.
    with_rules = any(mark.has_rule for mark in marks)
    batches: list[Batch] = []
    for trip in trips([mark.size for mark in marks]):
        asked = [results[start:end] for start, end in trip]
        reading = [(name, reading_command(name, indexes, with_rules=with_rules)) for indexes in asked]
        calls = [*reading, *asking_extent(name), *asking_epoch(keyspace)]
        doing = what_of("Fetching", at_index(first, asked[0][0]), len(asked[0]))
        *replies, fields, complete, held, time = ask_once(keyspace, doing, calls)
        batches += [
            Batch.of(first, indexes, reply, with_rules=with_rules)
            for indexes, reply in zip(asked, replies, strict=True)
        ]
    epoch = epoch_of(held, time)
    alike = all_alike(batches)
    stored = Unread(batches) if alike is not None else [stored for batch in batches for stored in batch.stored()]
    # A result that lacks its value or its rule is refused. A push writes all fields of a value together with the mark
    # that speaks of them. Nothing removes them before the mark. So if there are still as many fields, these are all.
    if epoch is None or not epoch.covers(int(extent.complete)) or extent_of((fields, complete), first) != extent:
        return None
    return current_of(marks, stored, epoch) if alike is None else alike_of(marks, alike, stored, epoch)


def all_marks(
    keyspace: Keyspace, first: Coordinate, extent: Extent, asked: range = range(0), replies: Sequence[Any] = ()
) -> dict[int, Mark] | None:
    """Return the marks of all results by their map_index, in this order; None where Airflow must be asked.

    Instances that were skipped or have failed leave gaps. The number of fields tells whether a mark was overlooked. The
    hash must hold results only, each in one field, and all marks must be completed.

    Args:
        keyspace: Where to ask for marks.
        first: Any result.
        extent: The extent of the hash.
        asked: The first map_indexes, if they have been asked for together with `extent`.
        replies: What `asking_marks` got for `asked`, in commands of at most `_BATCH_MARKS`.
    """
    found: dict[int, Mark] = {}
    fields = _OF_HASH + extent.rules
    while True:
        before = len(found)
        texts = {i: text for i, text in zip(asked, _joined(replies, asked, first), strict=True) if text is not None}
        marks = completed_all(list(texts.values()))
        if marks is None:
            return None
        found.update(zip(texts, marks, strict=True))
        fields += sum(map(fields_of, marks))
        if fields >= extent.fields:
            return found if found and fields == extent.fields else None
        if len(found) == before and len(asked) >= _BATCH_MARKS:
            return None  # a longer gap is not searched for
        wanted = max((extent.fields - fields) // _OF_VALUE, _BATCH_MARKS)
        asked = range(asked.stop, asked.stop + min(wanted, _TRIP_MARKS))
        name = keyspace.hash_of(first)
        calls = [(name, asking_marks(name, batch)) for batch in slices(asked, _BATCH_MARKS)]
        replies = ask_once(keyspace, f"Asking for {first} and more", calls)


def _joined(replies: Sequence[Any], asked: range, first: Coordinate) -> list[Any]:
    """Return the replies to several `asking_marks` as one list."""
    texts: list[Any] = []
    for reply in replies:
        if not isinstance(reply, list):
            raise misanswered(first)
        texts += reply
    if len(texts) != len(asked):
        raise misanswered(first)
    return texts


def asking_marks(name: str, indexes: Iterable[int]) -> Command:
    """Return the command that asks for the marks of map_indexes."""
    return ("HMGET", name, *map(redis_names.committed_name, indexes))


def fields_of(mark: Mark) -> int:
    """Return how many fields the hash has for a result whose value lies in one field."""
    return _OF_VALUE + mark.described + mark.has_rule


def holds_only(marks: Iterable[Mark], extent: Extent) -> bool:
    """Tell whether the hash has no other results than these."""
    return extent.fields == _OF_HASH + extent.rules + sum(map(fields_of, marks))


def asking_extent(name: str) -> tuple[tuple[str, Command], tuple[str, Command]]:
    """Return the commands whose replies `extent_of` takes."""
    return (name, ("HLEN", name)), (name, ("HMGET", name, redis_names.COMPLETE_FIELD, redis_names.RULES_FIELD))


def extent_of(replies: Sequence[Any], at: Coordinate) -> Extent | None:
    """Read the extent; return None if the hash is not complete."""
    fields, held = replies
    if not isinstance(fields, int) or not isinstance(held, list) or len(held) != 2:
        raise misanswered(at)
    complete, rules = held
    # A question mark after the time says that an API server is still finding out.
    is_settled = complete is not None and complete.isdigit() and len(complete) < 15
    return Extent(fields, complete, int(rules is not None)) if is_settled else None
