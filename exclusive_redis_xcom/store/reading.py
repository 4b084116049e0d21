"""Values and their rules, read in few round trips."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom import keys
from exclusive_redis_xcom.envelope import Envelope
from exclusive_redis_xcom.errors import CorruptValue, StoreUnavailable
from exclusive_redis_xcom.store import parts
from exclusive_redis_xcom.store.place import BATCH_FIELDS, misanswered, slices, what
from exclusive_redis_xcom.store.values import Stored

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from exclusive_redis_xcom.connection.session import Command
    from exclusive_redis_xcom.model import Coordinate
    from exclusive_redis_xcom.store.place import Place

#: What one round trip may cost the server, and this process in memory.
BATCH_BYTES = 8 * 1024 * 1024


def fetch_many(place: Place, coordinates: Sequence[Coordinate], sizes: Sequence[int] | None) -> list[Stored]:
    """As `Store.fetch_many` says."""
    wanted: dict[Coordinate, int] = {}
    for position, coordinate in enumerate(coordinates):
        wanted.setdefault(coordinate, sizes[position] if sizes is not None else 0)
    found: dict[Coordinate, Stored] = {}
    for batch in batches(wanted):
        found.update(_fetch_batch(place, batch))
    for at, stored in found.items():
        if stored.envelope is not None and stored.envelope.parts:
            found[at] = _completed(place, at, stored)
    return [found[coordinate] for coordinate in coordinates]


def spilled(place: Place, coordinates: Sequence[Coordinate]) -> list[str | None]:
    """As `Store.spilled` says."""
    names: list[str | None] = []
    for batch in slices(coordinates, BATCH_FIELDS):
        calls = [
            (name, ("HMGET", name, keys.spilled_name(at.map_index)))
            for name, at in ((place.hash_of(at), at) for at in batch)
        ]
        replies = place.ask(what("Asking for", batch), calls)
        names += [None if value is None else value.decode("utf-8", "surrogatepass") for (value,) in replies]
    return names


def batches(wanted: dict[Coordinate, int]) -> Iterator[list[Coordinate]]:
    """At most 256 values and, as far as their sizes are known, 8 MiB at a time."""
    batch: list[Coordinate] = []
    size = 0
    for coordinate, bytes_ in wanted.items():
        if batch and (len(batch) == BATCH_FIELDS or size + bytes_ > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(coordinate)
        size += bytes_
    if batch:
        yield batch


def reading_command(name: str, members: Sequence[Coordinate], *more: str) -> Command:
    """What asks for the rule of the hash, then value and own rule of each of its members; then for more fields."""
    fields = [name for at in members for name in (keys.field_name(at.map_index), keys.rule_name(at.map_index))]
    return ("HMGET", name, keys.ACL_FIELD, *fields, *more)


def read(members: Sequence[Coordinate], reply: Any) -> Iterator[tuple[Coordinate, Stored]]:
    """What is answered to `reading_command`.

    Raises:
        CorruptValue: It is no such answer, or a value in it is not what was pushed for its coordinate.
    """
    if not isinstance(reply, list) or len(reply) != 2 * len(members) + 1:
        raise misanswered(members[0])
    acl, *values = reply
    found = any(part is not None for part in reply)
    for at, value, own_acl in zip(members, values[::2], values[1::2], strict=True):
        envelope = None if value is None else _open(at, value)
        yield at, Stored(acl=acl, own_acl=own_acl, envelope=envelope, found=found)


def by_hash(place: Place, coordinates: Sequence[Coordinate]) -> dict[str, list[Coordinate]]:
    """The coordinates by the name of their hash."""
    hashes: dict[str, list[Coordinate]] = {}
    for at in coordinates:
        hashes.setdefault(place.hash_of(at), []).append(at)
    return hashes


def complete(place: Place, stored: Stored, *, once: bool = False) -> Stored | None:
    """With its payload, if that lies in parts; None if they are gone."""
    if stored.envelope is None or not stored.envelope.parts:
        return stored
    whole = parts.read(place, stored.envelope, once=once)
    return None if whole is None else replace(stored, envelope=whole)


def _completed(place: Place, at: Coordinate, stored: Stored) -> Stored:
    """As `complete`; what a newer push has replaced meanwhile is read anew."""
    for _ in range(parts.MOST_RESTARTS):
        whole = complete(place, stored)
        if whole is not None:
            return whole
        before = stored.envelope
        stored = _fetch_batch(place, [at])[at]
        if before is not None and stored.envelope is not None and stored.envelope.version == before.version:
            raise CorruptValue(f"{at}: parts of its value are missing in Redis. Clear the producing task.")
    raise StoreUnavailable(f"Fetching {at} failed: it was replaced again and again while it was read. Clear this task.")


def _fetch_batch(place: Place, batch: Sequence[Coordinate]) -> dict[Coordinate, Stored]:
    hashes = by_hash(place, batch)
    calls = [(name, reading_command(name, members)) for name, members in hashes.items()]
    replies = place.ask(what("Fetching", batch), calls)
    try:
        return {
            at: stored
            for members, reply in zip(hashes.values(), replies, strict=True)
            for at, stored in read(members, reply)
        }
    except CorruptValue:
        # Maybe a connection that is one reply behind: it must not answer the next question.
        place.client.drop()
        raise


def _open(at: Coordinate, value: bytes) -> Envelope:
    try:
        envelope = Envelope.unpack(value, at)
    except CorruptValue as error:
        raise CorruptValue(f"{at}: {error}") from None
    if envelope.coordinate is not at:
        raise CorruptValue(
            f"{at}: Redis holds the value of {envelope.coordinate} in its place. Clear the producing task."
        )
    return envelope
