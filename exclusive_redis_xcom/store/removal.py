"""Removing single values, and whole hashes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.store import parts, scripts
from exclusive_redis_xcom.store.place import BATCH_FIELDS, slices, what

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exclusive_redis_xcom.model import Coordinate
    from exclusive_redis_xcom.store.place import Place


def purge_many(place: Place, coordinates: Sequence[Coordinate]) -> int:
    """As `Store.purge_many` says."""
    return sum(_purge(place, batch) for batch in slices(list(dict.fromkeys(coordinates)), BATCH_FIELDS))


def discard(place: Place, coordinates: Sequence[Coordinate]) -> int:
    """As `Store.discard` says."""
    return sum(_discard(place, batch) for batch in slices(list(dict.fromkeys(coordinates)), BATCH_FIELDS))


def _purge(place: Place, batch: Sequence[Coordinate]) -> int:
    calls = [(place.hash_of(at), _arguments(at)) for at in batch]
    replies = place.client.run(what("Purging", batch), lambda session: scripts.PURGE.run_many(session, calls))
    for at, (_, garbage) in zip(batch, replies, strict=True):
        if garbage:
            parts.sweep(place, at)
    return sum(int(removed) for removed, _ in replies)


def _discard(place: Place, batch: Sequence[Coordinate]) -> int:
    names = dict.fromkeys(place.hash_of(at) for at in batch)
    calls = [(name, ("UNLINK", name)) for name in names]
    return sum(map(int, place.ask(what("Discarding", batch), calls)))


def _arguments(at: Coordinate) -> tuple[str, ...]:
    index = at.map_index
    return (
        redis_names.ACL_FIELD,
        redis_names.field_name(index),
        redis_names.parts_name(index),
        redis_names.rule_name(index),
        redis_names.claim_name(index),
        redis_names.committed_name(index),
        redis_names.spilled_name(index),
        redis_names.COMPLETE_FIELD,
    )
