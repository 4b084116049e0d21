"""How many bytes XComs take in Redis, by part: `python -m devtools.redis_bytes`, with a throw-away server.

A part is what Redis needs for a field: its name, its bytes, and what Redis keeps beside them. The name of the hash, and
what Redis keeps for a hash, are the first part. `MEMORY USAGE` tells all of it.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, NamedTuple

from devtools.redis_server import RedisServer
from exclusive_redis_xcom.acl import Acl
from exclusive_redis_xcom.acl.rule import Rule
from exclusive_redis_xcom.connection import RedisClient, Timeouts
from exclusive_redis_xcom.connection.url import options_from_url
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.formats.envelope import Envelope
from exclusive_redis_xcom.model import NOT_MAPPED, Coordinate
from exclusive_redis_xcom.store import Push, Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

PREFIX = "exclusive_redis_xcom"
DAG_ID, RUN_ID, TASK_ID, KEY = "daily_sales", "scheduled__2026-11-30T00:00:00+00:00", "extract_1", "return_value"
RULES = {
    "no rule": ("default_consumers (same_dag)", ("*",)),
    "a rule": ("xcom_acl['extract_1']['return_value'] at dags/daily_sales.py:42", ("load", "report")),
}
GENERATIONS = (2, 3)


class Measured(NamedTuple):
    """What one hash takes.

    Attributes:
        total: All of it, as `MEMORY USAGE` tells.
        encoding: How Redis holds the hash: `listpack` (or `ziplist`), or `hashtable`.
        parts: By field of the first value, in the order in which they were taken away: how many bytes that freed. The
            last is what the value's own field and the hash take.
    """

    total: int
    encoding: str
    parts: dict[str, int]


def pushed(client: redis.Redis, url: str, *, generation: int, rule: str, results: int, size: int = 1) -> str:
    """Push and commit XComs of one key, and return the name of their hash.

    Args:
        client: A connection to the server.
        url: The server.
        generation: In which generation to write.
        rule: One of `RULES`.
        results: How many results a mapped task has; 0 where the task is not mapped.
        size: How many bytes each payload has.
    """
    source, consumers = RULES[rule]
    acl = Acl(DAG_ID, (Rule(TASK_ID, KEY, consumers, source, exact=True),), "nobody").dumps()
    session = RedisClient(options_from_url(url), Timeouts())
    store = Store(session, key_prefix=PREFIX, generation=generation)
    indexes = list(range(results)) or [NOT_MAPPED]
    client.flushall()
    envelopes = [_value(index, size) for index in indexes]
    for envelope in envelopes:
        store.push(
            Push(envelope, acl=acl, ttl=timedelta(days=7), own_acl=acl if results else None, watched=True),
        )
    for envelope in envelopes:
        store.commit(envelope.coordinate, envelope.version, lambda: indexes)
    session.close()
    return redis_names.hash_name(PREFIX, envelopes[0].coordinate)


def measured(client: redis.Redis, name: str) -> Measured:
    """Measure a hash of `pushed`, and take it apart."""
    total = _usage(client, name)
    encoding = str(client.object("encoding", name), "ascii")
    index = 0 if client.hexists(name, "0") else NOT_MAPPED
    parts = {}
    fields = client.hgetall(name)
    before = total
    for field in [field for field in _fields(index) if field in fields]:
        client.hdel(name, field)
        after = _usage(client, name)
        parts[field.decode()] = before - after
        before = after
    return Measured(total, encoding, {**parts, "the value and the hash": before})


def bare(client: redis.Redis, name: str, size: int = 1) -> int:
    """Return what a `SET` of so many bytes takes, under the name of a hash. The hash is gone then."""
    client.set(name, bytes(size))
    return _usage(client, name)


def table(client: redis.Redis, url: str) -> Iterator[str]:
    """Yield a table in Markdown: bytes of one XCom, and of each result of mapped tasks."""
    yield "| a 1-byte result | `format = 2` | `format = 3` |"
    yield "|---|---|---|"
    for rule in RULES:
        for results in (0, 10, 100, 1000):
            totals = []
            for generation in GENERATIONS:
                name = pushed(client, url, generation=generation, rule=rule, results=results)
                totals.append(round(_usage(client, name) / max(results, 1)))
            what = f"each of {results:,} mapped" if results else "alone"
            yield f"| {what}, with {rule} | {' | '.join(map(str, totals))} |"
    yield f"| a bare `SET` of the byte, under the same name | {bare(client, name)} | |"


def _fields(index: int) -> tuple[bytes, ...]:
    rules = (redis_names.ACL_FIELD, redis_names.RULES_FIELD, redis_names.rule_name(index))
    others = (redis_names.committed_name(index), redis_names.COMPLETE_FIELD, redis_names.description_name(index))
    return tuple(name.encode() for name in (*rules, *others))


def _value(index: int, size: int) -> Envelope:
    at = Coordinate(DAG_ID, RUN_ID, TASK_ID, KEY, index)
    return Envelope(at, secrets.token_hex(16), "msgpack", "off", size, datetime.now(timezone.utc), (bytes(size),))


def _usage(client: redis.Redis, name: str) -> int:
    return int(client.memory_usage(name, samples=0) or 0)


def main() -> None:
    """Print the table, and the parts of an XCom alone."""
    import redis

    with RedisServer() as server, redis.Redis.from_url(server.url) as client:
        print(*table(client, server.url), sep="\n")
        for generation in GENERATIONS:
            name = pushed(client, server.url, generation=generation, rule="a rule", results=0)
            found = measured(client, name)
            print(f"\nformat = {generation}: {found.total} bytes ({found.encoding})")
            for part, size in found.parts.items():
                print(f"  {size:5} {part}")


if __name__ == "__main__":
    main()
