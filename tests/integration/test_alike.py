"""All results of a mapped task at once: the outcome is that of the usual way, value by value, whatever somebody writes.

The usual way is taken if each reference is an object of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import redis

from devtools.redis_server import RedisServer
from devtools.worlds.execution_world import DAG_ID, KEY, ExecutionWorld, open_execution_world
from devtools.worlds.running_task import RUN_ID, executing
from exclusive_redis_xcom.airflow.rows import Asked, resolve
from exclusive_redis_xcom.airflow.slices import READ_AHEAD, SHORT_ROWS
from exclusive_redis_xcom.errors import ExclusiveXComError, XComAlreadyClaimed
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.formats import reference as references
from exclusive_redis_xcom.formats.block import Block
from exclusive_redis_xcom.formats.reference import References
from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.task.access import current_access

#: More than one command asks for.
RESULTS = 300
TASK = "parts"
ASKED = Asked(DAG_ID, TASK, KEY, RUN_ID)
NAME = redis_names.hash_name("exclusive_redis_xcom", Coordinate(DAG_ID, RUN_ID, TASK, KEY))


def pushed(index: int) -> str:
    """Return a value. Some are so long that they are compressed."""
    return f"{index}" * 500 if index % 7 == 3 else str(index)


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as running:
        yield running


@pytest.fixture(scope="module", params=["server", "worker"])
def world(request: pytest.FixtureRequest, server: RedisServer) -> Iterator[ExecutionWorld]:
    with redis.Redis.from_url(server.url) as client:
        client.flushall()
    with open_execution_world(server.url, request.param) as opened:
        opened.push(TASK, range(RESULTS), pushed)
        yield opened


@pytest.fixture
def raw(server: RedisServer, world: ExecutionWorld) -> Iterator[redis.Redis]:
    """A client of somebody who may write to Redis. What was there is there again after the test."""
    with redis.Redis.from_url(server.url) as client:
        before: Any = client.hgetall(NAME)
        yield client
        client.delete(NAME)
        client.hset(NAME, mapping=before)


@pytest.fixture
def rows(world: ExecutionWorld, raw: redis.Redis) -> References:
    step = SHORT_ROWS if world.is_sealed else READ_AHEAD
    found = references.expanded(world.get_slice(TASK, {"start": 0, "stop": 2 * RESULTS, "step": step}).json())
    assert isinstance(found, References)
    return found


def outcome(world: ExecutionWorld, rows: Any, reader: str = "load", asked: Asked = ASKED) -> Any:
    """Return the values, or the error without the memory that it may tell."""
    with world.running(reader):
        try:
            return resolve(rows, asked)
        except ExclusiveXComError as error:
            return type(error), str(error), getattr(error, "replaced", None)


def is_alike(world: ExecutionWorld, rows: References) -> bool:
    block = rows.block
    with world.running("load"):
        return current_access().store.fetch_results(block.at, block.indexes, block.sizes).alike is not None


def test_usual_results_are_read_together(world: ExecutionWorld, rows: References) -> None:
    assert is_alike(world, rows)
    assert outcome(world, rows) == outcome(world, list(rows)) == list(map(pushed, range(RESULTS)))


def held(client: redis.Redis, index: int) -> bytes:
    found: Any = client.hget(NAME, str(index))
    return bytes(found)


def put(client: redis.Redis, name: str, data: bytes) -> None:
    client.hset(NAME, name, data)


def flip(client: redis.Redis, *indexes: int, position: int) -> None:
    for index in indexes:
        data = bytearray(held(client, index))
        data[position] ^= 1
        put(client, str(index), bytes(data))


def flip_at(index: int, position: int, client: redis.Redis) -> None:
    flip(client, index, position=position)


def swap(client: redis.Redis, one: int, other: int) -> None:
    first, second = held(client, one), held(client, other)
    put(client, str(one), second)
    put(client, str(other), first)


#: What somebody may do in Redis. Each changes one result of the second batch, or all.
CHANGES: dict[str, Callable[[redis.Redis], Any]] = {
    "a value goes": lambda client: client.hdel(NAME, "270"),
    "all go": lambda client: client.delete(NAME),
    "two go": lambda client: client.hdel(NAME, "290", "7"),
    "the rule goes": lambda client: client.hdel(NAME, "acl"),
    "the rules go": lambda client: client.hdel(NAME, "acls"),
    "both go": lambda client: client.hdel(NAME, "acl", "acls"),
    "another rule": lambda client: put(client, "acl", b"{}"),
    "no rules": lambda client: put(client, "acls", b"\0\0\0\1x"),
    "an own rule": lambda client: put(client, "270:acl", b"{}"),
    "two change places": lambda client: swap(client, 3, 270),
    "a value is cut": lambda client: put(client, "270", held(client, 270)[:-1]),
    "a value is longer": lambda client: put(client, "270", held(client, 270) + b"x"),
    "another value": lambda client: put(client, "270", b"XRX\4"),
    **{
        f"bit {position} of {index}": partial(flip_at, index, position)
        for index in (0, 270)
        for position in (3, 5, 6, 22, 38, 46, 47, 48, -1)
    },
    "several bits": lambda client: flip(client, 280, 270, 290, position=-1),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_whatever_is_written_to_redis(
    world: ExecutionWorld, rows: References, raw: redis.Redis, change: Callable[[redis.Redis], Any]
) -> None:
    change(raw)

    assert outcome(world, rows) == outcome(world, list(rows))


@pytest.mark.parametrize("reader", ["other", "parts", "load"])
def test_whoever_reads(world: ExecutionWorld, rows: References, reader: str) -> None:
    assert outcome(world, rows, reader) == outcome(world, list(rows), reader)


def test_an_instance_of_the_task_itself_claims_what_others_pushed(server: RedisServer, world: ExecutionWorld) -> None:
    """It needs no claim for its own value, which is the oldest."""
    if world.is_sealed:
        pytest.skip("with enforcement = server, the API server claims")
    world.push("once", range(3))
    rows = references.expanded(world.get_slice("once", {"start": 0, "stop": 9, "step": READ_AHEAD}).json())
    asked = replace(ASKED, task_id="once")

    with executing(world.dag.get_task("once"), map_index=0):
        assert resolve(rows, asked) == [0, 1, 2]

    assert outcome(world, rows, "load", asked)[0] is XComAlreadyClaimed


@pytest.mark.parametrize(
    "asked",
    [
        replace(ASKED, dag_id="another"),
        replace(ASKED, task_id="another"),
        replace(ASKED, key="another"),
        replace(ASKED, run_id="another"),
        replace(ASKED, map_index=0),
        replace(ASKED, map_index=3),
        replace(ASKED, prior_dates=True),
    ],
)
def test_whatever_was_asked_for(world: ExecutionWorld, rows: References, asked: Asked) -> None:
    assert outcome(world, rows, asked=asked) == outcome(world, list(rows), asked=asked)


def changed(column: Any, index: int, value: Any) -> list[Any]:
    return [*column[:index], value, *column[index + 1 :]]


#: What somebody who can write rows, or a forged answer, may say in their columns.
FORGED: dict[str, Callable[[Block], Block]] = {
    "another version": lambda block: replace(block, versions=changed(block.versions, 270, bytes(16))),
    "another map_index": lambda block: replace(block, indexes=changed(block.indexes, 270, 1000)),
    "a map_index twice": lambda block: replace(block, indexes=changed(block.indexes, 270, 3)),
    "a result twice": lambda block: replace(
        block, indexes=changed(block.indexes, 270, 3), versions=changed(block.versions, 270, block.versions[3])
    ),
    "a large size": lambda block: replace(block, sizes=changed(block.sizes, 270, 2**40)),
    "another run": lambda block: replace(block, at=replace(block.at, run_id="another")),
    "another key": lambda block: replace(block, at=replace(block.at, key="another")),
    "another order": lambda block: replace(block, indexes=block.indexes[::-1], versions=block.versions[::-1]),
}
#: What a forged answer of the ring may say.
FORGED_SEALS: dict[str, Callable[[Block], Block]] = {
    "another data key": lambda block: replace(block, data_keys=changed(block.data_keys, 270, bytes(32))),
    "a short data key": lambda block: replace(block, data_keys=changed(block.data_keys, 270, bytes(16))),
    "no seals": lambda block: replace(block, sealed=None, data_keys=()),
    "another rule": lambda block: replace(block, sealed=(*(block.sealed or ("", b""))[:1], b"{}")),
    "another key pair": lambda block: replace(block, sealed=("0" * 16, (block.sealed or ("", b""))[1])),
}


@pytest.mark.parametrize("forge", (FORGED | FORGED_SEALS).values(), ids=FORGED | FORGED_SEALS)
def test_whatever_an_answer_says(world: ExecutionWorld, rows: References, forge: Callable[[Block], Block]) -> None:
    if forge in FORGED_SEALS.values() and not world.is_sealed:
        pytest.skip("there are no seals with enforcement = worker")
    forged = References(forge(rows.block))

    assert outcome(world, forged) == outcome(world, list(forged))


def test_a_result_that_stands_there_twice_is_asked_for_once(world: ExecutionWorld, rows: References) -> None:
    """Rows could repeat a large value, and tell that it is small. One reply would have it a thousand times."""
    twice = References(replace(rows.block, indexes=changed(rows.block.indexes, 270, 3)))

    assert is_alike(world, rows)
    assert not is_alike(world, twice)


def test_a_part_of_the_rows_is_the_part_of_the_list(world: ExecutionWorld, rows: References) -> None:
    for part in (slice(3, 290), slice(290, None), slice(0, 0), slice(None, None, -2)):
        assert list(rows[part]) == list(rows)[part]
        assert outcome(world, rows[part]) == outcome(world, list(rows)[part])
    assert rows[-1] == list(rows)[-1]
    assert references.map_indexes_of(rows) == [references.map_index_of(row) for row in rows]
