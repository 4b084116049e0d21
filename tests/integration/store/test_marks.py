"""Marks tell which values Airflow's database refers to."""

from __future__ import annotations

import struct
import time
from datetime import datetime, timedelta, timezone

import pytest

from devtools.redis_server import RedisServer
from exclusive_redis_xcom.errors import CorruptValue, StoreUnavailable
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.store import Push, Store, Stored
from tests.integration.kinds import FEW_KINDS
from tests.integration.store.marked import (
    SERVER,
    epoch,
    field_size,
    generation,
    mark,
    push,
    redis_ms,
    times,
    watch_since_long_ago,
)
from tests.integration.support import ACL, PREFIX, TTL, at, do, open_store, value

STORE_KINDS = FEW_KINDS
LONG_AGO = b"1700000000000"


class TestCommit:
    def test_a_push_is_marked_as_pending_only_if_it_is_watched(self, store: Store) -> None:
        watched = value(at())
        moment = store.push(Push(watched, acl=ACL, ttl=TTL, watched=True))
        pending, size = mark(store), field_size(store)
        store.push(Push(value(at()), acl=ACL, ttl=TTL))

        milliseconds = round(moment.timestamp() * 1000)
        assert pending in (
            f"{watched.version} {size} {milliseconds}".encode(),
            struct.pack(">BB16sIQ", 3, 0, bytes.fromhex(watched.version), size, milliseconds << 16)[:28],
        )
        assert pending[:1].isalnum() == (generation(store) == 2)
        assert mark(store) is None

    def test_a_commit_adds_the_time_of_redis_to_the_mark(self, store: Store) -> None:
        pushed = push(store)
        pending, before = mark(store) or b"", redis_ms(store)

        assert store.commit(at(), pushed.version)

        assert (mark(store) or b"").startswith(pending)
        pushed_at, moment = times(store)
        assert pushed_at <= before <= moment <= redis_ms(store)

    def test_a_repeated_commit_keeps_the_first_time(self, store: Store) -> None:
        pushed = push(store)
        store.commit(at(), pushed.version)
        first = mark(store)

        assert store.commit(at(), pushed.version)
        assert mark(store) == first

    @pytest.mark.parametrize("committed", [True, False])
    def test_the_same_push_again_leaves_the_mark_as_it_is(self, store: Store, committed: bool) -> None:
        """A repetition that comes late: the row may have changed since, and the epoch have been moved."""
        pushed = push(store)
        if committed:
            store.commit(at(), pushed.version)
        first = mark(store)
        time.sleep(0.002)

        store.push(Push(pushed, acl=ACL, ttl=TTL, watched=True))

        assert mark(store) == first

    @pytest.mark.parametrize("kind", ["small", "in parts", "spilled"])
    def test_the_same_push_again_brings_no_mark_back_that_was_removed(self, store: Store, kind: str) -> None:
        pushed = value(at(), size=3 * 1024 * 1024 if kind == "in parts" else 100)
        if kind == "spilled":
            pushed = pushed.spilled_to("object")
        store.push(Push(pushed, acl=ACL, ttl=TTL, watched=True))
        store.uncommit([at()])

        store.push(Push(pushed, acl=ACL, ttl=TTL, watched=True))

        assert mark(store) is None
        assert not store.commit(at(), pushed.version)

    def test_another_push_of_the_same_value_has_a_mark_of_its_own(self, store: Store) -> None:
        push(store)
        store.uncommit([at()])

        assert store.commit(at(), push(store).version)

    def test_a_mark_without_the_time_of_the_push_is_removed(self, store: Store) -> None:
        pushed, name = push(store), redis_names.hash_name(PREFIX, at())
        do(store, name, "HSET", name, redis_names.committed_name(-1), f"{pushed.version} {len(pushed.pack())}")

        assert not store.commit(at(), pushed.version)
        assert mark(store) is None

    @pytest.mark.parametrize("version", ["0" * 32, None])
    @pytest.mark.parametrize("committed", [True, False])
    def test_a_row_that_refers_to_something_else_takes_the_mark_away(
        self, store: Store, version: str | None, committed: bool
    ) -> None:
        pushed = push(store)
        if committed:
            store.commit(at(), pushed.version)

        assert not store.commit(at(), version)
        assert mark(store) is None
        assert not store.commit(at(), pushed.version)
        assert store.fetch(at()).envelope == pushed

    def test_where_nothing_was_pushed_nothing_is_marked_and_nothing_is_left(self, store: Store) -> None:
        assert not store.commit(at(), "0" * 32)
        assert not store.commit(at(), None)
        assert not store.fetch(at()).found

    def test_each_map_index_has_a_mark_of_its_own(self, store: Store) -> None:
        first, second = push(store, 0), push(store, 1)

        assert store.commit(at(0), first.version)
        assert not store.commit(at(1), first.version)
        assert [mark(store, 0) is None, mark(store, 1) is None] == [False, True]
        assert not store.commit(at(1), second.version)

    def test_a_purge_removes_the_mark(self, store: Store) -> None:
        push(store, 0)
        push(store, 1)

        store.purge(at(0))

        assert mark(store, 0) is None
        assert mark(store, 1) is not None

    def test_marks_of_many_values_are_removed(self, store: Store) -> None:
        everywhere = [at(index, key=key) for key in "ab" for index in range(260)]
        for coordinate in everywhere:
            store.push(Push(value(coordinate), acl=ACL, ttl=TTL, own_acl=ACL, watched=True))

        store.uncommit([*everywhere, everywhere[0], at(key="never")])

        names = [redis_names.committed_name(index) for index in range(260)]
        for key in "ab":
            name = redis_names.hash_name(PREFIX, at(key=key))
            assert do(store, name, "HMGET", name, *names) == [None] * 260
        assert store.fetch(everywhere[0]).envelope is not None

    def test_removing_no_marks_is_no_error(self, store: Store) -> None:
        store.uncommit([])


