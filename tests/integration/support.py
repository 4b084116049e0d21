"""Helpers for the integration tests: stores, values that prove whose they are, and commands past the store."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import traceback
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import redis

from devtools.redis_server import RedisServer
from devtools.redis_sets import ClusterSet, ask
from exclusive_redis_xcom.connection import RedisClient, Timeouts
from exclusive_redis_xcom.connection.url import options_from_url
from exclusive_redis_xcom.formats.envelope import Envelope
from exclusive_redis_xcom.memory import joined
from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.store import Push, Store

#: The type of the fixture `start_redis`.
Start = Callable[..., RedisServer]

PREFIX = "xcom-test"
ACL = b'{"rule":1}'
TTL = timedelta(minutes=10)
USER = "exclusive_redis_xcom"
API_USER = "exclusive_redis_xcom_api"
PASSWORD = "canary-p4ssword"
API_PASSWORD = "canary-ap1-p4ssword"
ROOT = Path(__file__).resolve().parents[2]
USERS_FILE = ROOT / "docs" / "redis-users.acl"


def at(map_index: int = -1, *, key: str = "key", task_id: str = "task") -> Coordinate:
    return Coordinate("dag", "run", task_id, key, map_index)


def payload_of(coordinate: Coordinate, version: str, size: int) -> bytes:
    """Return bytes that only this push of this coordinate can have."""
    seed = hashlib.sha256(f"{coordinate!r}{version}".encode()).digest()
    return (seed * (size // len(seed) + 1))[:size]


def value(coordinate: Coordinate, *, size: int = 100) -> Envelope:
    version = secrets.token_hex(16)
    return Envelope(
        coordinate=coordinate,
        version=version,
        codec="msgpack",
        compression="off",
        decoded_size=size,
        pushed_at=datetime.now(timezone.utc),
        payload=(payload_of(coordinate, version, size),),
    )


def is_intact(envelope: Envelope, coordinate: Coordinate) -> bool:
    """Return whether the envelope holds a whole value that was pushed for this coordinate."""
    expected = payload_of(coordinate, envelope.version, envelope.decoded_size)
    return envelope.coordinate == coordinate and joined(envelope.payload) == expected


@contextlib.contextmanager
def open_store(
    url: str, *, deadline: float = 5.0, read: float = 2.0, connect: float = 1.0, prefix: str = PREFIX
) -> Iterator[Store]:
    client = RedisClient(options_from_url(url), Timeouts(connect, read, deadline))
    try:
        yield Store(client, key_prefix=prefix)
    finally:
        client.close()


def shown(error: BaseException) -> str:
    """Return all texts of an error that a log could show."""
    return "".join((str(error), repr(error), repr(error.args), *traceback.format_exception(error)))


def restricted_users() -> dict[str, str]:
    """Return the users of docs/redis-users.acl as lines of redis.conf, with the tests' prefix and passwords."""
    lines = [text for text in USERS_FILE.read_text().splitlines() if not text.startswith("user default ")]
    named = {f"user {name}": rights for _, name, rights in (line.split(" ", 2) for line in lines)}
    assert set(named) == {f"user {USER}", f"user {API_USER}"}
    return {
        name: rights.replace("~exclusive_redis_xcom:*", f"~{PREFIX}:*")
        .replace(">change-me-api ", f">{API_PASSWORD} ")
        .replace(">change-me ", f">{PASSWORD} ")
        for name, rights in named.items()
    }


def push_pairs(
    store: Store, *map_indexes: int, once: bool = True, ttl: timedelta = TTL
) -> list[tuple[Coordinate, str]]:
    """Push values and return their coordinates and versions, as a claim names them."""
    pushed = [value(at(index)) for index in map_indexes]
    for envelope in pushed:
        store.push(Push(envelope, acl=ACL, ttl=ttl, own_acl=None if envelope.coordinate == at() else ACL, once=once))
    return [(envelope.coordinate, envelope.version) for envelope in pushed]


def do(store: Store, name: str, *command: Any) -> Any:
    """Send a command about one key, past the store."""
    return store._client.run("looking", lambda session: session.call(name, command))


def ttl_ms(store: Store, name: str) -> int:
    """Return what is left of a hash's TTL. A worker asks, because the API server's user may not send PTTL."""
    return int(do(getattr(store, "workers", store), name, "PTTL", name))


def begin_migration(source: RedisServer, target: RedisServer, slot: int) -> None:
    """Begin to move a slot of a cluster to another node."""
    ask(target, "CLUSTER", "SETSLOT", slot, "IMPORTING", ask(source, "CLUSTER", "MYID"))
    ask(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", ask(target, "CLUSTER", "MYID"))


def end_migration(cluster: ClusterSet, target: RedisServer, slot: int) -> None:
    """Tell the whole cluster which node has the slot now."""
    owner = ask(target, "CLUSTER", "MYID")
    for node in (target, *cluster.nodes):
        ask(node, "CLUSTER", "SETSLOT", slot, "NODE", owner)


def admin(server: RedisServer) -> contextlib.closing[redis.Redis]:
    """Open an administrator's client."""
    return contextlib.closing(redis.Redis(port=server.port, socket_timeout=5))


@contextlib.contextmanager
def user_without(server: RedisServer, command: str) -> Iterator[str]:
    """Make a user who lacks one command, and yield that user's URL. Check at the end that every key has a TTL."""
    with admin(server) as client:
        client.execute_command("ACL", "SETUSER", "lacking", "on", "nopass", "~*", "+@all", f"-{command}")
        try:
            yield server.url.replace("://", "://lacking:x@")
        finally:
            client.execute_command("ACL", "DELUSER", "lacking")

        assert [key for key in client.scan_iter() if client.ttl(key) == -1] == []
