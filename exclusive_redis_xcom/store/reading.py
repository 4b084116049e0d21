"""Read values and their rules in few round trips."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.errors import CorruptValue, StoreUnavailable, XComTooLarge
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.formats.envelope import Envelope
from exclusive_redis_xcom.store import parts
from exclusive_redis_xcom.store.keyspace import BATCH_FIELDS, misanswered, slices, what
from exclusive_redis_xcom.store.rules import Rules
from exclusive_redis_xcom.store.values import Stored

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from exclusive_redis_xcom.connection.session import Command
    from exclusive_redis_xcom.model import Coordinate
    from exclusive_redis_xcom.store.keyspace import Keyspace

#: One round trip may cost the server, and this process, so much memory.
_TRIP_BYTES = 8 * 1024 * 1024


def fetch_many(
    keyspace: Keyspace,
    coordinates: Sequence[Coordinate],
    sizes: Sequence[int] | None,
    asides: Sequence[tuple[str, Command]] = (),
) -> list[Stored]:
    """See `Store.fetch_many`."""
    if len(coordinates) == 1:
        return [in_whole(keyspace, coordinates[0], _fetched(keyspace, [coordinates], asides)[0])]
    wanted = dict(zip(coordinates, sizes or itertools.repeat(0), strict=sizes is not None))
    unique = list(wanted)
    found: list[Stored] = []
    for batches in trips(wanted.values(), sizes_known=sizes is not None):
        found += _fetched(keyspace, [unique[start:end] for start, end in batches], () if found else asides)
    whole = [in_whole(keyspace, at, stored) for at, stored in zip(unique, found, strict=True)]
    if len(unique) == len(coordinates):
        return whole
    each = dict(zip(unique, whole, strict=True))
    return [each[at] for at in coordinates]


def spilled(keyspace: Keyspace, coordinates: Sequence[Coordinate]) -> list[str | None]:
    """See `Store.spilled`."""
    names: list[str | None] = []
    for batch in slices(coordinates, BATCH_FIELDS):
        calls = [
            (name, ("HMGET", name, redis_names.spilled_name(at.map_index)))
            for name, at in ((keyspace.hash_of(at), at) for at in batch)
        ]
        replies = keyspace.ask(what("Asking for", batch), calls)
        # Bytes that are no text were not written by this package. They become a name that no value has.
        names += [None if value is None else value.decode("utf-8", "replace") for (value,) in replies]
    return names


def trips(sizes: Iterable[int], *, sizes_known: bool = True) -> Iterator[list[tuple[int, int]]]:
    """Yield what to ask for in one round trip: where each command's values begin and end.

    A command asks for at most 256 values. The values of a round trip have at most 8 MiB, or are a single one. If the
    sizes are not known, a round trip has one command.
    """
    if sizes_known:
        sizes = list(sizes)
        if sum(sizes) <= _TRIP_BYTES:  # as the loop would find, in the time of a few bytes
            if sizes:
                yield [(i, min(i + BATCH_FIELDS, len(sizes))) for i in range(0, len(sizes), BATCH_FIELDS)]
            return
    trip: list[tuple[int, int]] = []
    start = end = total = 0
    for end, size in enumerate(sizes, start=1):
        count, total = end - start, total + size
        is_full = total > _TRIP_BYTES and (trip or count > 1)
        if is_full or count > BATCH_FIELDS:
            if count > 1:
                trip.append((start, end - 1))
                start = end - 1
            if is_full or not sizes_known:
                yield trip
                trip, total = [], size
    if end > start:
        yield [*trip, (start, end)]


def _by_hash(keyspace: Keyspace, coordinates: Sequence[Coordinate]) -> list[tuple[str, Sequence[Coordinate]]]:
    """Group the coordinates in their order: neighbours that share a hash come together, with the hash's name."""
    return [(name, list(members)) for name, members in itertools.groupby(coordinates, keyspace.hash_of)]


