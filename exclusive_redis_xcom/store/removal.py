"""Remove single values and whole hashes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.store import parts, scripts
from exclusive_redis_xcom.store.keyspace import BATCH_FIELDS, slices, what

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from exclusive_redis_xcom.connection.session import Command
    from exclusive_redis_xcom.model import Coordinate
    from exclusive_redis_xcom.store.keyspace import Keyspace


def purge_many(keyspace: Keyspace, coordinates: Sequence[Coordinate]) -> int:
    """See `Store.purge_many`."""
    return sum(_purge(keyspace, batch) for batch in slices(list(dict.fromkeys(coordinates)), BATCH_FIELDS))


def discard(keyspace: Keyspace, coordinates: Sequence[Coordinate]) -> int:
    """See `Store.discard`."""
    return _each(keyspace, coordinates, "Discarding", lambda name: ("UNLINK", name))


def expire(keyspace: Keyspace, coordinates: Sequence[Coordinate]) -> int:
    """Let whole hashes expire now. Redis frees each at once, or in the background (`lazyfree-lazy-expire`)."""
    return _each(keyspace, coordinates, "Expiring", lambda name: ("PEXPIRE", name, 0))


def _purge(keyspace: Keyspace, batch: Sequence[Coordinate]) -> int:
    calls = [(keyspace.hash_of(at), scripts.purge_arguments(at)) for at in batch]
    replies = keyspace.client.run(what("Purging", batch), lambda session: scripts.PURGE.run_many(session, calls))
    for at, (_, garbage) in zip(batch, replies, strict=True):
        if garbage:
            parts.sweep(keyspace, at)
    return sum(int(removed) for removed, _ in replies)


def _each(keyspace: Keyspace, coordinates: Sequence[Coordinate], verb: str, command: Callable[[str], Command]) -> int:
    """Send one command per hash, and return how many hashes it removed."""
    removed = 0
    for batch in slices(list(dict.fromkeys(coordinates)), BATCH_FIELDS):
        names = dict.fromkeys(keyspace.hash_of(at) for at in batch)
        removed += sum(map(int, keyspace.ask(what(verb, batch), [(name, command(name)) for name in names])))
    return removed
