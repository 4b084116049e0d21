"""The store: envelopes and rules in Redis hashes. It decides nothing about who may read."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, TypeVar

from exclusive_redis_xcom import keys, scripts
from exclusive_redis_xcom.claims import Claim
from exclusive_redis_xcom.envelope import Envelope
from exclusive_redis_xcom.errors import ConfigurationError, CorruptValue, XComTooLarge
from exclusive_redis_xcom.model import NOT_MAPPED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from exclusive_redis_xcom.connection import RedisClient
    from exclusive_redis_xcom.connection.session import Session
    from exclusive_redis_xcom.model import Coordinate

_MILLISECOND = timedelta(milliseconds=1)
__all__ = ["Claim", "Store", "Stored"]

_T = TypeVar("_T")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
# Redis' proto-max-bulk-len: a longer argument is answered by cutting the connection.
_LARGEST_BULK = 512 * 1024 * 1024
# One batch of a bulk read: what one round trip may cost the server, and this process in memory.
_BATCH_FIELDS = 256
_BATCH_BYTES = 8 * 1024 * 1024
# What one script claims at most: Airflow's default max_map_length, and far from the 8,000 values that Lua can unpack.
_BATCH_CLAIMS = 1024


@dataclass(frozen=True, slots=True)
class Stored:
    """What Redis holds for a coordinate.

    ``found`` says whether the hash exists; with it and no ``envelope``, another map_index was pushed or this one
    purged. ``acl`` is the rule of the latest push to the hash, ``own_acl`` that of this value's push, which only the
    values of mapped tasks have.
    """

    acl: bytes | None
    envelope: Envelope | None = field(repr=False)
    found: bool
    own_acl: bytes | None = None


class Store:
    """XComs in Redis.

    Every method raises StoreUnavailable when Redis cannot be reached within the client's deadline or refuses.

    Args:
        client: How to reach Redis.
        key_prefix: The first part of every name.
    """

    def __init__(self, client: RedisClient, *, key_prefix: str) -> None:
        self._client = client
        self._prefix = key_prefix

    def push(
        self, envelope: Envelope, *, acl: bytes, ttl: timedelta, own_acl: bytes | None = None, once: bool = False
    ) -> datetime:
        """Write a value, its rule and the hash's new TTL, all or nothing.

        The results of a mapped task share a hash: there a longer TTL that the hash has stays.

        Running it twice, as a retry after a lost reply does, leaves what running it once does. A new version has
        no claimer, whoever claimed the older one.

        Args:
            envelope: The value; it says where it belongs.
            acl: The rule in force for the key, canonical JSON; it replaces that of the hash.
            own_acl: Where the task is mapped, the rule in force for this value alone.
            ttl: From now, by the server's clock; at least a millisecond.
            once: Whether the value is to be claimed before it is read, see `claim`.

        Returns:
            The server's time of the push, UTC, in whole milliseconds.

        Raises:
            XComTooLarge: Redis cannot take a value this long; nothing was sent.
            ConfigurationError: ``ttl`` is not positive; nothing was sent.
        """
        at = envelope.coordinate
        ttl_ms = ttl // _MILLISECOND
        if ttl_ms < 1:
            raise ConfigurationError(f"{at}: a ttl of {ttl} would not keep it; it must be a millisecond at least.")
        data = envelope.pack()
        if len(data) > _LARGEST_BULK:
            raise XComTooLarge(f"{at} needs {len(data)} bytes; Redis takes at most {_LARGEST_BULK} in one value.")
        name = keys.hash_name(self._prefix, at)
        own = () if own_acl is None else (keys.rule_name(at.map_index), own_acl)
        shared = int(at.map_index != NOT_MAPPED)

        claim = (keys.claim_name(at.map_index), envelope.version if once else "")

        def command(session: Session) -> int:
            value = (keys.ACL_FIELD, acl, keys.field_name(at.map_index), data)
            return int(scripts.PUSH.run(session, name, *value, ttl_ms, shared, *claim, *own))

        return _EPOCH + self._client.run(f"Pushing {at}", command) * _MILLISECOND

    def fetch(self, coordinate: Coordinate) -> Stored:
        """Read one value and its rule, in one round trip.

        Raises:
            CorruptValue: What is there is not what was pushed for this coordinate.
        """
        return self.fetch_many([coordinate])[0]

    def fetch_many(self, coordinates: Sequence[Coordinate], sizes: Sequence[int] | None = None) -> list[Stored]:
        """Read many values and their rules.

        One round trip per batch of at most 256 values and, where ``sizes`` tells them, 8 MiB; to a cluster, one per
        batch and node. The deadline holds for each batch.

        Args:
            coordinates: In any order, also repeated.
            sizes: What each value is known to take in Redis, in bytes.

        Returns:
            One entry per coordinate, in the same order.

        Raises:
            CorruptValue: As for ``fetch``.
        """
        wanted: dict[Coordinate, int] = {}
        for position, coordinate in enumerate(coordinates):
            wanted.setdefault(coordinate, sizes[position] if sizes is not None else 0)
        found: dict[Coordinate, Stored] = {}
        for batch in _batches(wanted):
            found.update(self._fetch_batch(batch))
        return [found[coordinate] for coordinate in coordinates]

    def purge(self, coordinate: Coordinate) -> bool:
        """Remove a value; with the last one of its hash, the hash.

        Returns:
            Whether there was one. False, too, when the reply to a first attempt that removed it was lost.
        """
        return bool(self.purge_many([coordinate]))

    def purge_many(self, coordinates: Sequence[Coordinate]) -> int:
        """Remove values, as `purge` does, at most 256 per round trip. The deadline holds for each batch.

        Returns:
            How many there were; fewer when the reply to an attempt that removed some was lost.
        """
        return self._remove("Purging", coordinates, self._purge_command)

    def discard(self, coordinates: Sequence[Coordinate]) -> int:
        """Remove whole hashes: the values of these XComs and of all their map_indexes, rules and claims.

        For XComs whose task instances are gone altogether. Needs UNLINK, which the Redis user of workers lacks
        (docs/redis-users.acl). Batches, deadline and count are those of `purge_many`; what is counted are hashes.
        """
        return self._remove("Discarding", coordinates, self._discard_command)

    def claim(self, claims: Sequence[tuple[Coordinate, str]], claimer: str) -> list[Claim]:
        """Claim read-once values for one task instance: those of one hash all together, or none of them.

        The same claimer may claim again and is granted again, also after a reply that was lost. One script per hash
        (the map_indexes of one XCom) claims up to 1024 values. Of more than that, batch after batch is claimed in
        the order given until one is refused; what was claimed before stays this claimer's, the rest is withheld.

        Args:
            claims: Coordinate and version, 32 hexadecimal digits, of each value.
            claimer: Who claims, not empty: `claims.claimer_text`.

        Returns:
            One entry per pair, in the same order.

        Raises:
            ValueError: ``claimer`` is empty.
        """
        if not claimer:
            raise ValueError("A claim needs a claimer.")
        hashes: dict[str, dict[tuple[Coordinate, str], None]] = {}
        for pair in claims:
            hashes.setdefault(keys.hash_name(self._prefix, pair[0]), {})[pair] = None
        outcome: dict[tuple[Coordinate, str], Claim] = {}
        for name, pairs in hashes.items():
            outcome.update(self._claim_hash(name, list(pairs), claimer))
        return [outcome[pair] for pair in claims]

    def _claim_hash(
        self, name: str, pairs: list[tuple[Coordinate, str]], claimer: str
    ) -> Iterator[tuple[tuple[Coordinate, str], Claim]]:
        refused = False
        for batch in _slices(pairs, _BATCH_CLAIMS):
            found = [Claim("withheld")] * len(batch) if refused else self._claim_batch(name, batch, claimer)
            refused = refused or any(claim.status != "granted" for claim in found)
            yield from zip(batch, found, strict=True)

    def _claim_batch(self, name: str, batch: Sequence[tuple[Coordinate, str]], claimer: str) -> list[Claim]:
        arguments = [part for at, version in batch for part in (keys.claim_name(at.map_index), version)]
        what = _what("Claiming", [at for at, _ in batch])
        holders = self._client.run(what, lambda session: scripts.CLAIM.run(session, name, claimer, *arguments))
        if not isinstance(holders, list) or len(holders) != len(batch):
            self._client.drop()
            raise CorruptValue(f"{batch[0][0]}: Redis answered something else than was asked. Clear the pulling task.")
        return [Claim.of(holder, claimer) for holder in holders]

    def _remove(
        self,
        verb: str,
        coordinates: Sequence[Coordinate],
        command: Callable[[Sequence[Coordinate]], Callable[[Session], int]],
    ) -> int:
        batches = _slices(list(dict.fromkeys(coordinates)), _BATCH_FIELDS)
        return sum(self._client.run(_what(verb, batch), command(batch)) for batch in batches)

    def _purge_command(self, batch: Sequence[Coordinate]) -> Callable[[Session], int]:
        calls = [
            (keys.hash_name(self._prefix, at), (keys.ACL_FIELD, *_fields(at), keys.claim_name(at.map_index)))
            for at in batch
        ]
        return lambda session: sum(map(int, scripts.PURGE.run_many(session, calls)))

    def _discard_command(self, batch: Sequence[Coordinate]) -> Callable[[Session], int]:
        names = dict.fromkeys(keys.hash_name(self._prefix, at) for at in batch)
        return lambda session: sum(map(int, session.call_many([(name, ("UNLINK", name)) for name in names])))

    def _fetch_batch(self, batch: Sequence[Coordinate]) -> dict[Coordinate, Stored]:
        hashes: dict[str, list[Coordinate]] = {}
        for coordinate in batch:
            hashes.setdefault(keys.hash_name(self._prefix, coordinate), []).append(coordinate)
        calls = [
            (name, ("HMGET", name, keys.ACL_FIELD, *(field_ for at in members for field_ in _fields(at))))
            for name, members in hashes.items()
        ]
        replies = self._client.run(_what("Fetching", batch), lambda session: session.call_many(calls))
        try:
            return {
                at: stored
                for members, reply in zip(hashes.values(), replies, strict=True)
                for at, stored in _read(members, reply)
            }
        except CorruptValue:
            # Maybe a connection that is one reply behind: it must not answer the next question.
            self._client.drop()
            raise


def _read(members: Sequence[Coordinate], reply: Any) -> Iterator[tuple[Coordinate, Stored]]:
    if not isinstance(reply, list) or len(reply) != 2 * len(members) + 1:
        raise CorruptValue(f"{members[0]}: Redis answered something else than was asked. Clear the pulling task.")
    acl, *values = reply
    found = any(part is not None for part in reply)
    for at, value, own_acl in zip(members, values[::2], values[1::2], strict=True):
        envelope = None if value is None else _open(at, value)
        yield at, Stored(acl=acl, own_acl=own_acl, envelope=envelope, found=found)


def _fields(at: Coordinate) -> tuple[str, str]:
    return keys.field_name(at.map_index), keys.rule_name(at.map_index)


def _open(at: Coordinate, value: bytes) -> Envelope:
    try:
        envelope = Envelope.unpack(value)
    except CorruptValue as error:
        raise CorruptValue(f"{at}: {error}") from None
    if envelope.coordinate != at:
        raise CorruptValue(
            f"{at}: Redis holds the value of {envelope.coordinate} in its place. Clear the producing task."
        )
    return envelope


def _batches(wanted: dict[Coordinate, int]) -> Iterator[list[Coordinate]]:
    batch: list[Coordinate] = []
    size = 0
    for coordinate, bytes_ in wanted.items():
        if batch and (len(batch) == _BATCH_FIELDS or size + bytes_ > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(coordinate)
        size += bytes_
    if batch:
        yield batch


def _slices(items: list[_T], size: int) -> Iterator[list[_T]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _what(verb: str, batch: Sequence[Coordinate]) -> str:
    more = f" and {len(batch) - 1} more" if len(batch) > 1 else ""
    return f"{verb} {batch[0]}{more}"
