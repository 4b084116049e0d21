"""Values that are too large for one field: in parts, which nobody ever sees half."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
import redis

from devtools.redis_server import RedisServer
from devtools.redis_sets import ClusterSet, wait_until
from exclusive_redis_xcom.errors import CorruptValue, ExclusiveXComError, StoreUnavailable, XComTooLarge
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.formats.envelope import INLINE_BYTES, MAX_PARTS, PART_BYTES, Envelope
from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.store import Claim, Push, Store, parts
from tests.integration.kinds import FEW_KINDS
from tests.integration.support import (
    ACL,
    PASSWORD,
    PREFIX,
    TTL,
    USER,
    CuttingProxy,
    at,
    is_intact,
    open_store,
    shown,
    value,
)

Start = Callable[..., RedisServer]
STORE_KINDS = FEW_KINDS
ROOT = Path(__file__).resolve().parents[2]
NAME = redis_names.hash_name(PREFIX, at())
CANARY = b"canary-v4lue"
LARGE = 3 * PART_BYTES + 17  # in four parts
HOUR_MS = 3_600_000


def large(coordinate: Coordinate | None = None, size: int = LARGE) -> Envelope:
    return value(coordinate or at(), size=size)


def push(store: Store, envelope: Envelope, **options: object) -> Envelope:
    own_acl = ACL if envelope.coordinate.map_index >= 0 else None
    store.push(Push(envelope, acl=ACL, ttl=TTL, own_acl=own_acl, **options))  # type: ignore[arg-type]
    return envelope


def begin(store: Store, envelope: Envelope, *, parts_written: int = 3) -> None:
    """What a push that is killed leaves behind."""
    pieces = (b"".join(envelope.payload)[: parts_written * PART_BYTES],)
    parts.write(
        getattr(store, "workers", store)._keyspace,
        dataclasses.replace(envelope, payload=pieces),
        TTL // timedelta(milliseconds=1),
    )


def parts_of(store: Store, envelope: Envelope) -> int:
    """How many parts of this version are there."""
    head = envelope.in_parts()
    names = [redis_names.part_name(head.coordinate.map_index, head.version, number) for number in range(head.parts)]
    name = redis_names.hash_name(PREFIX, head.coordinate)
    found = store._client.run("looking", lambda session: session.call(name, ("HMGET", name, *names)))
    return sum(part is not None for part in found)


def admin(server: RedisServer) -> contextlib.closing[redis.Redis]:
    return contextlib.closing(redis.Redis(port=server.port, socket_timeout=5))


def fields(server: RedisServer) -> int:
    with admin(server) as client:
        return client.hlen(NAME)


class TestRoundTrip:
    @pytest.mark.parametrize("size", [INLINE_BYTES, INLINE_BYTES + 1, 2 * PART_BYTES, 2 * PART_BYTES + 1, LARGE])
    def test_what_was_pushed_is_fetched_in_one_piece(self, store: Store, size: int) -> None:
        pushed = push(store, large(size=size))

        found = store.fetch(at()).envelope

        assert found == pushed
        assert found is not None
        assert len(found.payload) == 1

    def test_a_payload_in_many_pieces_is_the_same_value(self, store: Store) -> None:
        pushed = large()
        whole = memoryview(pushed.payload[0])
        cuts = [0, 1, 100, PART_BYTES - 3, PART_BYTES + 5, PART_BYTES + 6, 3 * PART_BYTES, LARGE]
        pieces = tuple(whole[start:end] for start, end in itertools.pairwise(cuts))

        push(store, dataclasses.replace(pushed, payload=pieces))

        assert store.fetch(at()).envelope == pushed

    def test_mapped_values_small_and_large_come_together(self, store: Store) -> None:
        pushed = [push(store, large(at(index), size)) for index, size in enumerate([10, LARGE, 20, LARGE + 1])]

        found = store.fetch_many([at(index) for index in (3, 2, 1, 0, 1)], [LARGE, 1, 1, 1, 1])

        assert [stored.envelope for stored in found] == [pushed[3], pushed[2], pushed[1], pushed[0], pushed[1]]

    def test_a_push_done_twice_is_as_one(self, store: Store) -> None:
        pushed = push(store, large())
        push(store, pushed)

        assert store.fetch(at()).envelope == pushed
        assert parts_of(store, pushed) == 4

    def test_each_reader_has_bytes_of_its_own_that_it_may_change(self, store: Store) -> None:
        pushed = push(store, large())
        first, second = (store.fetch(at()).envelope for _ in range(2))
        assert first is not None
        assert second is not None

        memoryview(first.payload[0])[:6] = b"change"

        assert second == pushed

    @pytest.mark.parametrize("before", [10, LARGE])
    @pytest.mark.parametrize("after", [10, LARGE])
    def test_a_push_removes_the_parts_of_the_value_it_replaces(self, store: Store, before: int, after: int) -> None:
        older = push(store, large(size=before))
        newer = push(store, large(size=after))

        assert store.fetch(at()).envelope == newer
        assert parts_of(store, older) == 0

    def test_a_purge_removes_the_parts_and_the_hash(self, store: Store) -> None:
        first, second = push(store, large(at(0))), push(store, large(at(1)))

        assert store.purge(at(0))
        assert (parts_of(store, first), parts_of(store, second)) == (0, 4)
        assert store.fetch(at(1)).envelope == second
        assert store.purge_many([at(1), at(0)]) == 1
        assert not store.fetch(at(1)).found

    def test_more_parts_than_are_removed_at_once_are_removed(self, store: Store) -> None:
        pushed = push(store, large(size=40 * PART_BYTES))

        store.purge(at())

        assert parts_of(store, pushed) == 0
        assert not store.fetch(at()).found

    def test_a_large_value_can_be_claimed_and_be_current(self, store: Store) -> None:
        pushed = push(store, large(), once=True, watched=True)
        store.commit(at(), pushed.version)
        store.beat("0" * 32, missed=False)
        servers = redis_names.servers_name(PREFIX)
        store._client.run("age", lambda session: session.call(servers, ("HSET", servers, "epoch", 0)))

        current = store.fetch_current(at())

        assert store.claim([(at(), pushed.version)], "one") == [Claim("granted", "one")]
        assert current is not None
        complete = store.with_payload(current.stored[0])
        assert complete is not None
        assert complete.envelope == pushed

    def test_more_than_a_reader_may_take_is_not_put_together(self, store: Store) -> None:
        pushed = push(store, large())
        reader = Store(getattr(store, "workers", store)._client, key_prefix=PREFIX, max_payload_bytes=1024 * 1024)

        with pytest.raises(XComTooLarge, match="max_value_bytes"):
            reader.fetch(pushed.coordinate)

    def test_a_hash_goes_with_its_parts(self, removing_store: Store) -> None:
        push(removing_store, large())

        assert removing_store.discard([at()]) == 1
        assert not removing_store.fetch(at()).found


class TestInterruptedPush:
    def test_it_is_no_value_and_its_parts_do_not_stay_for_long(self, store: Store) -> None:
        begun = large()
        begin(store, begun)

        left = getattr(store, "workers", store)._client.run("look", lambda session: session.call(NAME, ("PTTL", NAME)))

        assert store.fetch(at()).envelope is None
        assert parts_of(store, begun) == 3
        assert 0 < left <= 600_000

    def test_an_older_value_its_rule_and_its_ttl_stay(self, store: Store) -> None:
        older = value(at())
        store.push(Push(older, acl=b"{}", ttl=timedelta(hours=2)))
        begin(store, large())

        left = getattr(store, "workers", store)._client.run("look", lambda session: session.call(NAME, ("PTTL", NAME)))

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
        store._client.run("begin to remove", lambda session: session.call(NAME, ("HSET", NAME, field, removing)))

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


class TestTampering:
    """Whoever has the password of workers can write anything."""

    def overwrite(self, store: Store, *pairs: object) -> None:
        store._client.run("overwrite", lambda session: session.call(NAME, ("HSET", NAME, *pairs)))

    @pytest.mark.parametrize("part", [b"", b"x" * (PART_BYTES - 1), b"x" * (PART_BYTES + 1)])
    def test_a_part_of_another_length_is_corrupt(self, store: Store, part: bytes) -> None:
        pushed = push(store, large())
        self.overwrite(store, redis_names.part_name(-1, pushed.version, 1), part)

        with pytest.raises(CorruptValue, match=r"XCom 'key' of task 'task'.*not as long"):
            store.fetch(at())

    def test_a_missing_part_is_corrupt(self, store: Store) -> None:
        pushed = push(store, large())
        gone = redis_names.part_name(-1, pushed.version, 2)
        store._client.run("remove", lambda session: session.call(NAME, ("HDEL", NAME, gone)))

        with pytest.raises(CorruptValue, match=r"XCom 'key' of task 'task'.*parts of its value are missing"):
            store.fetch(at())

    def test_a_head_that_announces_more_than_there_is_takes_no_memory_for_it(self, store: Store) -> None:
        head = dataclasses.replace(value(at()), payload=(), parts=MAX_PARTS, elsewhere=MAX_PARTS * PART_BYTES)
        push(store, value(at()))
        self.overwrite(store, redis_names.field_name(-1), head.pack())

        with pytest.raises(CorruptValue, match="parts of its value are missing"):
            store.fetch(at())

    @pytest.mark.parametrize(
        "text", ["", "?", "=", "=0:9 -1:x", "-" + "0" * 32 + ":99999999", "+a:1 =b:2 -c:3", "\xff" * 999]
    )
    def test_whatever_the_list_of_parts_says_a_push_and_a_purge_go_through(self, store: Store, text: str) -> None:
        push(store, value(at()))
        self.overwrite(store, redis_names.parts_name(-1), text)

        pushed = push(store, large())

        assert store.fetch(at()).envelope == pushed
        self.overwrite(store, redis_names.parts_name(-1), text[:40])
        assert store.purge(at())
        assert store.fetch(at()).envelope is None


def test_nothing_is_sent_of_a_value_that_is_larger_than_any(any_redis: RedisServer) -> None:
    one = bytes(PART_BYTES)
    envelope = dataclasses.replace(value(at()), payload=(one,) * (MAX_PARTS + 1))
    with open_store(any_redis.url) as store:
        with pytest.raises(XComTooLarge, match=rf"takes {(MAX_PARTS + 1) * PART_BYTES} bytes"):
            push(store, envelope)

        assert not store.fetch(at()).found


def test_no_argument_of_a_command_is_longer_than_two_mebibytes(start_redis: Start) -> None:
    server = start_redis(config={"proto-max-bulk-len": "2mb"})
    with open_store(server.url) as store:
        pushed = push(store, large(size=20_000_000))

        assert store.fetch(at()).envelope == pushed


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
            pushed.append(large(size=random.choice([10, LARGE, 9 * PART_BYTES])))  # noqa: S311
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
from tests.integration.support import ACL, TTL, at, open_store, value
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
    with admin(server) as client:
        client.execute_command("ACL", "SETUSER", "lacking", "on", "nopass", "~*", "+@all", f"-{missing}")
        try:
            with (
                open_store(server.url.replace("://", "://lacking:x@")) as store,
                contextlib.suppress(StoreUnavailable)
                if missing in ("hdel", "hlen")
                else pytest.raises(StoreUnavailable),
            ):
                push(store, large())
        finally:
            client.execute_command("ACL", "DELUSER", "lacking")

        assert [key for key in client.scan_iter() if client.ttl(key) == -1] == []


def test_while_a_slot_is_moving_parts_follow_it(cluster: ClusterSet) -> None:
    from redis.crc import key_slot

    from tests.integration.test_failover import begin_migration, end_migration

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


@pytest.mark.parametrize("how", ["dead", "out of memory", "wrong type", "cut", "no permission"])
def test_no_error_shows_anything_of_the_value(start_redis: Start, how: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    server = start_redis(config={"user": f"{USER} on >{PASSWORD} ~* +@all"})
    url = server.url.replace("://", f"://{USER}:{PASSWORD}@")
    canary = dataclasses.replace(large(), payload=(CANARY * 300_000,))
    with contextlib.ExitStack() as stack:
        with admin(server) as client:
            if how == "out of memory":
                client.config_set("maxmemory", client.info("memory")["used_memory"] + 2 * PART_BYTES)
            elif how == "wrong type":
                client.set(NAME, "theirs", ex=60)
            elif how == "no permission":
                client.execute_command("ACL", "SETUSER", USER, "-hset")
        if how == "dead":
            server.stop()
        if how == "cut":
            proxy = stack.enter_context(CuttingProxy(server.port, requests=PART_BYTES))
            url = url.replace(str(server.port), str(proxy.port))
        store = stack.enter_context(open_store(url, deadline=0.2))

        with pytest.raises(ExclusiveXComError) as caught:
            push(store, canary)

    assert CANARY.decode() not in shown(caught.value)
    assert CANARY.decode() not in caplog.text


MEASURES = """
import resource, sys
from exclusive_redis_xcom.formats.envelope import Envelope
from tests.integration.support import ACL, TTL, at, open_store, value
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
import dataclasses
from exclusive_redis_xcom.store import Push
size = int(sys.argv[3])
with open_store(sys.argv[1]) as store:
    store.push(Push(value(at(0), size=3_000_000), acl=ACL, ttl=TTL, own_acl=ACL))
    store.fetch(at(0))
    before = peak()
    if sys.argv[2] == "push":
        payload = b"x" * size
        store.push(Push(dataclasses.replace(value(at()), payload=(payload,), decoded_size=size), acl=ACL, ttl=TTL))
    else:
        envelope = store.fetch(at()).envelope
        got = str(envelope.payload[0], "ascii") if sys.argv[2] == "pull str" else bytes(envelope.payload[0])
        assert len(got) == size
print((peak() - before) / size)
"""


@pytest.mark.parametrize(("what", "most"), [("push", 1.3), ("pull bytes", 2.2), ("pull str", 2.2)])
def test_no_more_memory_is_taken_than_needed(any_redis: RedisServer, what: str, most: float) -> None:
    size = 100_000_000
    with open_store(any_redis.url) as store:
        store.push(Push(dataclasses.replace(value(at()), payload=(b"x" * size,), decoded_size=size), acl=ACL, ttl=TTL))

    command = [sys.executable, "-c", MEASURES, any_redis.url, what, str(size)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    assert float(done.stdout) <= most
