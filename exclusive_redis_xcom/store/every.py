"""Read all results of a mapped task that Airflow's database refers to, without asking the database.

The mark of each result says that it is current (`current.py`). The field `complete` says that there are no others.
It names a time. Since then, the hash has had a mark for every row of the key, completed or not; see `Store.commit`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from exclusive_redis_xcom.errors import CorruptValue
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.formats.mark import completed
from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.store.current import ask_once, current_of
from exclusive_redis_xcom.store.epoch import asking_epoch, epoch_of
from exclusive_redis_xcom.store.keyspace import misanswered, slices, what
from exclusive_redis_xcom.store.reading import read, reading_command, trips

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exclusive_redis_xcom.connection.session import Command
    from exclusive_redis_xcom.formats.mark import Mark
    from exclusive_redis_xcom.store.keyspace import Keyspace
    from exclusive_redis_xcom.store.values import Current, Stored

#: A hash has two fields besides those of values, `acl` and `complete`, and a third if values name rules in it. A value
#: has two, itself and its mark, and more if its mark says that its rule or its description has a field.
_OF_HASH, _OF_VALUE = 2, 2
#: So many marks are asked for before it is known how many there are, then so many with one command, and in one trip.
_FIRST_MARKS, _BATCH_MARKS, _TRIP_MARKS = 512, 1_024, 16_384


class _Extent(NamedTuple):
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
    name, ids = keyspace.hash_of(first), (first.dag_id, first.run_id, first.task_id, first.key)
    asking_extent: list[tuple[str, Command]] = [
        (name, ("HLEN", name)),
        (name, ("HMGET", name, redis_names.COMPLETE_FIELD, redis_names.RULES_FIELD)),
    ]
    # Nobody knows yet how many results there are.
    calls = [*asking_extent, _asking_marks(name, range(_FIRST_MARKS)), *asking_epoch(keyspace)]
    *replies, texts, held, time = ask_once(keyspace, f"Asking for {first}", calls, asides)
    epoch, extent = epoch_of(held, time), _extent(replies, first)
    if epoch is None or extent is None or not epoch.covers(int(extent.complete)):
        return None
    most = max(0, extent.fields - _OF_HASH) // _OF_VALUE
    marks = _marks(keyspace, first, texts, most)
    # The hash must hold results only. Their map_indexes have no gap, and each lies in one field. Else Airflow is asked.
    fields = _OF_HASH + extent.rules + sum(_OF_VALUE + mark.described + mark.has_rule for mark in marks)
    if not marks or extent.fields != fields:
        return None
    coordinates = [Coordinate(*ids, index) for index in range(len(marks))]
    stored: list[Stored] = []
    for trip in trips(mark.size for mark in marks):
        batches = [coordinates[start:end] for start, end in trip]
        calls = [(name, reading_command(name, batch)) for batch in batches]
        calls += [*asking_extent, *asking_epoch(keyspace)]
        *values, fields_now, complete_now, held, time = ask_once(keyspace, what("Fetching", batches[0]), calls)
        for batch, reply in zip(batches, values, strict=True):
            stored += read(batch, reply)
    epoch = epoch_of(held, time)
    # A result that lacks its value or its rule is refused. A push writes all fields of a value together with the mark
    # that speaks of them. Nothing removes them before the mark. So if there are still as many fields, these are all.
    if epoch is None or not epoch.covers(int(extent.complete)) or _extent([fields_now, complete_now], first) != extent:
        return None
    return current_of(marks, stored, epoch)


def _asking_marks(name: str, indexes: Sequence[int]) -> tuple[str, Command]:
    return name, ("HMGET", name, *(redis_names.committed_name(index) for index in indexes))


def _marks(keyspace: Keyspace, first: Coordinate, texts: Any, most: int) -> list[Mark]:
    """Return the marks of the results, up to the first that is missing or not completed.

    Args:
        keyspace: Where to ask for the rest.
        first: The XCom of map_index 0.
        texts: The reply about the first marks.
        most: No mark is at this map_index or above.
    """
    name, known = keyspace.hash_of(first), _FIRST_MARKS
    marks: list[Mark] = []
    replies = [texts]
    asked: list[Sequence[int]] = [range(known)]
    while True:
        for reply, indexes in zip(replies, asked, strict=True):
            if not isinstance(reply, list) or len(reply) != len(indexes):
                raise misanswered(first)
            for text in reply[: most - indexes[0]]:
                mark = completed(text)
                if mark is None:
                    return marks
                marks.append(mark)
        asked = list(slices(range(known, min(most, known + _TRIP_MARKS)), _BATCH_MARKS))
        if not asked:
            return marks
        known = asked[-1][-1] + 1
        replies = ask_once(keyspace, f"Asking for {first} and more", [_asking_marks(name, each) for each in asked])


def _extent(replies: Sequence[Any], at: Coordinate) -> _Extent | None:
    fields, held = replies
    if not isinstance(fields, int) or not isinstance(held, list) or len(held) != 2:
        raise misanswered(at)
    complete, rules = held
    # A question mark after the time says that an API server is still finding out.
    is_settled = complete is not None and complete.isdigit() and len(complete) < 15
    return _Extent(fields, complete, int(rules is not None)) if is_settled else None
