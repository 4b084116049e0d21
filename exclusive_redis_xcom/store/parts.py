"""Write and read payloads that are too large for one field. They travel in parts, a few at a time: nobody else waits.

The fields of each version have names of their own, so a push does not touch what others read meanwhile. A field
(`redis_names.parts_name`) lists which parts of which version lie in a hash. When a push is interrupted, the next push
or purge finds in this field what the push left.
"""

from __future__ import annotations

import contextlib
import itertools
import operator
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from exclusive_redis_xcom.errors import StoreUnavailable, XComTooLarge
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.formats.envelope import INLINE_BYTES, MAX_PARTS, PART_BYTES
from exclusive_redis_xcom.memory import fresh, pieces
from exclusive_redis_xcom.store.keyspace import misanswered, slices
from exclusive_redis_xcom.store.scripts import PART, SWEEP, sweep_arguments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from exclusive_redis_xcom.connection.session import Command, Session
    from exclusive_redis_xcom.formats.envelope import Envelope
    from exclusive_redis_xcom.memory import Buffer
    from exclusive_redis_xcom.model import Coordinate
    from exclusive_redis_xcom.store.keyspace import Keyspace
    from exclusive_redis_xcom.store.scripts import Argument

T = TypeVar("T")

#: So many parts share one deadline and one try.
_WRITTEN_AT_ONCE, _READ_AT_ONCE = 8, 16
#: Redis takes about as long to free so many parts as to write one.
_REMOVED_AT_ONCE = 8
#: This is enough for what fifteen pushes of the largest value leave. The next push or purge removes the rest.
_MOST_SWEEPS = 4000
#: In a hash without a value, parts expire so long after the last one. An interrupted push leaves such a hash.
_PENDING_MS = timedelta(minutes=10) // timedelta(milliseconds=1)
#: Others that push or purge the same value remove what is being written. After so many times, the push gives up.
MOST_RESTARTS = 10


def are_needed(envelope: Envelope) -> bool:
    """Tell whether the payload is too large for the field of its envelope.

    Raises:
        XComTooLarge: It is too large for parts, too.
    """
    if envelope.spilled is not None or envelope.payload_size <= INLINE_BYTES:
        return False
    most = MAX_PARTS * PART_BYTES
    if envelope.payload_size > most:
        raise XComTooLarge(
            f"The value takes {envelope.payload_size} bytes; Redis takes at most {most} of one value.\n"
            f"{envelope.coordinate}.\n"
            "Push a path instead of the data, or set [exclusive_redis_xcom] spill_path."
        )
    return True


def write(keyspace: Keyspace, envelope: Envelope, ttl_ms: int) -> None:
    """Write the payload of an envelope as parts. No reader sees them before the envelope is pushed.

    Raises:
        StoreUnavailable: Others keep removing the parts.
    """
    at, written, restarts = envelope.coordinate, 0, 0
    remaining: Iterator[Buffer] = pieces(envelope.payload, PART_BYTES)
    while batch := list(itertools.islice(remaining, _WRITTEN_AT_ONCE)):
        there = _write(keyspace, envelope, written, batch, min(ttl_ms, _PENDING_MS))
        if there >= written + len(batch):
            written += len(batch)
            continue
        restarts += 1
        if restarts > MOST_RESTARTS:
            raise contended(at)
        if there < 0:
            sweep(keyspace, at)
        written = max(there, 0)
        remaining = itertools.islice(pieces(envelope.payload, PART_BYTES), written, None)


