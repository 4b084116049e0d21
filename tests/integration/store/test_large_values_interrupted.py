"""A push of a large value that is cut, killed, refused or overtaken leaves a whole value or none."""

from __future__ import annotations

import contextlib
import random
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from devtools.redis_server import RedisServer
from devtools.redis_sets import ClusterSet, wait_until
from exclusive_redis_xcom.errors import StoreUnavailable
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.formats.envelope import PART_BYTES, Envelope
from exclusive_redis_xcom.store import Push, Store
from tests.integration.cutting_proxy import CuttingProxy
from tests.integration.kinds import FEW_KINDS
from tests.integration.store.large import LARGE, NAME, begin, fields, large, parts_of, push
from tests.integration.support import (
    ACL,
    ROOT,
    TTL,
    Start,
    admin,
    at,
    begin_migration,
    do,
    end_migration,
    is_intact,
    open_store,
    ttl_ms,
    user_without,
    value,
)

STORE_KINDS = FEW_KINDS
HOUR_MS = 3_600_000


class TestInterruptedPush:
    def test_it_is_no_value_and_its_parts_do_not_stay_for_long(self, store: Store) -> None:
        begun = large()
        begin(store, begun)

        left = ttl_ms(store, NAME)

        assert store.fetch(at()).envelope is None
        assert parts_of(store, begun) == 3
        assert 0 < left <= 600_000

    def test_an_older_value_its_rule_and_its_ttl_stay(self, store: Store) -> None:
        older = value(at())
        store.push(Push(older, acl=b"{}", ttl=timedelta(hours=2)))
        begin(store, large())

        left = ttl_ms(store, NAME)

        assert store.fetch(at()).envelope == older
        assert store.fetch(at()).acl == b"{}"
        assert HOUR_MS < left <= 2 * HOUR_MS

    @pytest.mark.parametrize("how", ["larger push", "smaller push", "the same push", "purge"])
    def test_what_it_left_goes_with_the_next_push_or_purge(self, store: Store, how: str) -> None:
        begun = large()
        begin(store, begun)

        if how == "purge":
            assert not store.purge(at())
        else:
            push(store, begun if how == "the same push" else large(size=LARGE if how == "larger push" else 10))

        assert parts_of(store, begun) == (4 if how == "the same push" else 0)
        assert store.fetch(at()).found is (how != "purge")

    def test_of_several_all_are_removed(self, store: Store) -> None:
        begun = [large() for _ in range(3)]
        for envelope in begun:
            begin(store, envelope)

        push(store, value(at()))

        assert [parts_of(store, envelope) for envelope in begun] == [0, 0, 0]

    def test_one_that_goes_on_after_its_parts_were_removed_writes_them_again(self, store: Store) -> None:
        begun = large()
        begin(store, begun)
        store.purge(at())
        begin(store, begun, parts_written=1)

        push(store, begun)

        assert store.fetch(at()).envelope == begun

    def test_one_that_goes_on_while_its_parts_are_being_removed_writes_them_again(self, store: Store) -> None:
        begun = large()
        begin(store, begun)
        field = redis_names.parts_name(-1)
        removing = f"-{begun.version}:3"
        do(store, NAME, "HSET", NAME, field, removing)

        push(store, begun)

        assert store.fetch(at()).envelope == begun
        assert parts_of(store, begun) == 4

    def test_a_hash_that_expires_before_the_push_ends_does_not_take_the_value_with_it(self, store: Store) -> None:
        store.push(Push(value(at()), acl=ACL, ttl=timedelta(milliseconds=1)))
        begun = large()
        begin(store, begun)
        wait_until(lambda: store.fetch(at()).envelope is None, what="the older value has expired")

        push(store, begun)

        assert store.fetch(at()).envelope == begun


@pytest.mark.parametrize("room", [0, 1, 2, 5, 7, 9])
def test_out_of_memory_a_push_is_loud_leaves_no_parts_and_the_older_value(start_redis: Start, room: int) -> None:
    server = start_redis(config={"maxmemory-policy": "noeviction"})
    with open_store(server.url) as store, admin(server) as client:
        older = push(store, large())
        before, expires = fields(server), client.pttl(NAME)
        client.config_set("maxmemory", client.info("memory")["used_memory"] + room * PART_BYTES)

        with pytest.raises(StoreUnavailable, match="out of memory"):
            store.push(Push(large(size=20 * PART_BYTES), acl=b"{}", ttl=TTL * 2))

        assert store.fetch(at()).envelope == older
        assert store.fetch(at()).acl == ACL
        assert fields(server) == before
        assert expires - 5_000 < client.pttl(NAME) <= expires
        assert store.purge(at())
        assert client.dbsize() == 0


def test_out_of_memory_a_first_push_leaves_nothing(start_redis: Start) -> None:
    server = start_redis(config={"maxmemory-policy": "noeviction"})
    with open_store(server.url) as store, admin(server) as client:
        client.config_set("maxmemory", client.info("memory")["used_memory"] + 5 * PART_BYTES)

        with pytest.raises(StoreUnavailable, match="out of memory"):
            push(store, large(size=20 * PART_BYTES))

        assert client.dbsize() == 0


CUTS = [0, 5, 90, 1500, 3000, PART_BYTES, PART_BYTES + 1700, 2 * PART_BYTES, LARGE, LARGE + 6000, LARGE + 7000]


@pytest.mark.parametrize("cut", CUTS)
def test_a_push_cut_once_at_any_byte_is_done_again(any_redis: RedisServer, cut: int) -> None:
    with open_store(any_redis.url) as direct:
        older = push(direct, large())
        with CuttingProxy(any_redis.port, requests=cut, cuts=1) as proxy, open_store(proxy.url) as store:
            newer = push(store, large())

        assert direct.fetch(at()).envelope == newer
        assert (parts_of(direct, older), parts_of(direct, newer)) == (0, 4)


