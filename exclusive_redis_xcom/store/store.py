"""All operations of the store."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.errors import ConfigurationError, StoreUnavailable
from exclusive_redis_xcom.store import (
    chunks,
    claiming,
    current,
    every,
    inventory,
    known,
    marks,
    observing,
    parts,
    reading,
    removal,
    results,
    scripts,
)
from exclusive_redis_xcom.store.keyspace import DEFAULT_MAX_PAYLOAD_BYTES, Keyspace, moment
from exclusive_redis_xcom.tracebacks import errors_without_locals

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from exclusive_redis_xcom.connection import RedisClient
    from exclusive_redis_xcom.connection.session import Command, Session
    from exclusive_redis_xcom.formats.claims import Claim
    from exclusive_redis_xcom.formats.envelope import Envelope
    from exclusive_redis_xcom.formats.observed import Day, Event, Observed
    from exclusive_redis_xcom.model import Coordinate
    from exclusive_redis_xcom.store.values import Current, Push, Results, Stored


class Store:
    """XComs in Redis.

    The backend clears the local variables of errors of pushes and pulls, so these methods do not do it again.

    Every method raises StoreUnavailable if Redis refuses, or cannot be reached within the client's deadline.

    Args:
        client: How to reach Redis.
        key_prefix: The first part of every name.
        max_payload_bytes: The largest payload that is put together from parts. A value announces its size, and
            whoever has Redis' password can write that size.
        generation: In which generation pushes write (`formats/redis_names.py`): 3, or 2 for earlier releases.
    """

    def __init__(
        self,
        client: RedisClient,
        *,
        key_prefix: str,
        max_payload_bytes: int = DEFAULT_MAX_PAYLOAD_BYTES,
        generation: int = 3,
    ) -> None:
        self._client = client
        self._keyspace = Keyspace(client, key_prefix, max_payload_bytes)
        self._generation = generation
        self._pulse: marks.Pulse | None = None
        self._may_discard = True

    def push(self, push: Push) -> datetime:
        """Write a value, its rule and the hash's new TTL, all or nothing.

        The results of a mapped task share a hash. If this hash has a longer TTL already, the longer one stays. A value
        of more than 1 MiB is sent in parts first, 8 MiB per round trip. The deadline holds for each round trip.

        A retry after a lost reply pushes twice. That leaves the same as one push, even if the value was claimed,
        committed or uncommitted in between. A new version has no claimer, whoever claimed the older one.

        Returns:
            The server's time of the push, UTC, in whole milliseconds.

        Raises:
            XComTooLarge: The ids are too long, or the value takes more than 2 GiB. Nothing was sent.
            ConfigurationError: `ttl` is not positive. Nothing was sent.
        """
        envelope, at = push.envelope, push.envelope.coordinate
        if push.ttl_ms < 1:
            raise ConfigurationError(
                f"A ttl of {push.ttl} would not keep the value.\n{at}.\nSet a millisecond at least."
            )
        in_parts = parts.are_needed(envelope)
        sent = replace(push, envelope=envelope.in_parts()) if in_parts else push
        script, arguments = scripts.push_call(sent, self._generation)
        for _ in range(parts.MOST_RESTARTS):
            if in_parts:
                parts.write(self._keyspace, envelope, push.ttl_ms)
            pushed = self._run_push(sent.envelope, script, arguments)
            if pushed is not None:
                pushed_ms, garbage = pushed
                if garbage:
                    parts.sweep_if_possible(self._keyspace, at)
                return moment(pushed_ms)
        raise parts.contended(at)

    def fetch(self, coordinate: Coordinate) -> Stored:
        """Read one value and its rule, in one round trip.

        Raises:
            CorruptValue: Redis holds something else than was pushed for this coordinate.
        """
        return self.fetch_many([coordinate])[0]

    def fetch_many(
        self,
        coordinates: Sequence[Coordinate],
        sizes: Sequence[int] | None = None,
        asides: Sequence[tuple[str, Command]] = (),
    ) -> list[Stored]:
        """Read many values and their rules.

        A round trip (in a cluster, one per node) has at most 8 MiB of values, or a single value. Where `sizes` is not
        given, it has at most 256 values. Values of more than 1 MiB come one by one, with one more round trip per 16
        MiB. The deadline holds for each round trip.

        Args:
            coordinates: The coordinates, in any order. One may stand there twice.
            sizes: How many bytes each value is known to take in Redis.
            asides: Commands of `counting`, sent along.

        Returns:
            One entry per coordinate, in the same order.

        Raises:
            CorruptValue: As for `fetch`.
        """
        return reading.fetch_many(self._keyspace, coordinates, sizes, asides)

    def fetch_results(
        self,
        at: Coordinate,
        indexes: Sequence[int],
        sizes: Sequence[int],
        asides: Sequence[tuple[str, Command]] = (),
    ) -> Results:
        """Read results of a mapped task and their rules, as `fetch_many` does.

        Args:
            at: The XCom, with any map_index.
            indexes: The map indexes, in any order. At least one is needed.
            sizes: How many bytes each value is known to take in Redis.
            asides: As for `fetch_many`.

        Raises:
            CorruptValue: As for `fetch`.
        """
        return results.fetch_results(self._keyspace, at, indexes, sizes, asides)

    def fetch_current(
        self, coordinate: Coordinate, *, alone: bool = False, asides: Sequence[tuple[str, Command]] = ()
    ) -> Current | None:
        """Read a value if Airflow's database is known to refer to it; else return None.

        This is tried once. Every API server must have been heard of within the last 6 s. The value must have been
        pushed after all of them had begun to watch. `with_payload` adds a payload that lies in parts.

        Args:
            coordinate: Where the value is.
            alone: Find the value only if its hash holds nothing else, not even of another map_index.
            asides: Commands of `counting`, sent along.

        Raises:
            CorruptValue: Redis holds something else than was pushed for the coordinate.
        """
        return current.fetch_current(self._keyspace, coordinate, alone=alone, asides=asides)

    def fetch_every(self, first: Coordinate, *, asides: Sequence[tuple[str, Command]] = ()) -> Current | None:
        """Read all results of a mapped task if Airflow's database is known to refer to these alone; else return None.

        The conditions of `fetch_current` hold. Besides, each result must lie in one field.

        Args:
            first: The XCom of map_index 0.
            asides: Commands of `counting`, sent along.

        Raises:
            CorruptValue: As for `fetch_current`.
        """
        return every.fetch_every(self._keyspace, first, asides)

    def fetch_chunk(
        self, first: Coordinate, most: int, most_bytes: int, *, asides: Sequence[tuple[str, Command]] = ()
    ) -> chunks.Chunk | None:
        """Read some results of a mapped task, if Airflow's database is known to refer to these; else return None.

        The conditions of `fetch_every` hold for these results. Two chunks are not of the same moment. A result that
        lies in parts comes without its payload, and `with_payload` adds that.

        Args:
            first: The XCom of the first map_index that is wanted. It need not exist.
            most: How many results are wanted at most.
            most_bytes: How many bytes they may have. A larger first result comes alone.
            asides: Commands of `counting`, sent along.

        Raises:
            CorruptValue: As for `fetch_current`.
        """
        return chunks.fetch_chunk(self._keyspace, first, most, most_bytes, asides)

    def with_payload(self, stored: Stored) -> Stored | None:
        """Return a value of `fetch_current` with its payload; None if the value has been replaced. This is tried once.

        Raises:
            CorruptValue: The parts do not make up the payload.
            XComTooLarge: The value announces more bytes than `max_payload_bytes`.
        """
        return reading.with_payload(self._keyspace, stored, once=True)

    @errors_without_locals
    def spilled(self, coordinates: Sequence[Coordinate]) -> list[str | None]:
        """Return the names of the objects in which values lie; None for a value that lies in Redis or is missing."""
        return reading.spilled(self._keyspace, coordinates)

    @errors_without_locals
    def purge(self, coordinate: Coordinate) -> bool:
        """Remove a value. The last value of a hash takes the hash with it.

        Returns:
            Whether there was a value. It is also False if a first attempt removed the value and its reply was lost.
        """
        return bool(self.purge_many([coordinate]))

    @errors_without_locals
    def purge_many(self, coordinates: Sequence[Coordinate]) -> int:
        """Remove values, as `purge` does, at most 256 per round trip. The deadline holds for each batch.

        Returns:
            How many values there were. It is fewer if an attempt removed some and its reply was lost.
        """
        return removal.purge_many(self._keyspace, coordinates)

    @errors_without_locals
    def discard(self, coordinates: Sequence[Coordinate]) -> int:
        """Remove whole hashes: the values of these XComs at all their map_indexes, with rules, marks and claims.

        This is for XComs whose task instances no longer exist. It needs UNLINK, and the Redis user of workers lacks
        that right (`cli/redis-users.acl`). Batches and deadline are those of `purge_many`. The result counts hashes.
        """
        return removal.discard(self._keyspace, coordinates)

    @errors_without_locals
    def free(self, coordinates: Sequence[Coordinate]) -> int:
        """Remove whole hashes as `discard` does, also where the Redis user is that of workers.

        Without the right to UNLINK, the hashes expire now. That user's pushes set their TTL, too.
        """
        if self._may_discard:
            try:
                return self.discard(coordinates)
            except StoreUnavailable as error:
                if "(NOPERM)" not in str(error):
                    raise
                # Redis notes each refusal in ACL LOG, so it is asked once.
                self._may_discard = False
        return removal.expire(self._keyspace, coordinates)

    def inventory(
        self, dag_id: str | None = None, task_id: str | None = None, *, most_values: int = 100
    ) -> Iterator[inventory.Inventory]:
        """Yield what Redis holds, without the values; see `inventory.take`."""
        return inventory.take(self._keyspace, dag_id, task_id, most_values=most_values)

    @errors_without_locals
    def known(self, coordinates: Sequence[Coordinate]) -> list[known.Known | None]:
        """Tell what Redis holds for each coordinate, without the values, in the same order; None if there is no hash.

        A round trip asks for 100 coordinates. Neighbours that share a hash are asked for together.
        """
        return known.known(self._keyspace, coordinates)

    @errors_without_locals
    def fetch_small(self, coordinate: Coordinate, most: int) -> Stored:
        """Read one value and its rules, if its payload has at most `most` bytes. A larger one is not sent.

        Raises:
            XComTooLarge: The payload is larger.
            CorruptValue: As for `fetch`.
        """
        return known.fetch_small(self._keyspace, coordinate, most)

    @errors_without_locals
    def claim(self, claims: Sequence[tuple[Coordinate, str]], claimer: str) -> list[Claim]:
        """Claim read-once values for one task instance: all values of one hash, or none of them.

        The same claimer may claim again, for example after a lost reply, and is granted again. One script per hash (the
        map_indexes of one XCom) claims up to 1024 values. More than 1024 are claimed batch after batch in the order
        given, until a batch is refused. What was claimed before stays with this claimer, and the rest is withheld.

        Args:
            claims: The coordinate and the version (32 hexadecimal digits) of each value.
            claimer: Who claims: `claims.claimer_text`. It is not empty.

        Returns:
            One entry per pair, in the same order.

        Raises:
            ValueError: `claimer` is empty.
        """
        return claiming.claim(self._keyspace, claims, claimer)

    @errors_without_locals
    def commit(self, coordinate: Coordinate, version: str | None, rows: marks.Rows | None = None) -> bool:
        """Mark a value as the one that Airflow's database refers to, from now on by Redis' clock.

        A mark that names another version is removed. A repeated commit changes nothing: the first time stays. A commit
        may come long after the push. Against `distrust`, the time of the push counts, not that of the commit.

        Args:
            coordinate: Whose row was written.
            version: The version that the row refers to. If it refers to none, it is None, and the mark is removed.
            rows: A function that lists the map_indexes of all rows of the key, where the task is mapped. It is called
                if it is not known whether each of them has a mark. Then `fetch_every` can tell. Without the function,
                that stays unknown.

        Returns:
            Whether the value is marked now. It is not if nothing is there, if something else was pushed since, or if
            the push was not `watched`.
        """
        return marks.commit(self._keyspace, coordinate, version, rows)

    @errors_without_locals
    def uncommit(self, coordinates: Sequence[Coordinate]) -> None:
        """Remove marks, at most 256 per round trip. Nobody knows any more what the database refers to."""
        marks.uncommit(self._keyspace, coordinates)

    @errors_without_locals
    def beat(self, server: str, *, missed: bool) -> None:
        """Tell Redis that an API server watches over XCom rows. The server repeats this every 2 s.

        If a server has not done so for 6 s, `fetch_current` finds nothing. After 60 s, the server counts as gone. Some
        beats make the marks of everything pushed before them worthless. These are a server's first beat, its first
        after a pause of 6 s, and its first over a new connection.

        Args:
            server: The id of the server, 32 hexadecimal digits.
            missed: Whether the server failed to tell Redis of a change since its last beat. Then no mark of anything
                pushed so far counts.

        Raises:
            ValueError: `server` is no id.
        """
        if self._pulse is None:
            self._pulse = marks.Pulse(self._keyspace)
        self._pulse.beat(server, missed=missed)

    @errors_without_locals
    def leave(self, server: str) -> None:
        """Tell Redis that an API server stops and changes no more rows.

        Raises:
            ValueError: `server` is no id.
        """
        marks.leave(self._keyspace, server)

    @errors_without_locals
    def distrust(self) -> None:
        """Let no mark of anything pushed until now count, because rows have changed that are not named."""
        marks.distrust(self._keyspace)

    def counting(self, events: Iterable[Event]) -> list[tuple[str, Command]]:
        """Return the commands that count events in the record of reads and refusals. They never fail in Redis."""
        return observing.counting(self._keyspace, events)

    @errors_without_locals
    def count(self, events: Iterable[Event]) -> None:
        """Count events in the record of reads and refusals. This is tried once. At most 100 of a DAG are counted."""
        observing.count(self._keyspace, events)

    @errors_without_locals
    def observed(self, dag_id: str) -> Observed | None:
        """Read what was recorded of a DAG's XComs; None if nothing was. Tasks may have written any of it.

        One round trip reads 250 entries. The deadline holds for each.
        """
        return observing.observed_of(self._keyspace, dag_id)

    @errors_without_locals
    def observed_dags(self) -> list[str]:
        """Return the ids of the DAGs that have a record, sorted. Tasks may have added any, and taken away any."""
        return observing.observed_dags(self._keyspace)

    @errors_without_locals
    def refusals_by_day(self, dag_ids: Iterable[str]) -> dict[str, tuple[Day, ...]]:
        """Read how many pulls of these DAGs' XComs were refused on each of the last days. Tasks may have written any.

        One round trip reads 250 DAGs. The deadline holds for each. A DAG of which nothing was recorded is left out.
        """
        return observing.refusals_by_day(self._keyspace, dag_ids)

    def _run_push(
        self, head: Envelope, script: scripts.Script, arguments: tuple[scripts.Argument, ...]
    ) -> tuple[int, int] | None:
        """Return the time of the push, and whether to remove parts; None if parts of this version are missing."""
        keyspace, at = self._keyspace, head.coordinate
        name = keyspace.hash_of(at)

        def command(session: Session) -> Any:
            return script.run(session, name, *arguments)

        reply = keyspace.client.run(
            f"Pushing {at}", parts.or_give_up(keyspace, head, command) if head.parts else command
        )
        return None if reply is None else (int(reply[0]), int(reply[1]))