def reading_command(name: str, indexes: Iterable[int], *more: str, with_rules: bool = True) -> Command:
    """Return the command that asks for the hash's rules, for the value and own rule of each index, and for more.

    Without `with_rules`, it does not ask for own rules.
    """
    fields = redis_names.fields_to_read(indexes) if with_rules else map(redis_names.field_name, indexes)
    return ("HMGET", name, redis_names.ACL_FIELD, redis_names.RULES_FIELD, *fields, *more)


def read(members: Sequence[Coordinate], reply: Any) -> list[Stored]:
    """Read the reply to `reading_command`.

    Raises:
        CorruptValue: The reply has another form, or a value in it is not what was pushed for its coordinate.
    """
    if not isinstance(reply, list) or len(reply) != 2 * len(members) + 2:
        raise misanswered(members[0])
    rules = Rules(members[0], reply[0], reply[1])
    found = reply.count(None) < len(reply)
    stored = []
    for at, value, field in zip(members, reply[2::2], reply[3::2], strict=True):
        envelope = None if value is None else opened(at, value)
        stored.append(Stored(rules.in_force, envelope, found, rules.own(envelope, field)))
    return stored


def with_payload(keyspace: Keyspace, stored: Stored, *, once: bool = False) -> Stored | None:
    """Return what is stored, with its payload if that lies in parts; None if the parts are gone."""
    envelope = stored.envelope
    if envelope is None or not envelope.parts:
        return stored
    if envelope.payload_size > keyspace.max_payload_bytes:
        raise XComTooLarge(
            f"The value takes {envelope.payload_size} bytes in Redis, more than max_value_bytes here.\n"
            f"{envelope.coordinate}.\n"
            "Raise [exclusive_redis_xcom] max_value_bytes on all components, or push less."
        )
    whole = parts.read(keyspace, envelope, once=once)
    return None if whole is None else replace(stored, envelope=whole)


def in_whole(keyspace: Keyspace, at: Coordinate, stored: Stored) -> Stored:
    """Call `with_payload`, and read the value anew if a newer push has replaced it meanwhile."""
    for _ in range(parts.MOST_RESTARTS):
        if stored.envelope is None or not stored.envelope.parts:
            return stored
        whole = with_payload(keyspace, stored)
        if whole is not None:
            return whole
        version = stored.envelope.version
        (stored,) = _fetched(keyspace, [[at]])
        if stored.envelope is not None and stored.envelope.version == version:
            raise CorruptValue(f"Redis holds only a part of the value.\n{at}.\nClear the producing task.")
    raise StoreUnavailable(
        f"Fetching failed: the value was replaced again and again while it was read.\n{at}.\n"
        "Clear the task that pulls it."
    )


def _fetched(
    keyspace: Keyspace, batches: Sequence[Sequence[Coordinate]], asides: Sequence[tuple[str, Command]] = ()
) -> list[Stored]:
    hashes = [group for batch in batches for group in _by_hash(keyspace, batch)]
    calls = [(name, reading_command(name, [at.map_index for at in members])) for name, members in hashes]
    replies = keyspace.ask(what("Fetching", [at for _, members in hashes for at in members]), calls, asides)
    try:
        return [stored for (_, members), reply in zip(hashes, replies, strict=True) for stored in read(members, reply)]
    except CorruptValue:
        # The connection may be one reply behind. It must not answer the next question.
        keyspace.client.drop()
        raise


def opened(at: Coordinate, value: bytes) -> Envelope:
    """Read the field of a value.

    Raises:
        CorruptValue: It is not what was pushed for this coordinate.
    """
    try:
        envelope = Envelope.unpack(value, at)
    except CorruptValue as error:
        raise CorruptValue(f"{error}\n{at}.") from None
    if envelope.coordinate is not at:
        raise CorruptValue(
            "Redis holds the value of another XCom in this one's place.\n"
            f"{at} has the value of {envelope.coordinate}.\n"
            "Clear the producing task."
        )
    return envelope
