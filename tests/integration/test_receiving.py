"""Large replies that are received without redis-py's parser: what is expected, and everything else that may come."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator

import pytest
import redis

from devtools.redis_server import RedisServer
from exclusive_redis_xcom.connection import RedisClient, Timeouts
from exclusive_redis_xcom.connection.url import options_from_url
from exclusive_redis_xcom.errors import CorruptValue, StoreUnavailable
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.formats.envelope import PART_BYTES
from exclusive_redis_xcom.memory import fresh
from exclusive_redis_xcom.store import Push
from tests.integration.cutting_proxy import CuttingProxy
from tests.integration.support import ACL, PREFIX, TTL, Start, at, do, open_store, value

NAME = f"{PREFIX}:received"
TEXTS = [
    random.Random(number).randbytes(size)  # noqa: S311 - a test's dice
    for number, size in enumerate([1, 300_000, 2, 10, 70_000, 5, 17])
]


@pytest.fixture
def client(any_redis: RedisServer) -> Iterator[RedisClient]:
    client = RedisClient(options_from_url(any_redis.url), Timeouts(1.0, 2.0, 5.0))
    for number, text in enumerate(TEXTS):
        command = ("HSET", NAME, number, text)
        client.run("write", lambda session, command=command: session.call(NAME, command))  # type: ignore[misc]
    client.run("write", lambda session: session.call(NAME, ("EXPIRE", NAME, 60)))
    yield client
    client.run("remove", lambda session: session.call(NAME, ("DEL", NAME)))
    client.close()


def received(client: RedisClient, sizes: list[int], name: str = NAME) -> list[bytes] | None:
    """The first fields in memory of these sizes; None if something else came."""
    memories = [fresh(size) for size in sizes]
    commands = [("HMGET", name, number) for number in range(len(sizes))]
    done = client.run("receive", lambda session: session.receive(name, commands, memories), once=True)
    return [bytes(memory) for memory in memories] if done else None


@pytest.mark.parametrize("count", [1, 2, 4, 5, 7])
def test_texts_of_the_expected_sizes_are_received(client: RedisClient, count: int) -> None:
    assert received(client, [len(text) for text in TEXTS[:count]]) == TEXTS[:count]


@pytest.mark.parametrize("number", range(7))
@pytest.mark.parametrize("by", [-1, 1, 1000, 9_000_000])
def test_of_another_size_nothing_is_received_and_the_next_answers_are_the_right_ones(
    client: RedisClient, number: int, by: int
) -> None:
    sizes = [len(text) for text in TEXTS]
    sizes[number] = max(1, sizes[number] + by) if by > 0 or sizes[number] > 1 else 2

    assert received(client, sizes) is None
    assert client.run("read", lambda session: session.call(NAME, ("HMGET", NAME, 3, 5))) == [TEXTS[3], TEXTS[5]]
    assert received(client, [len(text) for text in TEXTS]) == TEXTS


def test_what_is_missing_is_not_received(client: RedisClient) -> None:
    assert received(client, [*map(len, TEXTS), 5]) is None
    assert received(client, [5], f"{PREFIX}:nothing") is None


def test_a_refusal_is_not_received(client: RedisClient) -> None:
    name = f"{PREFIX}:a-text"
    client.run("write", lambda session: session.call(name, ("SET", name, "x", "EX", 60)))

    assert received(client, [5], name) is None
    assert client.run("remove", lambda session: session.call(name, ("DEL", name))) == 1


@pytest.mark.parametrize("after", [1, 5, 12, 15, 200_000, 300_040])
def test_a_connection_that_is_cut_is_an_error(client: RedisClient, any_redis: RedisServer, after: int) -> None:
    with CuttingProxy(any_redis.port, replies=after) as proxy:
        cut = RedisClient(options_from_url(proxy.url), Timeouts(1.0, 2.0, 0.0))
        with pytest.raises(StoreUnavailable, match=r"receive failed: the connection failed"):
            received(cut, [len(text) for text in TEXTS])
        cut.close()


def test_no_answer_is_a_timeout(start_redis: Start) -> None:
    server = start_redis()
    slow = RedisClient(options_from_url(server.url), Timeouts(1.0, 0.3, 0.0))
    slow.run("wait", lambda session: session.call("", ("PING",)))
    slow.run("block", lambda session: session.call("", ("CLIENT PAUSE", 1500)))

    with pytest.raises(StoreUnavailable, match=r"no answer in time \(0\.3 s\)"):
        received(slow, [5])
    slow.close()


def test_each_part_of_a_large_value_is_asked_for_once(any_redis: RedisServer) -> None:
    pushed = value(at(), size=37 * PART_BYTES + 5)
    with open_store(any_redis.url) as store:
        store.push(Push(pushed, acl=ACL, ttl=TTL))
        assert store.fetch(at(1)).envelope is None
        before = _calls(any_redis)

        assert store.fetch(at()).envelope == pushed
        assert _calls(any_redis) - before == 1 + 38
        store.purge(at())


def test_a_value_whose_parts_are_longer_and_shorter_by_turns_is_corrupt(any_redis: RedisServer) -> None:
    pushed = value(at(), size=3 * PART_BYTES)
    with open_store(any_redis.url) as store:
        store.push(Push(pushed, acl=ACL, ttl=TTL))
        name = store._keyspace.hash_of(at())
        for number, size in ((0, PART_BYTES - 1), (1, PART_BYTES + 1)):
            pair = (redis_names.part_name(-1, pushed.version, number), bytes(size))
            do(store, name, "HSET", name, *pair)

        with pytest.raises(CorruptValue, match="not as long"):
            store.fetch(at())
        store.purge(at())


def _calls(server: RedisServer) -> int:
    """How many HMGETs Redis has answered."""
    with contextlib.closing(redis.Redis(port=server.port)) as client:
        return int(client.info("commandstats")["cmdstat_hmget"]["calls"])
