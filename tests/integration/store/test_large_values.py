"""A value too large for one field lies in parts, and nobody ever sees half of them."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import subprocess
import sys

import pytest

from devtools.redis_server import RedisServer
from exclusive_redis_xcom.errors import CorruptValue, ExclusiveXComError, XComTooLarge
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.formats.envelope import INLINE_BYTES, MAX_PARTS, PART_BYTES
from exclusive_redis_xcom.store import Claim, Push, Store
from tests.integration.cutting_proxy import CuttingProxy
from tests.integration.kinds import FEW_KINDS
from tests.integration.store.large import LARGE, NAME, large, parts_of, push
from tests.integration.support import (
    ACL,
    PASSWORD,
    PREFIX,
    ROOT,
    TTL,
    USER,
    Start,
    admin,
    at,
    do,
    open_store,
    shown,
    value,
)

STORE_KINDS = FEW_KINDS
CANARY = b"canary-v4lue"


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
        do(store, servers, "HSET", servers, "epoch", 0)

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


class TestTampering:
    """Whoever has the password of workers can write anything."""

    def overwrite(self, store: Store, *pairs: object) -> None:
        do(store, NAME, "HSET", NAME, *pairs)

    @pytest.mark.parametrize("part", [b"", b"x" * (PART_BYTES - 1), b"x" * (PART_BYTES + 1)])
    def test_a_part_of_another_length_is_corrupt(self, store: Store, part: bytes) -> None:
        pushed = push(store, large())
        self.overwrite(store, redis_names.part_name(-1, pushed.version, 1), part)

        with pytest.raises(CorruptValue, match=r"not as long(.|\n)*XCom 'key' of task 'task'"):
            store.fetch(at())

    def test_a_missing_part_is_corrupt(self, store: Store) -> None:
        pushed = push(store, large())
        gone = redis_names.part_name(-1, pushed.version, 2)
        do(store, NAME, "HDEL", NAME, gone)

        with pytest.raises(CorruptValue, match=r"only a part of the value\.\nXCom 'key' of task 'task'"):
            store.fetch(at())

    def test_a_head_that_announces_more_than_there_is_takes_no_memory_for_it(self, store: Store) -> None:
        head = dataclasses.replace(value(at()), payload=(), parts=MAX_PARTS, elsewhere=MAX_PARTS * PART_BYTES)
        push(store, value(at()))
        self.overwrite(store, redis_names.field_name(-1), head.pack())

        with pytest.raises(CorruptValue, match="only a part of the value"):
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
from tests.integration.support import admin, user_without, ACL, TTL, at, open_store, value
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
