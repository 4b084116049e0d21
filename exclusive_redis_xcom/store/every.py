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
from exclusive_redis_xcom.store.reading import batches, read, reading_command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exclusive_redis_xcom.connection.session import Command
    from exclusive_redis_xcom.formats.mark import Mark
    from exclusive_redis_xcom.store.keyspace import Keyspace
    from exclusive_redis_xcom.store.values import Current, Stored

#: A hash has two fields besides those of values, `acl` and `complete`, and a third if values name rules in it. A value
#: has two, itself and its mark, and more if its mark says that its rule or its description has a field.
_OF_HASH, _OF_VALUE = 2, 2
_BATCH_MARKS = 1_024


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
    name = keyspace.hash_of(first)
    asking_extent: list[tuple[str, Command]] = [
        (name, ("HLEN", name)),
        (name, ("HMGET", name, redis_names.COMPLETE_FIELD, redis_names.RULES_FIELD)),
    ]
    calls = [*asking_extent, *asking_epoch(keyspace)]
    *replies, held, time = ask_once(keyspace, f"Asking for {first}", calls, asides)
    epoch, extent = epoch_of(held, time), _extent(replies, first)
    if epoch is None or extent is None or not epoch.covers(int(extent.complete)):
        return None
    ids = first.dag_id, first.run_id, first.task_id, first.key
    most = (extent.fields - _OF_HASH) // _OF_VALUE
    coordinates = [Coordinate(*ids, index) for index in range(most)]
    marks = _marks(keyspace, name, coordinates)
    # The hash must hold results only. Their map_indexes have no gap, and each lies in one field. Else Airflow is asked.
    fields = _OF_HASH + extent.rules + sum(_OF_VALUE + mark.described + mark.has_rule for mark in marks)
    if not marks or extent.fields != fields:
        return None
    del coordinates[len(marks) :]
    stored: list[Stored] = []
    for start, end in batches(mark.size for mark in marks):
        batch = coordinates[start:end]
        calls = [(name, reading_command(name, batch)), *asking_extent, *asking_epoch(keyspace)]
        values, *replies, held, time = ask_once(keyspace, what("Fetching", batch), calls)
        stored += read(batch, values)
    epoch = epoch_of(held, time)
    # A result that lacks its value or its rule is refused. A push writes all fields of a value together with the mark
    # that speaks of them. Nothing removes them before the mark. So if there are still as many fields, these are all.
    if epoch is None or not epoch.covers(int(extent.complete)) or _extent(replies, first) != extent:
        return None
    return current_of(marks, stored, epoch)


def _marks(keyspace: Keyspace, name: str, coordinates: Sequence[Coordinate]) -> list[Mark]:
    """Return the marks of the coordinates, up to the first that is missing or not completed."""
    marks: list[Mark] = []
    for batch in slices(coordinates, _BATCH_MARKS):
        fields = [redis_names.committed_name(at.map_index) for at in batch]
        (texts,) = ask_once(keyspace, what("Asking for", batch), [(name, ("HMGET", name, *fields))])
        if not isinstance(texts, list) or len(texts) != len(batch):
            raise misanswered(batch[0])
        for text in texts:
            mark = completed(text)
            if mark is None:
                return marks
            marks.append(mark)
    return marks


def _extent(replies: Sequence[Any], at: Coordinate) -> _Extent | None:
    fields, held = replies
    if not isinstance(fields, int) or not isinstance(held, list) or len(held) != 2:
        raise misanswered(at)
    complete, rules = held
    # A question mark after the time says that an API server is still finding out.
    is_settled = complete is not None and complete.isdigit() and len(complete) < 15
    return _Extent(fields, complete, int(rules is not None)) if is_settled else None