class TestCurrent:
    def test_a_committed_value_is_current_while_a_server_watches(self, store: Store) -> None:
        pushed = push(store)
        store.commit(at(), pushed.version)
        watch_since_long_ago(store)

        current = store.fetch_current(at())

        assert current is not None
        assert current.stored == (Stored(acl=ACL, envelope=pushed, found=True),)
        found = round(current.pushed_at.timestamp() * 1000)
        assert found == times(store)[0]
        assert abs(current.pushed_at - datetime.now(timezone.utc)) < timedelta(minutes=1)
        assert abs(current.ahead) < timedelta(minutes=1)

    @pytest.mark.parametrize("why", ["never pushed", "not watched", "pending", "uncommitted", "purged", "pushed again"])
    def test_what_the_database_may_not_refer_to_is_not_current(self, store: Store, why: str) -> None:
        watch_since_long_ago(store)
        if why != "never pushed":
            pushed = value(at())
            store.push(Push(pushed, acl=ACL, ttl=TTL, watched=why != "not watched"))
            if why != "pending":
                store.commit(at(), pushed.version)
        if why == "uncommitted":
            store.uncommit([at()])
        if why == "purged":
            store.purge(at())
        if why == "pushed again":
            push(store)

        assert store.fetch_current(at()) is None

    def test_without_any_server_nothing_is_current(self, store: Store) -> None:
        store.commit(at(), push(store).version)

        assert store.fetch_current(at()) is None

    @pytest.mark.parametrize("size", [100, 3 * 1024 * 1024])
    def test_a_value_is_alone_where_its_hash_holds_nothing_of_another_map_index(self, store: Store, size: int) -> None:
        pushed = value(at(), size=size)
        store.push(Push(pushed, acl=ACL, ttl=TTL, watched=True))
        store.commit(at(), pushed.version)
        watch_since_long_ago(store)

        assert store.fetch_current(at(), alone=True) is not None

        push(store, 7)  # of an earlier version of the DAG, say, in which the task was mapped
        assert store.fetch_current(at(), alone=True) is None
        assert store.fetch_current(at()) is not None

    def test_a_value_that_is_not_the_marked_one_is_not_current(self, store: Store) -> None:
        store.commit(at(), push(store).version)
        watch_since_long_ago(store)
        name = redis_names.hash_name(PREFIX, at())
        do(store, name, "HSET", name, "-1", value(at()).pack())  # as a push would that knows of no marks

        assert store.fetch_current(at()) is None

    def test_a_damaged_value_is_loud(self, store: Store) -> None:
        store.commit(at(), push(store).version)
        watch_since_long_ago(store)
        name = redis_names.hash_name(PREFIX, at())
        do(store, name, "HSET", name, "-1", b"damaged")

        with pytest.raises(CorruptValue, match="XCom 'key'"):
            store.fetch_current(at())

    @pytest.mark.parametrize(
        "text",
        [
            b"",
            b"x",
            b"%s",
            b"%s 1",
            b"%s 1 x",
            b"%s 1 %t",  # pending; or of an earlier release, which did not note the time of the push
            b"%s 1 %t x",
            b"%s 1 x %t",
            b"%s x %t %t",
            b"%s -1 %t %t",
            b"%s 1 %t %t %t",
            b"%s 1 %t 999999999999999",
            b"%s 1 1700000000001 %t",  # committed before it was pushed
        ],
    )
    def test_what_is_no_completed_mark_promises_nothing(self, store: Store, text: bytes) -> None:
        pushed = push(store)
        watch_since_long_ago(store)
        name = redis_names.hash_name(PREFIX, at())

        def become(text: bytes) -> None:
            written = text.replace(b"%s", pushed.version.encode()).replace(b"%t", LONG_AGO)
            do(store, name, "HSET", name, redis_names.committed_name(-1), written)

        become(b"%s 1 %t %t")
        assert store.fetch_current(at()) is not None
        become(text)

        assert store.fetch_current(at()) is None


