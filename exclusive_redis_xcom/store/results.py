"""Read results of a mapped task to which Airflow's rows refer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.errors import CorruptValue
from exclusive_redis_xcom.store import reading
from exclusive_redis_xcom.store.alike import Batch, Unread, all_alike
from exclusive_redis_xcom.store.keyspace import what_of
from exclusive_redis_xcom.store.values import Results, at_index

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exclusive_redis_xcom.connection.session import Command
    from exclusive_redis_xcom.model import Coordinate
    from exclusive_redis_xcom.store.keyspace import Keyspace


def fetch_results(
    keyspace: Keyspace,
    at: Coordinate,
    indexes: Sequence[int],
    sizes: Sequence[int],
    asides: Sequence[tuple[str, Command]] = (),
) -> Results:
    """See `Store.fetch_results`."""
    if len(set(indexes)) < len(indexes):  # such a value is asked for once: it may be larger than a row tells
        coordinates = [at_index(at, index) for index in indexes]
        return Results(reading.fetch_many(keyspace, coordinates, sizes, asides))
    name = keyspace.hash_of(at)
    batches: list[Batch] = []
    for trip in reading.trips(sizes):
        asked = [indexes[start:end] for start, end in trip]
        doing = what_of("Fetching", at_index(at, asked[0][0]), trip[-1][1] - trip[0][0])
        calls = [(name, reading.reading_command(name, some)) for some in asked]
        replies = keyspace.ask(doing, calls, () if batches else asides)
        batches += [Batch(at, some, reply) for some, reply in zip(asked, replies, strict=True)]
    alike = all_alike(batches)
    if alike is not None:
        return Results(Unread(batches), alike)
    try:
        stored = [each for batch in batches for each in batch.stored()]
    except CorruptValue:
        # The connection may be one reply behind. It must not answer the next question.
        keyspace.client.drop()
        raise
    coordinates = [at_index(at, index) for index in indexes]
    return Results([reading.in_whole(keyspace, *each) for each in zip(coordinates, stored, strict=True)])
