"""Remove single values and whole hashes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.store import parts, scripts
from exclusive_redis_xcom.store.keyspace import BATCH_FIELDS, slices, what

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exclusive_redis_xcom.model import Coordinate
    from exclusive_redis_xcom.store.keyspace import Keyspace


def purge_many(keyspace: Keyspace, coordinates: Sequence[Coordinate]) -> int:
    """See `Store.purge_many`."""
    return sum(_purge(keyspace, batch) for batch in slices(list(dict.fromkeys(coordinates)), BATCH_FIELDS))


def discard(keyspace: Keyspace, coordinates: Sequence[Coordinate]) -> int:
    """See `Store.discard`."""
    return sum(_discard(keyspace, batch) for batch in slices(list(dict.fromkeys(coordinates)), BATCH_FIELDS))


def _purge(keyspace: Keyspace, batch: Sequence[Coordinate]) -> int:
    calls = [(keyspace.hash_of(at), scripts.purge_arguments(at)) for at in batch]
    replies = keyspace.client.run(what("Purging", batch), lambda session: scripts.PURGE.run_many(session, calls))
    for at, (_, garbage) in zip(batch, replies, strict=True):
        if garbage:
            parts.sweep(keyspace, at)
    return sum(int(removed) for removed, _ in replies)


def _discard(keyspace: Keyspace, batch: Sequence[Coordinate]) -> int:
    names = dict.fromkeys(keyspace.hash_of(at) for at in batch)
    calls = [(name, ("UNLINK", name)) for name in names]
    return sum(map(int, keyspace.ask(what("Discarding", batch), calls)))