class TestSpilled:
    def test_the_name_of_the_object_is_found_and_goes_with_the_value(self, store: Store) -> None:
        spilled = value(at(0), size=1000).spilled_to("2026/object")
        store.push(Push(spilled, acl=ACL, ttl=TTL, own_acl=ACL))
        store.push(Push(value(at(1)), acl=ACL, ttl=TTL, own_acl=ACL))

        assert store.spilled([at(0), at(1), at(2), at(key="none")]) == ["2026/object", None, None, None]
        assert store.fetch(at(0)).envelope == spilled
        store.purge(at(0))
        assert store.spilled([at(0)]) == [None]

    def test_a_push_that_is_not_spilled_removes_the_name(self, store: Store) -> None:
        store.push(Push(value(at()).spilled_to("object"), acl=ACL, ttl=TTL))

        store.push(Push(value(at()), acl=ACL, ttl=TTL))

        assert store.spilled([at()]) == [None]

    def test_of_many_the_names_come_in_order(self, store: Store) -> None:
        everywhere: list[Coordinate] = [at(index) for index in range(300)]
        for coordinate in everywhere[:4]:
            store.push(Push(value(coordinate).spilled_to(f"o{coordinate.map_index}"), acl=ACL, ttl=TTL, own_acl=ACL))

        assert store.spilled(everywhere) == ["o0", "o1", "o2", "o3", *[None] * 296]
        assert store.spilled([]) == []

    def test_a_spilled_value_can_be_current(self, store: Store) -> None:
        spilled = value(at()).spilled_to("object")
        store.push(Push(spilled, acl=ACL, ttl=TTL, watched=True))
        store.commit(at(), spilled.version)
        watch_since_long_ago(store)

        current = store.fetch_current(at())

        assert current is not None
        assert current.stored[0].envelope == spilled


def test_a_current_value_is_asked_for_once(any_redis: RedisServer) -> None:
    with open_store("redis://127.0.0.1:1", deadline=20) as store:
        with pytest.raises(StoreUnavailable, match="tried once"):
            store.fetch_current(at())
        with pytest.raises(StoreUnavailable, match="tried once"):
            store.fetch_every(at(0))


def test_a_beat_over_a_connection_that_was_lost_lets_only_later_marks_count(any_redis: RedisServer) -> None:
    """A failover breaks connections, and the new master may lack what the old one was told last."""
    with open_store(any_redis.url) as store, open_store(any_redis.url) as admin:
        watch_since_long_ago(store)
        store.beat(SERVER, missed=False)
        assert epoch(store) == 0
        do(admin, "", "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

        store.beat(SERVER, missed=False)

        assert epoch(store)


def test_a_full_redis_takes_marks_away_and_adds_none(any_redis: RedisServer) -> None:
    with open_store(any_redis.url) as store:
        pushed = [push(store, index) for index in range(2)]
        pending = mark(store, 0)
        do(store, "", "CONFIG", "SET", "maxmemory", "1")
        try:
            assert not store.commit(at(0), pushed[0].version)
            assert not store.commit(at(1), pushed[0].version)
            assert mark(store, 0) == pending
            assert mark(store, 1) is None
        finally:
            do(store, "", "CONFIG", "SET", "maxmemory", "0")
