"""Redis is away, slow, cut off, full or forgetful."""

from __future__ import annotations

import contextlib
import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
import redis

from devtools.redis_server import RedisServer
from devtools.redis_sets import wait_until
from exclusive_redis_xcom.errors import StoreUnavailable
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.store import Push
from tests.integration.cutting_proxy import CuttingProxy
from tests.integration.support import ACL, PREFIX, TTL, Start, admin, at, open_store, value

DURABLE = {"appendonly": "yes", "appendfsync": "always"}
LOADED_KEYS = 30
# Written when it stops; read back with a pause of 50 ms (in microseconds) per key, answering meanwhile.
SLOW_TO_LOAD = {"save": "3600 1", "key-load-delay": "50000", "loading-process-events-interval-bytes": "1024"}


def test_a_push_to_a_dead_redis_is_loud_within_the_deadline(start_redis: Start) -> None:
    server = start_redis()
    with open_store(server.url, deadline=0.5) as store:
        server.stop()
        begin = time.monotonic()

        with pytest.raises(
            StoreUnavailable, match=r"^Pushing failed: the connection was refused\.\nPushing XCom 'key'"
        ) as caught:
            store.push(Push(value(at()), acl=ACL, ttl=TTL))

        assert time.monotonic() - begin < 1.5
        assert re.search(
            rf" Redis \(127\.0\.0\.1:{server.port}\) was tried \d+ times in \d\.\d s\.\n", str(caught.value)
        )


def test_a_fetch_from_a_dead_redis_is_loud_and_the_value_is_there_after_a_restart(start_redis: Start) -> None:
    server = start_redis(config=DURABLE)
    pushed = value(at())
    with open_store(server.url, deadline=0.3) as store:
        store.push(Push(pushed, acl=ACL, ttl=TTL))
        server.kill()

        with pytest.raises(StoreUnavailable, match="Fetching XCom 'key'"):
            store.fetch(at())
        with pytest.raises(StoreUnavailable):
            store.push(Push(value(at(1)), acl=ACL, ttl=TTL))
        server.start()

        assert store.fetch(at()).envelope == pushed
        assert store.fetch(at(1)).envelope is None


def test_a_redis_that_comes_back_before_the_deadline_is_not_noticed(start_redis: Start) -> None:
    server = start_redis(config=DURABLE)
    pushed = value(at())
    with open_store(server.url, deadline=10) as store:
        store.push(Push(pushed, acl=ACL, ttl=TTL))

        server.restart()

        assert store.fetch(at()).envelope == pushed


def test_a_redis_that_never_answers_ends_at_the_deadline(start_redis: Start) -> None:
    server = start_redis()
    with open_store(server.url, deadline=1.0, read=0.4, connect=0.4) as store:
        store.push(Push(value(at()), acl=ACL, ttl=TTL))
        server.pause()
        begin = time.monotonic()

        with pytest.raises(StoreUnavailable, match="no answer in time"):
            store.fetch(at())

        assert time.monotonic() - begin < 1.0 + 0.4 + 0.5
        server.resume()
        assert store.fetch(at()).envelope is not None


def test_a_large_value_to_a_redis_that_never_answers_ends_at_the_deadline(start_redis: Start) -> None:
    server = start_redis()
    with open_store(server.url, deadline=1.0, read=0.4, connect=0.4) as store:
        store.push(Push(value(at()), acl=ACL, ttl=TTL))
        server.pause()
        begin = time.monotonic()

        with pytest.raises(StoreUnavailable, match="no answer in time"):
            store.push(Push(value(at(), size=30_000_000), acl=ACL, ttl=TTL))

        assert time.monotonic() - begin < 1.0 + 0.4 + 1.0
        server.resume()


