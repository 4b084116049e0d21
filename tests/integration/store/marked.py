"""Push values with marks, and look at what Redis holds of marks and of API servers."""

from __future__ import annotations

import secrets
from typing import Any

from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.formats.envelope import Envelope
from exclusive_redis_xcom.store import Push, Store
from tests.integration.support import ACL, PREFIX, TTL, at, do, value

SERVER, OTHER = secrets.token_hex(16), secrets.token_hex(16)
SERVERS = redis_names.servers_name(PREFIX)


def push(store: Store, map_index: int = -1, **options: Any) -> Envelope:
    pushed = value(at(map_index), **options)
    store.push(Push(pushed, acl=ACL, ttl=TTL, own_acl=None if map_index < 0 else ACL, watched=True))
    return pushed


def watch_since_long_ago(store: Store, *servers: str) -> None:
    """Let API servers have watched for long, so that marks count at once."""
    for server in servers or (SERVER,):
        store.beat(server, missed=False)
    do(store, SERVERS, "HSET", SERVERS, "epoch", "0")


def mark(store: Store, map_index: int = -1) -> bytes | None:
    name = redis_names.hash_name(PREFIX, at())
    (found,) = do(store, name, "HMGET", name, f"{map_index}:committed")
    return None if found is None else bytes(found)


def generation(store: Store) -> int:
    """Return in which generation the store's pushes write."""
    return getattr(store, "workers", store)._generation


def redis_ms(store: Store) -> int:
    seconds, microseconds = do(store, SERVERS, "EVAL", "return redis.call('TIME')", 1, SERVERS)
    return int(seconds) * 1000 + int(microseconds) // 1000


def beats(store: Store) -> dict[str, tuple[int, int]]:
    """Return when each server beat last, and how far ahead its clock is."""
    (text,) = do(store, SERVERS, "HMGET", SERVERS, "servers")
    entries = (entry.split() for entry in (text or b"").decode().split(";") if entry)
    return {server: (int(beat), int(ahead)) for server, beat, ahead in entries}


def times(store: Store) -> list[int]:
    """Return when the value was pushed and, if it was, when it was committed."""
    found = mark(store) or b""
    if generation(store) == 2:
        return [int(text) for text in found.split()[2:]]
    return [int.from_bytes(found[start : start + 6], "big") for start in range(22, len(found), 6)]


def field_size(store: Store, map_index: int = -1) -> int:
    """Return how many bytes the field of a value has."""
    name = redis_names.hash_name(PREFIX, at())
    return int(do(store, name, "HSTRLEN", name, str(map_index)))


def epoch(store: Store) -> int | None:
    (text,) = do(store, SERVERS, "HMGET", SERVERS, "epoch")
    return None if text is None else int(text)


def age(store: Store, server: str, milliseconds: int) -> None:
    """Make the last beat of a server older by so many milliseconds."""
    told = {name: (beat - milliseconds * (name == server), ahead) for name, (beat, ahead) in beats(store).items()}
    text = "".join(f"{name} {beat} {ahead};" for name, (beat, ahead) in told.items())
    do(store, SERVERS, "HSET", SERVERS, "servers", text)
