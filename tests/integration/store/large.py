"""Values too large for one field, and helpers that look at their parts."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

from devtools.redis_server import RedisServer
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.formats.envelope import PART_BYTES, Envelope
from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.store import Push, Store, parts
from tests.integration.support import ACL, PREFIX, TTL, admin, at, do, value

NAME = redis_names.hash_name(PREFIX, at())
LARGE = 3 * PART_BYTES + 17  # this takes four parts


def large(coordinate: Coordinate | None = None, size: int = LARGE) -> Envelope:
    return value(coordinate or at(), size=size)


def push(store: Store, envelope: Envelope, **options: object) -> Envelope:
    own_acl = ACL if envelope.coordinate.map_index >= 0 else None
    store.push(Push(envelope, acl=ACL, ttl=TTL, own_acl=own_acl, **options))  # type: ignore[arg-type]
    return envelope


def begin(store: Store, envelope: Envelope, *, parts_written: int = 3) -> None:
    """Write what a killed push leaves behind."""
    pieces = (b"".join(envelope.payload)[: parts_written * PART_BYTES],)
    parts.write(
        getattr(store, "workers", store)._keyspace,
        dataclasses.replace(envelope, payload=pieces),
        TTL // timedelta(milliseconds=1),
    )


def parts_of(store: Store, envelope: Envelope) -> int:
    """Return how many parts of this version Redis holds."""
    head = envelope.in_parts()
    names = [redis_names.part_name(head.coordinate.map_index, head.version, number) for number in range(head.parts)]
    name = redis_names.hash_name(PREFIX, head.coordinate)
    found = do(store, name, "HMGET", name, *names)
    return sum(part is not None for part in found)


def fields(server: RedisServer) -> int:
    with admin(server) as client:
        return client.hlen(NAME)
