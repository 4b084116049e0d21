"""What Redis holds, told without the values: names, sizes, TTLs and rules. Operators ask for it, and no task does."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.errors import CorruptValue
from exclusive_redis_xcom.formats import description, packed_rule, redis_names
from exclusive_redis_xcom.formats.envelope import Envelope
from exclusive_redis_xcom.store import scripts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exclusive_redis_xcom.connection.session import Session
    from exclusive_redis_xcom.model import Coordinate, Description
    from exclusive_redis_xcom.store.keyspace import Keyspace

#: How many names one SCAN looks at, and how many hashes are described in one round trip.
_SCANNED = 500
_DESCRIBED = 50
#: A claim is a version of 32 digits, and then who claimed.
VERSION_LENGTH = 32
_INDEX = re.compile(r"-1|0|[1-9][0-9]{0,9}")


@dataclass(frozen=True, slots=True)
class Held:
    """One value.

    Attributes:
        map_index: `-1` where the task is not mapped.
        bytes: The bytes of its fields in Redis, with their names.
        envelope: Its head, without the payload; None if it cannot be read.
        claimed: Whether a task instance has claimed it.
        spilled: Whether its payload lies in object storage.
        description: What it is like, as its push told; None if the push told nothing. It is not trusted.
    """

    map_index: int
    bytes: int
    envelope: Envelope | None
    claimed: bool
    spilled: bool
    description: Description | None = None

    @property
    def bytes_elsewhere(self) -> int:
        """The bytes of its payload in object storage, as its head says."""
        return self.envelope.elsewhere if self.spilled and self.envelope is not None else 0


@dataclass(frozen=True, slots=True)
class Inventory:
    """One hash: the XCom of one run, with all its map indexes.

    Attributes:
        at: Its coordinate. The map_index tells nothing.
        ttl: How long Redis keeps it; None if it has no TTL.
        acl: The rule in force, as Redis holds it. It is not trusted.
        bytes: The bytes of all fields in Redis, with their names.
        values: The number of values.
        held: The values that were described, sorted by map_index. There may be more.
    """

    at: Coordinate
    ttl: timedelta | None
    acl: bytes
    bytes: int
    values: int
    held: tuple[Held, ...]

    @property
    def bytes_elsewhere(self) -> int:
        """The bytes in object storage of the values that were described."""
        return sum(held.bytes_elsewhere for held in self.held)


def take(
    keyspace: Keyspace, dag_id: str | None = None, task_id: str | None = None, *, most_values: int = 100
) -> Iterator[Inventory]:
    """Yield all hashes of XComs, in no order, in bounded steps. A hash that expires meanwhile may be missing.

    Args:
        keyspace: How to reach Redis. The user needs `scan`, `hkeys`, `hstrlen`, `hget` and `pttl` besides what the
            users of the store have.
        dag_id: One DAG alone; None for all.
        task_id: Tasks of this id alone; None for all.
        most_values: How many values of each hash are described.

    Raises:
        StoreUnavailable: Redis cannot be reached, or refuses.
    """
    pattern = redis_names.name_pattern(keyspace.prefix, dag_id, task_id)
    seen: set[str] = set()
    for node in keyspace.client.run("Listing XComs", lambda session: session.node_keys()):
        for names in _scanned(keyspace, node, pattern):
            new = [name for name in dict.fromkeys(names) if name not in seen]
            seen.update(new)
            found = [(name, redis_names.parse_name(keyspace.prefix, name)) for name in new]
            wanted = [
                (name, at)
                for name, at in found
                if at is not None and dag_id in (None, at.dag_id) and task_id in (None, at.task_id)
            ]
            for start in range(0, len(wanted), _DESCRIBED):
                yield from _described(keyspace, wanted[start : start + _DESCRIBED], most_values)


def _scanned(keyspace: Keyspace, node: str, pattern: str) -> Iterator[list[str]]:
    cursor = b"0"
    while True:

        def scan(session: Session, cursor: bytes = cursor) -> Any:
            return session.call(node, ("SCAN", cursor, "MATCH", pattern, "COUNT", _SCANNED, "TYPE", "hash"))

        cursor, names = keyspace.client.run("Listing XComs", scan)
        cursor = cursor if isinstance(cursor, bytes) else str(cursor).encode()
        yield [name.decode("utf-8", "replace") if isinstance(name, bytes) else name for name in names]
        if cursor == b"0":
            return


def _described(keyspace: Keyspace, batch: list[tuple[str, Coordinate]], most_values: int) -> Iterator[Inventory]:
    calls: list[tuple[str, tuple[scripts.Argument, ...]]] = [
        (name, (redis_names.ACL_FIELD, most_values)) for name, _ in batch
    ]
    replies = keyspace.client.run("Describing XComs", lambda session: scripts.INVENTORY.run_many(session, calls))
    for (_, at), reply in zip(batch, replies, strict=True):
        if reply is not None:
            yield _inventory(at, reply)


def _inventory(at: Coordinate, reply: list[Any]) -> Inventory:
    ttl, acl, size, values, *described = reply
    held = [held_of(at, *described[start : start + 6]) for start in range(0, len(described), 6)]
    return Inventory(
        at,
        ttl=None if int(ttl) < 0 else timedelta(milliseconds=int(ttl)),
        acl=packed_rule.unpack(bytes(acl), at),
        bytes=int(size),
        values=int(values),
        held=tuple(sorted((each for each in held if each is not None), key=lambda each: each.map_index)),
    )


def held_of(
    at: Coordinate, index: bytes, size: int, head: bytes, claim: int, spilled: bytes, described: bytes
) -> Held | None:
    """Read what a script tells of one value; None if the map_index is none. That of `at` tells nothing."""
    text = index.decode("ascii", "replace")
    if _INDEX.fullmatch(text) is None:
        return None
    envelope = _head(head, replace(at, map_index=int(text)))
    told = None
    if envelope is not None:
        inner = envelope.description
        told = description.loads_inner(inner) if inner else description.loads(described, envelope.version)
    return Held(int(text), int(size), envelope, int(claim) > VERSION_LENGTH, bool(spilled), told)


def _head(data: bytes, at: Coordinate) -> Envelope | None:
    try:
        return Envelope.unpack_facts(data, at)
    except CorruptValue:
        return None