def read(keyspace: Keyspace, envelope: Envelope, *, once: bool = False) -> Envelope | None:
    """Return the envelope with its payload in one piece; None if parts of the payload are missing.

    Args:
        keyspace: Where the parts lie.
        envelope: An envelope whose payload lies in parts.
        once: Whether each request is tried once only.

    Raises:
        CorruptValue: The parts do not make up the payload.
    """
    at, name = envelope.coordinate, keyspace.hash_of(envelope.coordinate)
    fields = [redis_names.part_name(at.map_index, envelope.version, number) for number in range(envelope.parts)]
    # Bytes that are announced and do not come take no memory. The payload stays writable, so arrays need no copy.
    payload = fresh(envelope.payload_size)
    wanted = [
        (("HMGET", name, field), payload[number * PART_BYTES : (number + 1) * PART_BYTES])
        for number, field in enumerate(fields)
    ]
    for batch in slices(wanted, _READ_AT_ONCE):
        commands, memories = zip(*batch, strict=True)
        receive = operator.methodcaller("receive", name, commands, memories)
        if keyspace.client.run(f"Fetching {at}", receive, once=once):
            continue
        for command, memory in batch:
            part = _part(keyspace, envelope, command, once=once)
            if part is None:
                return None
            if len(part) != len(memory):
                raise envelope.of_another_length()
            memory[:] = part
    return envelope.with_payload((payload,))


def sweep(keyspace: Keyspace, at: Coordinate) -> None:
    """Remove the parts that belong to no value any more."""
    name, arguments = keyspace.hash_of(at), sweep_arguments(at, _REMOVED_AT_ONCE)
    for _ in range(_MOST_SWEEPS):
        if not keyspace.client.run(f"Removing parts of {at}", lambda session: SWEEP.run(session, name, *arguments)):
            return


def sweep_if_possible(keyspace: Keyspace, at: Coordinate) -> None:
    """Call `sweep`. Parts that it cannot remove now stay until the next push or purge, or as long as the hash."""
    with contextlib.suppress(StoreUnavailable):
        sweep(keyspace, at)


def or_give_up(keyspace: Keyspace, envelope: Envelope, command: Callable[[Session], T]) -> Callable[[Session], T]:
    """Return the command of a push, which removes the parts written so far if Redis refuses it (when full, say).

    If Redis cannot be reached, nothing can be removed either. The parts then stay as `sweep_if_possible` says.
    """
    at = envelope.coordinate
    name, arguments = keyspace.hash_of(at), sweep_arguments(at, _REMOVED_AT_ONCE, given_up=envelope.version)

    def run(session: Session) -> T:
        try:
            return command(session)
        except Exception as error:
            from redis.exceptions import RedisError, ResponseError

            if isinstance(error, ResponseError):
                with contextlib.suppress(RedisError):
                    while SWEEP.run(session, name, *arguments):
                        pass
            raise

    return run


def contended(at: Coordinate) -> StoreUnavailable:
    """Make the error for an XCom that somebody else pushes again and again."""
    return StoreUnavailable(
        f"Pushing failed: others kept pushing or removing the same XCom.\n{at}.\n"
        "Another try of the task may still run. Let it end, then clear the task."
    )


def _part(keyspace: Keyspace, envelope: Envelope, command: Command, *, once: bool) -> bytes | None:
    """Return one part, whatever its size; None if it is missing."""
    at = envelope.coordinate
    name = keyspace.hash_of(at)
    found = keyspace.client.run(f"Fetching {at}", lambda session: session.call(name, command), once=once)
    if not isinstance(found, list) or len(found) != 1 or not isinstance(found[0], (bytes, type(None))):
        raise misanswered(at)
    return found[0]


def _write(keyspace: Keyspace, envelope: Envelope, first: int, batch: Sequence[Buffer], ttl_ms: int) -> int:
    """Write parts, and return how many there are afterwards."""
    at, version, name = envelope.coordinate, envelope.version, keyspace.hash_of(envelope.coordinate)
    fields = [redis_names.part_name(at.map_index, version, first + number) for number in range(len(batch))]
    arguments: list[tuple[Argument, ...]] = [
        (redis_names.ACL_FIELD, redis_names.parts_name(at.map_index), version, number, field, ttl_ms)
        for number, field in enumerate(fields, start=first)
    ]
    transactions = [
        (("HSET", name, field, part), PART.command(name, *rest))
        for field, part, rest in zip(fields, batch, arguments, strict=True)
    ]
    scripted = [(name, (*rest, part)) for rest, part in zip(arguments, batch, strict=True)]

    def write(session: Session) -> int:
        outcomes = session.transact(name, transactions)
        return int(PART.run_many(session, scripted)[-1] if outcomes is None else outcomes[-1][-1])

    return keyspace.client.run(f"Pushing {at}", or_give_up(keyspace, envelope, write))