def test_connections_that_were_closed_while_nobody_used_them_are_replaced_even_if_a_command_is_tried_once(
    any_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exclusive_redis_xcom.connection.server._PAUSE_SECONDS", 0.0)
    with open_store(any_redis.url) as store, admin(any_redis) as client:
        for _ in range(3):
            assert store.fetch_current(at()) is None
            client.client_kill_filter(_type="normal", skipme=True)


@pytest.mark.parametrize("forget", ["flush", "restart"])
def test_scripts_that_redis_forgot_are_sent_again(start_redis: Start, forget: str) -> None:
    server = start_redis()
    with open_store(server.url) as store, admin(server) as client:
        store.push(Push(value(at()), acl=ACL, ttl=TTL))

        client.script_flush() if forget == "flush" else server.restart()
        pushed = value(at())
        store.push(Push(pushed, acl=ACL, ttl=TTL))
        client.script_flush()

        assert store.fetch(at()).envelope == pushed
        assert store.purge(at())


@pytest.mark.parametrize("cut", [*range(0, 200, 9), *range(200, 2600, 211)])
def test_a_reply_cut_at_any_byte_is_asked_for_again(any_redis: RedisServer, cut: int) -> None:
    pushed = value(at(), size=2000)
    with open_store(any_redis.url) as direct:
        direct.push(Push(pushed, acl=ACL, ttl=TTL))
    with CuttingProxy(any_redis.port, replies=cut, cuts=1) as proxy, open_store(proxy.url) as store:
        assert store.fetch(at()).envelope == pushed


@pytest.mark.parametrize("cut", [0, 1, 7, 40, 300, 1900])
def test_a_reply_that_is_always_cut_is_an_error_and_never_a_short_value(any_redis: RedisServer, cut: int) -> None:
    with open_store(any_redis.url) as direct:
        direct.push(Push(value(at(), size=2000), acl=ACL, ttl=TTL))
    with (
        CuttingProxy(any_redis.port, replies=cut) as proxy,
        open_store(proxy.url, deadline=0.2) as store,
        pytest.raises(StoreUnavailable, match=r"connection failed|no answer in time"),
    ):
        store.fetch(at())


@pytest.mark.parametrize("cut", [*range(0, 300, 23), *range(300, 2700, 307)])
def test_a_push_cut_at_any_byte_leaves_the_older_value_or_the_newer(any_redis: RedisServer, cut: int) -> None:
    older, newer = value(at(), size=1000), value(at(), size=2000)
    with open_store(any_redis.url) as direct:
        direct.push(Push(older, acl=ACL, ttl=TTL))
        with (
            CuttingProxy(any_redis.port, requests=cut) as proxy,
            open_store(proxy.url, deadline=0.1) as store,
            contextlib.suppress(StoreUnavailable),
        ):
            store.push(Push(newer, acl=b"{}", ttl=TTL))

        stored = direct.fetch(at())

    assert (stored.acl, stored.envelope) in [(ACL, older), (b"{}", newer)]


def test_out_of_memory_a_push_is_loud_and_older_value_and_ttl_stay(start_redis: Start) -> None:
    server = start_redis(config={"maxmemory-policy": "noeviction"})
    older = value(at())
    name = redis_names.hash_name(PREFIX, at())
    with open_store(server.url) as store, admin(server) as client:
        store.push(Push(older, acl=ACL, ttl=TTL))
        expires = client.pttl(name)
        client.config_set("maxmemory", 1)

        begin = time.monotonic()
        with pytest.raises(StoreUnavailable, match="out of memory"):
            store.push(Push(value(at()), acl=b"{}", ttl=TTL * 2))

        assert time.monotonic() - begin < 1  # final, not retried
        assert store.fetch(at()).envelope == older
        assert store.fetch(at()).acl == ACL
        assert expires - 5_000 < client.pttl(name) <= expires
        assert store.purge(at())


def test_out_of_memory_a_first_push_leaves_nothing(start_redis: Start) -> None:
    server = start_redis(config={"maxmemory-policy": "noeviction"})
    with open_store(server.url) as store, admin(server) as client:
        client.config_set("maxmemory", 1)

        with pytest.raises(StoreUnavailable, match="out of memory"):
            store.push(Push(value(at()), acl=ACL, ttl=TTL))

        assert client.dbsize() == 0


def test_an_evicted_value_is_not_found(start_redis: Start) -> None:
    server = start_redis(config={"maxmemory-policy": "allkeys-random"})
    with open_store(server.url) as store, admin(server) as client:
        store.push(Push(value(at()), acl=ACL, ttl=TTL))
        client.config_set("maxmemory", 1)
        with contextlib.suppress(redis.ResponseError):
            client.set("another", "x" * 1000, ex=60)
        client.config_set("maxmemory", 0)

        assert not store.fetch(at()).found


def test_a_key_that_somebody_deleted_is_not_found(any_redis: RedisServer) -> None:
    with open_store(any_redis.url) as store, admin(any_redis) as client:
        store.push(Push(value(at()), acl=ACL, ttl=TTL))
        client.delete(redis_names.hash_name(PREFIX, at()))

        assert not store.fetch(at()).found


@pytest.mark.parametrize("method", ["push", "fetch", "purge"])
def test_another_program_s_key_under_our_name_is_named_and_left_alone(any_redis: RedisServer, method: str) -> None:
    with open_store(any_redis.url) as store, admin(any_redis) as client:
        client.set(redis_names.hash_name(PREFIX, at()), "theirs", ex=60)

        with pytest.raises(StoreUnavailable, match="WRONGTYPE"):
            {
                "push": lambda: store.push(Push(value(at()), acl=ACL, ttl=TTL)),
                "fetch": lambda: store.fetch(at()),
                "purge": lambda: store.purge(at()),
            }[method]()

        assert client.get(redis_names.hash_name(PREFIX, at())) == b"theirs"


def test_a_redis_that_is_still_loading_is_waited_for(start_redis: Start) -> None:
    server = start_redis(config=SLOW_TO_LOAD)
    names = [at(key=f"key{index}") for index in range(LOADED_KEYS)]
    pushed = [value(name, size=2000) for name in names]
    with open_store(server.url, deadline=15) as store, open_store(server.url, deadline=0) as impatient:
        for envelope in pushed:
            store.push(Push(envelope, acl=ACL, ttl=TTL))
        server.stop()
        with starting(server) as start:
            wait_until(lambda: is_loading(server), what="Redis is loading")

            with pytest.raises(StoreUnavailable, match="Redis is still loading its data"):
                impatient.fetch(names[0])
            assert not start.done()
            fetched = [store.fetch(name).envelope for name in names]

    assert fetched == pushed


@contextlib.contextmanager
def starting(server: RedisServer) -> Iterator[Future[None]]:
    """Start a server in a thread: `start` returns when it has loaded its data."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        start = thread.submit(server.start)
        yield start
        start.result()


def is_loading(server: RedisServer) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"-LOADING")
    except OSError:  # not up yet
        return False


def test_a_redis_without_enough_replicas_is_waited_for_until_the_deadline(start_redis: Start) -> None:
    server = start_redis(config={"min-replicas-to-write": "1"})
    with open_store(server.url, deadline=0.3) as store:
        with pytest.raises(StoreUnavailable, match=r"too few replicas(.|\n)*tried \d+ times"):
            store.push(Push(value(at()), acl=ACL, ttl=TTL))

        assert not store.fetch(at()).found
