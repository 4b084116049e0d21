"""The store's operations, for whoever uses it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.errors import ConfigurationError
from exclusive_redis_xcom.store import claiming, current, every, marks, parts, reading, removal, scripts
from exclusive_redis_xcom.store.keyspace import DEFAULT_MAX_PAYLOAD_BYTES, Keyspace, moment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from exclusive_redis_xcom.connection import RedisClient
    from exclusive_redis_xcom.connection.session import Session
    from exclusive_redis_xcom.formats.claims import Claim
    from exclusive_redis_xcom.formats.envelope import Envelope
    from exclusive_redis_xcom.model import Coordinate
    from exclusive_redis_xcom.store.values import Current, Push, Stored


class Store:
    """XComs in Redis.

    Every method raises StoreUnavailable when Redis cannot be reached within the client's deadline or refuses.

    Args:
        client: How to reach Redis.
        key_prefix: The first part of every name.
        max_payload_bytes: Largest payload that is put together of parts; whoever has Redis' password writes what a
            value announces.
    """

    def __init__(
        self, client: RedisClient, *, key_prefix: str, max_payload_bytes: int = DEFAULT_MAX_PAYLOAD_BYTES
    ) -> None:
        self._client = client
        self._keyspace = Keyspace(client, key_prefix, max_payload_bytes)
        self._pulse: marks.Pulse | None = None

    def push(self, push: Push) -> datetime:
        """Write a value, its rule and the hash's new TTL, all or nothing.

        The results of a mapped task share a hash: there a longer TTL that the hash has stays. More than 1 MiB is sent
        in parts first, 8 MiB per round trip; the deadline holds for each of these.

        Running it twice, as a retry after a lost reply does, leaves what running it once does, also where the value was
        claimed, committed or uncommitted in between. A new version has no claimer, whoever claimed the older one.

        Returns:
            The server's time of the push, UTC, in whole milliseconds.

        Raises:
            XComTooLarge: The ids are too long, or the value takes more than 2 GiB; nothing was sent.
            ConfigurationError: `ttl` is not positive; nothing was sent.
        """
        envelope, at = push.envelope, push.envelope.coordinate
        if push.ttl_ms < 1:
            raise ConfigurationError(f"{at}: a ttl of {push.ttl} would not keep it; it must be a millisecond at least.")
        in_parts = parts.are_needed(envelope)
        sent = replace(push, envelope=envelope.in_parts()) if in_parts else push
        arguments = scripts.push_arguments(sent)
        for _ in range(parts.MOST_RESTARTS):
            if in_parts:
                parts.write(self._keyspace, envelope, push.ttl_ms)
            pushed = self._run_push(sent.envelope, arguments)
            if pushed is not None:
                pushed_ms, garbage = pushed
                if garbage:
                    parts.sweep_if_possible(self._keyspace, at)
                return moment(pushed_ms)
        raise parts.contended(at)

    def fetch(self, coordinate: Coordinate) -> Stored:
        """Read one value and its rule, in one round trip.

        Raises:
            CorruptValue: What is there is not what was pushed for this coordinate.
        """
        return self.fetch_many([coordinate])[0]

    def fetch_many(self, coordinates: Sequence[Coordinate], sizes: Sequence[int] | None = None) -> list[Stored]:
        """Read many values and their rules.

        One round trip per batch of at most 256 values and, where `sizes` tells them, 8 MiB; to a cluster, one per
        batch and node. Values of more than 1 MiB come one by one, with a round trip more per 16 MiB. The deadline holds
        for each round trip.

        Args:
            coordinates: In any order, also repeated.
            sizes: What each value is known to take in Redis, in bytes.

        Returns:
            One entry per coordinate, in the same order.

        Raises:
            CorruptValue: As for `fetch`.
        """
        return reading.fetch_many(self._keyspace, coordinates, sizes)

    def fetch_current(self, coordinate: Coordinate, *, alone: bool = False) -> Current | None:
        """Read a value that Airflow's database is known to refer to; None unless that is known.

        It is tried once. The API servers must all have been heard of within the last 6 s, and the value must have been
        pushed after all of them had begun to watch. What lies in parts is for `with_payload`.

        Args:
            coordinate: Where.
            alone: Find it only if its hash holds nothing else, of no other map_index either.

        Raises:
            CorruptValue: What is there is not what was pushed for the coordinate.
        """
        return current.fetch_current(self._keyspace, coordinate, alone=alone)

    def fetch_every(self, first: Coordinate) -> Current | None:
        """Read all results of a mapped task; None unless Airflow's database is known to refer to these and no others.

        As for `fetch_current`; besides, their map indexes must have no gap, and each must lie in one field.

        Args:
            first: The XCom of map_index 0.

        Raises:
            CorruptValue: As for `fetch_current`.
        """
        return every.fetch_every(self._keyspace, first)

    def with_payload(self, stored: Stored) -> Stored | None:
        """A value of `fetch_current` with its payload; None if it has been replaced. Tried once.

        Raises:
            CorruptValue: Its parts do not make up the payload.
            XComTooLarge: It announces more bytes than `max_payload_bytes`.
        """
        return reading.with_payload(self._keyspace, stored, once=True)

    def spilled(self, coordinates: Sequence[Coordinate]) -> list[str | None]:
        """The names of the objects in which values lie; None for each value that lies in Redis or is not there."""
        return reading.spilled(self._keyspace, coordinates)

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
        return removal.purge_many(self._keyspace, coordinates)

    def discard(self, coordinates: Sequence[Coordinate]) -> int:
        """Remove whole hashes: the values of these XComs and of all their map_indexes, rules, marks and claims.

        For XComs whose task instances are gone altogether. Needs UNLINK, which the Redis user of workers lacks
        (docs/redis-users.acl). Batches, deadline and count are those of `purge_many`; what is counted are hashes.
        """
        return removal.discard(self._keyspace, coordinates)

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
            ValueError: `claimer` is empty.
        """
        return claiming.claim(self._keyspace, claims, claimer)

    def commit(self, coordinate: Coordinate, version: str | None, rows: marks.Rows | None = None) -> bool:
        """Mark a value as the one that Airflow's database refers to, from now on by Redis' clock.

        A mark that names another version is removed. Repeating it changes nothing: the first time stays. However long
        after the push it is done: what counts against a change of all rows meanwhile is the time of the push.

        Args:
            coordinate: Whose row was written.
            version: What the row refers to; None if it refers to nothing: then the mark is removed.
            rows: Lists the map_indexes of all rows of the key, where the task is mapped. Called where it is not known
                whether each of them has a mark, so that `fetch_every` can tell. Without it, that stays unknown.

        Returns:
            Whether it is marked now. Not, where nothing is there, something else was pushed since, or the push was
            not `watched`.
        """
        return marks.commit(self._keyspace, coordinate, version, rows)

    def uncommit(self, coordinates: Sequence[Coordinate]) -> None:
        """Remove marks: nobody knows any more what the database refers to. At most 256 per round trip."""
        marks.uncommit(self._keyspace, coordinates)

    def beat(self, server: str, *, missed: bool) -> None:
        """Say that an API server watches over XCom rows. To be repeated every 2 s.

        If it does not for 6 s, `fetch_current` finds nothing, and after 60 s it counts as gone. Marks of what was
        pushed before its first beat, before one after such a pause, or before one over a new connection, count for
        nothing from then on.

        Args:
            server: Its id, 32 hexadecimal digits.
            missed: Whether it failed to tell Redis of a change since its last beat; then no mark of what was pushed so
                far counts.

        Raises:
            ValueError: `server` is no id.
        """
        if self._pulse is None:
            self._pulse = marks.Pulse(self._keyspace)
        self._pulse.beat(server, missed=missed)

    def leave(self, server: str) -> None:
        """Say that an API server stops and changes no more rows.

        Raises:
            ValueError: `server` is no id.
        """
        marks.leave(self._keyspace, server)

    def distrust(self) -> None:
        """Let no mark count of what was pushed until now: rows have changed that are not named."""
        marks.distrust(self._keyspace)

    def _run_push(self, head: Envelope, arguments: tuple[scripts.Argument, ...]) -> tuple[int, int] | None:
        """Time of the push, and whether there are parts to remove; None if parts of this version are missing."""
        keyspace, at = self._keyspace, head.coordinate
        name = keyspace.hash_of(at)

        def command(session: Session) -> Any:
            return scripts.PUSH.run(session, name, *arguments)

        reply = keyspace.client.run(
            f"Pushing {at}", parts.or_give_up(keyspace, head, command) if head.parts else command
        )
        return None if reply is None else (int(reply[0]), int(reply[1]))
