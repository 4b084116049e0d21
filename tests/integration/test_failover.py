"""Masters change and slots move while stores are at work."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.crc import key_slot

from devtools.redis_server import RedisServer, redis_version
from devtools.redis_sets import ClusterSet, SentinelSet, ask, wait_until
from exclusive_redis_xcom.errors import ConfigurationError, StoreUnavailable
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.store import Claim, Push, Store
from tests.integration.support import (
    ACL,
    PREFIX,
    TTL,
    at,
    begin_migration,
    do,
    end_migration,
    is_intact,
    open_store,
    value,
)

DEADLINE = 20.0
SMALL, IN_PARTS = 5_000, 3_500_000
REDIS_PAGE = Path(__file__).resolve().parents[2] / "docs/reference/redis.md"


class Load:
    """Pushes and fetches without pause; what it saw."""

    def __init__(self, store: Store, thread: int, size: int) -> None:
        self.right = 0
        self.absent = 0
        self.wrong: list[str] = []
        self.failed: list[str] = []
        self.slowest = 0.0
        self._store = store
        self._at = at(thread, key=f"load{thread}")
        self._size = size

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            begin = time.monotonic()
            try:
                self._store.push(Push(value(self._at, size=self._size), acl=ACL, ttl=TTL))
                self._look()
            except StoreUnavailable as error:
                self.failed.append(str(error))
            self.slowest = max(self.slowest, time.monotonic() - begin)

    def _look(self) -> None:
        envelope = self._store.fetch(self._at).envelope
        if envelope is None:
            self.absent += 1  # an acknowledged write that a failover lost: absent, never wrong
        elif is_intact(envelope, self._at):
            self.right += 1
        else:
            self.wrong.append(repr(envelope))


def under_load(store: Store, event: Callable[[], None], *, after: float = 1.0, size: int = SMALL) -> list[Load]:
    """Four threads of load while `event` happens, and for so many seconds after it."""
    loads = [Load(store, thread, size) for thread in range(4)]
    stop = threading.Event()
    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(load.run, stop) for load in loads]
        try:
            time.sleep(0.5)
            event()
            time.sleep(after)
        finally:
            stop.set()
        for future in running:
            future.result()
    return loads


@pytest.mark.parametrize("size", [SMALL, IN_PARTS])
def test_an_ordered_failover_under_load_gives_no_wrong_value_and_no_error(
    sentinels_to_fail_over: SentinelSet, size: int
) -> None:
    servers = sentinels_to_fail_over
    with open_store(servers.url, deadline=DEADLINE) as store:
        before = servers.current_master_port()

        def event() -> None:
            servers.fail_over()
            wait_until(lambda: servers.current_master_port() != before, what="another master")

        loads = under_load(store, event, size=size)

        assert [load.wrong for load in loads] == [[]] * 4
        assert [load.failed for load in loads] == [[]] * 4
        assert all(load.right > 3 for load in loads)
        assert store.fetch(at(0, key="load0")).found


@pytest.mark.parametrize("size", [SMALL, IN_PARTS])
def test_a_killed_master_under_load_is_replaced_within_the_deadline(
    sentinels_to_fail_over: SentinelSet, size: int
) -> None:
    servers = sentinels_to_fail_over
    with open_store(servers.url, deadline=DEADLINE) as store:

        def event() -> None:
            servers.master.kill()
            wait_until(lambda: servers.current_master_port() == servers.replica.port, what="another master")

        loads = under_load(store, event, after=2.0, size=size)

        assert [load.wrong for load in loads] == [[]] * 4
        assert [load.failed for load in loads] == [[]] * 4
        assert max(load.slowest for load in loads) < DEADLINE


def test_after_a_failover_no_mark_from_before_counts(sentinels_to_fail_over: SentinelSet) -> None:
    """The new master may lack the removal of a mark that the old one had acknowledged."""
    server, name = "0" * 32, redis_names.servers_name(PREFIX)
    servers = sentinels_to_fail_over
    with open_store(servers.url, deadline=DEADLINE) as store:
        store.beat(server, missed=False)
        do(store, name, "HSET", name, "epoch", 0)
        pushed = value(at())
        store.push(Push(pushed, acl=ACL, ttl=TTL, watched=True))
        store.commit(at(), pushed.version)
        assert store.fetch_current(at()) is not None
        ask(servers.master, "WAIT", 1, 5000)
        servers.master.kill()

        store.beat(server, missed=False)

        assert store.fetch(at()).envelope == pushed
        assert store.fetch_current(at()) is None


def test_a_dead_sentinel_is_passed_over(sentinels: SentinelSet) -> None:
    sentinels.sentinels[0].kill()
    try:
        with open_store(sentinels.url, deadline=5) as store:
            store.push(Push(value(at()), acl=ACL, ttl=TTL))

            assert store.fetch(at()).found
    finally:
        sentinels.sentinels[0].start()


def test_a_name_that_the_sentinels_do_not_know_is_a_wrong_setting(sentinels: SentinelSet) -> None:
    url = sentinels.url.replace("mymaster", "other")
    with open_store(url) as store, pytest.raises(ConfigurationError, match=r"does not know this master(.|\n)*'other'"):
        store.fetch(at())


def test_a_user_of_the_sentinels_needs_the_one_command_that_the_docs_name(sentinels: SentinelSet) -> None:
    rights = re.findall(r"`user exclusive_redis_xcom (on [^`]* \+sentinel[^`]*)`", REDIS_PAGE.read_text())[0].split()
    url = f"{sentinels.url}?sentinel_username=exclusive_redis_xcom&sentinel_password=change-me"
    for sentinel in sentinels.sentinels:
        ask(sentinel, "ACL", "SETUSER", "exclusive_redis_xcom", *rights)
    try:
        with open_store(url) as store:
            store.push(Push(value(at()), acl=ACL, ttl=TTL))

            assert store.fetch(at()).found
        for sentinel in sentinels.sentinels:
            ask(sentinel, "ACL", "SETUSER", "exclusive_redis_xcom", "-sentinel|get-master-addr-by-name")
        with open_store(url, deadline=0) as store, pytest.raises(StoreUnavailable):
            store.fetch(at())
    finally:
        for sentinel in sentinels.sentinels:
            ask(sentinel, "ACL", "DELUSER", "exclusive_redis_xcom")


def test_a_cluster_url_that_leads_to_a_single_server_is_a_wrong_setting(any_redis: RedisServer) -> None:
    url = f"redis+cluster://127.0.0.1:{any_redis.port}"

    with open_store(url) as store, pytest.raises(ConfigurationError, match="is no cluster"):
        store.fetch(at())


def test_silent_sentinels_do_not_stretch_the_deadline(sentinels: SentinelSet) -> None:
    with open_store(sentinels.url, deadline=0.8, read=0.8, connect=0.8) as store:
        for sentinel in sentinels.sentinels:
            sentinel.pause()
        begin = time.monotonic()
        try:
            with pytest.raises(StoreUnavailable, match="master 'mymaster' of the Sentinels"):
                store.fetch(at())
            waited = time.monotonic() - begin
        finally:
            for sentinel in sentinels.sentinels:
                sentinel.resume()

    assert waited < 0.8 + 0.8 + 0.4  # one after the other they would take three read timeouts


@pytest.mark.parametrize("size", [SMALL, IN_PARTS])
def test_a_slot_that_moves_while_it_is_used_gives_no_wrong_value_and_no_error(cluster: ClusterSet, size: int) -> None:
    name = redis_names.hash_name(PREFIX, at(0, key="load0"))
    slot = key_slot(name.encode())

    with open_store(cluster.url, deadline=DEADLINE) as store:
        loads = under_load(store, lambda: migrate_twice(cluster, slot, name), size=size)

    assert [load.wrong for load in loads] == [[]] * 4
    assert [load.failed for load in loads] == [[]] * 4
    assert [load.absent for load in loads] == [0] * 4
    assert all(load.right > 3 for load in loads)


@pytest.mark.parametrize("size", [SMALL, IN_PARTS])
def test_a_slot_that_the_servers_move_by_themselves_gives_no_wrong_value_and_no_error(
    cluster: ClusterSet, size: int
) -> None:
    """Redis 8.4 and Valkey 9 move slots with all their keys at once."""
    slot = key_slot(redis_names.hash_name(PREFIX, at(0, key="load0")).encode())
    moved = 0

    def event() -> None:
        nonlocal moved
        for _ in range(4):
            move_atomically(cluster, slot)
            moved += 1

    with open_store(cluster.url, deadline=DEADLINE) as store:
        loads = under_load(store, event, size=size)

    assert moved == 4
    assert [load.wrong for load in loads] == [[]] * 4
    assert [load.failed for load in loads] == [[]] * 4
    assert [load.absent for load in loads] == [0] * 4
    assert all(load.right > 3 for load in loads)


def test_while_a_slot_is_moving_a_store_follows_ask(cluster: ClusterSet) -> None:
    name = redis_names.hash_name(PREFIX, at())
    slot = key_slot(name.encode())
    source = cluster.owner_of(slot)
    target = next(node for node in cluster.nodes if node is not source)
    with open_store(cluster.url) as store:
        store.fetch(at())
        begin_migration(source, target, slot)
        pushed = value(at())

        store.push(Push(pushed, acl=ACL, ttl=TTL, once=True))  # the key is not at the source: ASK
        claimed = [store.claim([(at(), pushed.version)], claimer) for claimer in ("one", "two")]
        fetched, bulk = store.fetch(at()), store.fetch_many([at(), at(1, key="elsewhere"), at(3)])

        assert ask(source, "CLUSTER", "COUNTKEYSINSLOT", slot) == 0
        assert ask(target, "CLUSTER", "COUNTKEYSINSLOT", slot) == 1
        assert fetched.envelope == pushed
        assert claimed == [[Claim("granted", "one")], [Claim("taken", "one")]]
        assert [stored.found for stored in bulk] == [True, False, True]
        assert store.purge_many([at(), at(1, key="elsewhere")]) == 1
        end_migration(cluster, target, slot)
        assert not store.fetch(at()).found


def test_commands_in_order_are_run_one_after_the_other_on_whatever_nodes(cluster: ClusterSet) -> None:
    first, second = two_names_of_different_nodes(cluster)
    calls: list[tuple[str, tuple[Any, ...]]] = [
        (first, ("HSET", first, "field", 1)),
        (first, ("HINCRBY", first, "field", 10)),
        (first, ("PEXPIRE", first, 60_000)),
        (first, ("TIME",)),
        (second, ("TIME",)),
        (second, ("HMGET", second, "field")),
        (second, ("TIME",)),
        (first, ("HINCRBY", first, "field", 100)),
        (first, ("TIME",)),
    ]
    with open_store(cluster.url) as store:
        replies = store._client.run("asking", lambda session: session.in_order(calls))

        assert replies[:3] == [1, 11, 1]
        assert (replies[5], replies[7]) == ([None], 111)
        times = [replies[position] for position in (3, 4, 6, 8)]
        assert times == sorted(times)
        with pytest.raises(StoreUnavailable, match="WRONGTYPE"):
            store._client.run("asking", lambda session: session.in_order([*calls, (first, ("GET", first))]))
        assert store._client.run("asking", lambda session: session.in_order([])) == []


def test_while_a_slot_is_moving_commands_in_order_follow_it(cluster: ClusterSet) -> None:
    pushed = value(at())
    name = redis_names.hash_name(PREFIX, at())
    slot = key_slot(name.encode())
    source = cluster.owner_of(slot)
    target = next(node for node in cluster.nodes if node is not source)
    with open_store(cluster.url) as store:
        store.beat("0" * 32, missed=False)
        servers = redis_names.servers_name(PREFIX)
        do(store, servers, "HSET", servers, "epoch", 0)
        begin_migration(source, target, slot)
        store.push(Push(pushed, acl=ACL, ttl=TTL, watched=True))
        store.commit(at(), pushed.version)

        while_moving = store.fetch_current(at(), alone=True)  # the key is not at the source: ASK
        end_migration(cluster, target, slot)
        moved = store.fetch_current(at(), alone=True)  # MOVED

        assert while_moving is not None
        assert while_moving == moved


def two_names_of_different_nodes(cluster: ClusterSet) -> tuple[str, str]:
    names = [redis_names.hash_name(PREFIX, at(key=str(number))) for number in range(50)]
    first, *others = names
    owner = cluster.owner_of(key_slot(first.encode()))
    return first, next(name for name in others if cluster.owner_of(key_slot(name.encode())) is not owner)


def test_ids_with_braces_do_not_choose_the_slot(cluster: ClusterSet) -> None:
    names = [redis_names.hash_name(PREFIX, at(key=f"{{same}}{number}")) for number in range(50)]

    assert len({key_slot(name.encode()) for name in names}) > 25


def test_a_node_that_is_gone_is_told_with_the_cluster_s_addresses(cluster: ClusterSet) -> None:
    name = redis_names.hash_name(PREFIX, at())
    owner = cluster.owner_of(key_slot(name.encode()))
    with open_store(cluster.url, deadline=0.5, read=0.3, connect=0.3) as store:
        owner.pause()
        try:
            with pytest.raises(StoreUnavailable, match=r"Redis \(cluster of 127\.0\.0\.1:"):
                store.fetch(at())
        finally:
            owner.resume()
    with open_store(cluster.url, deadline=10) as store:
        assert not store.fetch(at()).found


def move_atomically(cluster: ClusterSet, slot: int) -> None:
    """Order another node to take over a slot, and wait until the whole cluster knows."""
    source = cluster.owner_of(slot)
    target = next(node for node in cluster.nodes if node is not source)
    identity = ask(target, "CLUSTER", "MYID")
    try:
        ask(source, "CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", identity)  # Valkey
    except redis.ResponseError as error:
        if "unknown subcommand" not in str(error):
            raise
        try:
            ask(target, "CLUSTER", "MIGRATION", "IMPORT", slot, slot)  # Redis
        except redis.ResponseError:
            pytest.skip(f"{redis_version(source.binary)} cannot move slots by itself")
    wait_until(
        lambda: all(cluster.owner_of(slot, seen_by=node) is target for node in cluster.nodes),
        what="all nodes see the slot at its new node",
    )


def migrate_twice(cluster: ClusterSet, slot: int, name: str) -> None:
    for _ in range(2):
        migrate(cluster, slot, name)


def migrate(cluster: ClusterSet, slot: int, name: str) -> None:
    """Move a slot to another node, as `redis-cli --cluster reshard` does, slowly."""
    source = cluster.owner_of(slot)
    target = next(node for node in cluster.nodes if node is not source)
    begin_migration(source, target, slot)
    time.sleep(0.2)
    ask(source, "MIGRATE", "127.0.0.1", target.port, name, 0, 5000)
    time.sleep(0.2)
    end_migration(cluster, target, slot)
    time.sleep(0.2)
