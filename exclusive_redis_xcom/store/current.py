"""Read one value that Airflow's database provably refers to, without asking the database."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.errors import CorruptValue
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.formats.mark import completed
from exclusive_redis_xcom.store.epoch import asking_epoch, epoch_of
from exclusive_redis_xcom.store.keyspace import misanswered, moment
from exclusive_redis_xcom.store.reading import read, reading_command
from exclusive_redis_xcom.store.values import Current

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exclusive_redis_xcom.connection.session import Command
    from exclusive_redis_xcom.formats.mark import Mark
    from exclusive_redis_xcom.model import Coordinate
    from exclusive_redis_xcom.store.epoch import Epoch
    from exclusive_redis_xcom.store.keyspace import Keyspace
    from exclusive_redis_xcom.store.values import Alike, Stored


def fetch_current(
    keyspace: Keyspace, at: Coordinate, *, alone: bool, asides: Sequence[tuple[str, Command]] = ()
) -> Current | None:
    """See `Store.fetch_current`.

    Mark and value are read first. Only then comes the question whether the API servers watch. So a server that stopped
    watching is noticed whenever it stopped; nobody hears of its changes.
    """
    name = keyspace.hash_of(at)
    calls = [
        (name, reading_command(name, [at.map_index], redis_names.committed_name(at.map_index))),
        *asking_epoch(keyspace),
    ]
    if alone:
        calls.insert(0, (name, ("HLEN", name)))
    *lengths, reply, held, time = ask_once(keyspace, f"Fetching {at}", calls, asides)
    try:
        if not isinstance(reply, list) or len(reply) != 5:
            raise misanswered(at)
        fields = len(reply) - reply.count(None)
        epoch, mark = epoch_of(held, time), completed(reply.pop())
        if epoch is None or mark is None:
            return None
        stored = read([at], reply)
    except CorruptValue:
        # The connection may be one reply behind. It must not answer the next question.
        keyspace.client.drop()
        raise
    if alone and lengths != [fields + _further_fields(stored[0], mark)]:
        return None
    return current_of([mark], stored, epoch)


def ask_once(
    keyspace: Keyspace,
    doing: str,
    calls: Sequence[tuple[str, Command]],
    asides: Sequence[tuple[str, Command]] = (),
) -> list[Any]:
    """Send commands, each to be run after the one before, and return their replies in order. This is tried once."""
    return keyspace.client.run(doing, lambda session: session.in_order(calls, asides), once=True)


def _further_fields(stored: Stored, mark: Mark) -> int:
    """Count a value's fields apart from itself, its rules, its mark and its claim (`formats/redis_names.py`)."""
    envelope = stored.envelope
    if envelope is None:
        return 0
    return mark.described + (envelope.parts and envelope.parts + 1) + (envelope.spilled is not None)


def current_of(marks: Sequence[Mark], stored: Sequence[Stored], epoch: Epoch) -> Current | None:
    """Return the values if each has the version that its mark names, and if the marks count; else None."""
    versions = [None if one.envelope is None else one.envelope.version for one in stored]
    return _current(marks, versions, epoch, tuple(stored))


def alike_of(marks: Sequence[Mark], alike: tuple[Alike, ...], stored: Sequence[Stored], epoch: Epoch) -> Current | None:
    """Return what `current_of` returns, for results that are alike."""
    versions = [version.hex() for batch in alike for version in batch.versions]
    return _current(marks, versions, epoch, stored, alike)


def _current(
    marks: Sequence[Mark],
    versions: Sequence[str | None],
    epoch: Epoch,
    stored: Sequence[Stored],
    alike: tuple[Alike, ...] | None = None,
) -> Current | None:
    first_ms = min([mark.pushed_ms for mark in marks])
    if not epoch.covers(first_ms) or versions != [mark.version for mark in marks]:
        return None
    return Current(stored, moment(first_ms), timedelta(milliseconds=epoch.ahead_ms), alike)