@pytest.mark.parametrize("cut", CUTS)
def test_a_push_that_is_always_cut_leaves_the_older_value_or_the_newer(any_redis: RedisServer, cut: int) -> None:
    with open_store(any_redis.url) as direct:
        older, newer = push(direct, large()), large()
        with (
            CuttingProxy(any_redis.port, requests=cut) as proxy,
            open_store(proxy.url, deadline=0.1) as store,
            contextlib.suppress(StoreUnavailable),
        ):
            push(store, newer)

        assert direct.fetch(at()).envelope in (older, newer)
        last = push(direct, large())
        assert [parts_of(direct, envelope) for envelope in (older, newer, last)] == [0, 0, 4]


@pytest.mark.parametrize("cut", [0, 1, 7, 200, 230, PART_BYTES, 2 * PART_BYTES + 100, LARGE, LARGE + 300])
def test_a_reply_cut_at_any_byte_is_asked_for_again(any_redis: RedisServer, cut: int) -> None:
    with open_store(any_redis.url) as direct:
        pushed = push(direct, large())
    with CuttingProxy(any_redis.port, replies=cut, cuts=1) as proxy, open_store(proxy.url) as store:
        assert store.fetch(at()).envelope == pushed


@pytest.mark.timeout(120)
def test_concurrent_pushers_purgers_and_readers_never_see_a_mixture(any_redis: RedisServer) -> None:
    stop = threading.Event()
    seen: list[int] = []
    pushed: list[Envelope] = []

    def push_on(store: Store) -> None:
        while not stop.is_set():
            pushed.append(large(size=random.choice([10, LARGE, 9 * PART_BYTES])))  # noqa: S311 - a test's dice
            push(store, pushed[-1])

    def read_on(store: Store) -> int:
        intact = 0
        while not stop.is_set():
            with contextlib.suppress(StoreUnavailable):  # replaced while it was read, each of ten times
                found = store.fetch(at()).envelope
                if found is not None:
                    assert is_intact(found, at())
                    seen.append(found.decoded_size)
                    intact += 1
        return intact

    def purge_now_and_then(store: Store) -> None:
        while not stop.wait(0.2):
            store.purge(at())

    with open_store(any_redis.url, deadline=30) as store, ThreadPoolExecutor(6) as pool:
        working = [pool.submit(push_on, store) for _ in range(3)]
        reading = [pool.submit(read_on, store) for _ in range(2)]
        purging = pool.submit(purge_now_and_then, store)
        wait_until(lambda: {10, LARGE} <= set(seen), what="small and large values were read", seconds=60)
        stop.set()
        for future in (*working, purging):
            with contextlib.suppress(StoreUnavailable):  # the others kept removing its parts
                future.result()
        assert sum(future.result() for future in reading) > 1

        last = push(store, large())
        assert store.fetch(at()).envelope == last
        assert [parts_of(store, envelope) for envelope in pushed] == [0] * len(pushed)
        assert fields(any_redis) == 3 + 4  # rule, value, list of parts, parts


PUSHES_UNTIL_KILLED = """
import sys
from tests.integration.support import admin, user_without, ACL, TTL, at, open_store, value
from exclusive_redis_xcom.store import Push
envelope = value(at(), size=64_000_000)
with open_store(sys.argv[1]) as store:
    print(envelope.version, flush=True)
    while True:
        store.push(Push(envelope, acl=ACL, ttl=TTL))
"""


@pytest.mark.timeout(120)
@pytest.mark.parametrize("moment", [0, 3, 20, 50])
def test_a_push_killed_between_its_parts_leaves_the_older_value_and_no_key_without_ttl(
    start_redis: Start, moment: int
) -> None:
    server = start_redis()
    with open_store(server.url) as store:
        older = push(store, large())
        command = [sys.executable, "-c", PUSHES_UNTIL_KILLED, server.url]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            version = process.stdout.readline().strip()
            wait_until(lambda: fields(server) > 8 + moment, what="so many parts are there")
            process.send_signal(signal.SIGKILL)

        found = store.fetch(at()).envelope

        assert found is not None
        assert found == older or (found.version == version and is_intact(found, at()))
        newer = push(store, large())
        assert store.fetch(at()).envelope == newer
        assert fields(server) == 3 + 4


@pytest.mark.parametrize(
    "missing", ["multi", "exec", "eval", "pttl", "pexpire", "hset", "hmget", "hdel", "hlen", "time"]
)
@pytest.mark.parametrize("binary", ["redis_on_path", "redis_62"])
def test_a_user_who_lacks_one_command_cannot_leave_a_key_without_ttl(
    request: pytest.FixtureRequest, binary: str, missing: str
) -> None:
    server: RedisServer = request.getfixturevalue(binary)
    with (
        user_without(server, missing) as url,
        open_store(url) as store,
        contextlib.suppress(StoreUnavailable) if missing in ("hdel", "hlen") else pytest.raises(StoreUnavailable),
    ):
        push(store, large())


def test_while_a_slot_is_moving_parts_follow_it(cluster: ClusterSet) -> None:
    from redis.crc import key_slot

    slot = key_slot(NAME.encode())
    source = cluster.owner_of(slot)
    target = next(node for node in cluster.nodes if node is not source)
    with open_store(cluster.url) as store:
        begin_migration(source, target, slot)
        pushed = push(store, large())  # the key is not at the source: ASK
        moving = store.fetch(at()).envelope
        end_migration(cluster, target, slot)

        assert moving == pushed
        assert store.fetch(at()).envelope == pushed  # MOVED
        newer = push(store, large())
        assert store.fetch(at()).envelope == newer
        assert parts_of(store, pushed) == 0
