"""Marks on values that Airflow's database refers to, and the API servers that vouch for them."""

from __future__ import annotations

import secrets
import time
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from devtools.redis_server import RedisServer
from devtools.redis_sets import wait_until
from exclusive_redis_xcom.errors import CorruptValue, StoreUnavailable
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.formats.envelope import Envelope
from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.store import Push, Store, Stored
from tests.integration.kinds import FEW_KINDS
from tests.integration.support import ACL, PREFIX, TTL, at, open_store, value

STORE_KINDS = FEW_KINDS

SERVER, OTHER = secrets.token_hex(16), secrets.token_hex(16)
SERVERS = redis_names.servers_name(PREFIX)
HOUR_MS = 3_600_000
LONG_AGO = b"1700000000000"


def do(store: Store, key: str, *command: Any) -> Any:
    """Send a raw command."""
    return store._client.run("looking", lambda session: session.call(key, command))


def push(store: Store, map_index: int = -1, **options: Any) -> Envelope:
    pushed = value(at(map_index), **options)
    store.push(Push(pushed, acl=ACL, ttl=TTL, own_acl=None if map_index < 0 else ACL, watched=True))
    return pushed


def watch_since_long_ago(store: Store, *servers: str) -> None:
    """API servers that have watched for long, so that marks count at once."""
    for server in servers or (SERVER,):
        store.beat(server, missed=False)
    do(store, SERVERS, "HSET", SERVERS, "epoch", "0")


def mark(store: Store, map_index: int = -1) -> bytes | None:
    (found,) = do(
        store,
        redis_names.hash_name(PREFIX, at()),
        "HMGET",
        redis_names.hash_name(PREFIX, at()),
        f"{map_index}:committed",
    )
    return None if found is None else bytes(found)


def redis_ms(store: Store) -> int:
    seconds, microseconds = do(store, SERVERS, "EVAL", "return redis.call('TIME')", 1, SERVERS)
    return int(seconds) * 1000 + int(microseconds) // 1000


def beats(store: Store) -> dict[str, tuple[int, int]]:
    """When each server was heard of last, and how far ahead its clock is."""
    (text,) = do(store, SERVERS, "HMGET", SERVERS, "servers")
    entries = (entry.split() for entry in (text or b"").decode().split(";") if entry)
    return {server: (int(beat), int(ahead)) for server, beat, ahead in entries}


def times(store: Store) -> list[int]:
    """When the value was pushed, and since when it is committed."""
    return [int(text) for text in (mark(store) or b"").split()[2:]]


def epoch(store: Store) -> int | None:
    (text,) = do(store, SERVERS, "HMGET", SERVERS, "epoch")
    return None if text is None else int(text)


def age(store: Store, server: str, milliseconds: int) -> None:
    """Let the last beat of a server be so much longer ago."""
    told = {name: (beat - milliseconds * (name == server), ahead) for name, (beat, ahead) in beats(store).items()}
    text = "".join(f"{name} {beat} {ahead};" for name, (beat, ahead) in told.items())
    do(store, SERVERS, "HSET", SERVERS, "servers", text)


class TestCommit:
    def test_a_push_is_marked_as_pending_only_if_it_is_watched(self, store: Store) -> None:
        watched = value(at())
        moment = store.push(Push(watched, acl=ACL, ttl=TTL, watched=True))
        pending = mark(store)
        store.push(Push(value(at()), acl=ACL, ttl=TTL))

        assert pending == f"{watched.version} {len(watched.pack())} {round(moment.timestamp() * 1000)}".encode()
        assert mark(store) is None

    def test_a_commit_adds_the_time_of_redis_to_the_mark(self, store: Store) -> None:
        pushed = push(store)
        pending, before = mark(store) or b"", redis_ms(store)

        assert store.commit(at(), pushed.version)

        marked, _, moment = (mark(store) or b"").rpartition(b" ")
        assert marked == pending
        assert before <= int(moment) <= redis_ms(store)

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


class TestServers:
    def test_a_first_beat_lets_only_later_marks_count(self, store: Store) -> None:
        store.commit(at(), push(store).version)
        before = redis_ms(store)

        store.beat(SERVER, missed=False)

        assert (epoch(store) or 0) >= before
        assert store.fetch_current(at()) is None

    def test_marks_count_once_a_second_has_passed_since_the_epoch(self, store: Store) -> None:
        store.beat(SERVER, missed=False)

        def committed_anew() -> bool:
            store.commit(at(), push(store).version)
            return store.fetch_current(at()) is not None

        assert not committed_anew()
        wait_until(committed_anew, what="a mark that counts", seconds=5)

    def test_what_counts_is_when_it_was_pushed_and_not_how_late_it_was_committed(self, store: Store) -> None:
        """An epoch that was moved in between: the row may have been stored, and deleted, before that."""
        watch_since_long_ago(store)
        pushed = push(store)
        time.sleep(0.003)
        store.commit(at(), pushed.version)
        pushed_ms, committed_ms = times(store)
        assert committed_ms > pushed_ms

        do(store, SERVERS, "HSET", SERVERS, "epoch", pushed_ms - 1000)
        assert store.fetch_current(at()) is None

        do(store, SERVERS, "HSET", SERVERS, "epoch", pushed_ms - 1001)
        assert store.fetch_current(at()) is not None

    def test_a_commit_after_distrust_does_not_make_an_earlier_push_count(self, store: Store) -> None:
        watch_since_long_ago(store)
        pushed = push(store)
        store.distrust()
        time.sleep(1.1)  # from then on new pushes count

        assert store.commit(at(), pushed.version)
        assert store.fetch_current(at()) is None
        store.commit(at(), push(store).version)
        assert store.fetch_current(at()) is not None

    def test_servers_that_cannot_be_read_may_be_any(self, store: Store) -> None:
        store.commit(at(), push(store).version)
        watch_since_long_ago(store)
        ((server, (beat, ahead)),) = beats(store).items()
        entry = f"{server} {beat} {ahead}"

        def counts(text: str) -> bool:
            do(store, SERVERS, "HSET", SERVERS, "servers", text)
            return store.fetch_current(at()) is not None

        assert counts(f"{entry};")
        assert counts(f"{entry};{entry};")
        for unreadable in [
            "",
            ";",
            entry,
            f"{entry};{entry}",
            f"{entry};;",
            f"{entry}; ",
            f" {entry};",
            f"{entry};\n",
            f"{entry};other 1 2;",
            f"{entry} 3;",
            f"{server} {beat};",
            f"{server}  {beat} 0;",
            f"{server} -{beat} 1;",
            f"{server} {beat} +1;",
            f"{server} {beat} 1.5;",
            f"{server} {beat} {'9' * 16};",
            f"{server} {'9' * 16} 0;",
        ]:
            assert (unreadable, counts(unreadable)) == (unreadable, False)

    def test_an_epoch_that_cannot_be_read_may_be_any(self, store: Store) -> None:
        store.commit(at(), push(store).version)
        watch_since_long_ago(store)

        for text in ("", "x", "-1", "1.5", " 1", "1_0", "\u0661"):
            do(store, SERVERS, "HSET", SERVERS, "epoch", text)
            assert (text, store.fetch_current(at())) == (text, None)

    def test_a_beat_leaves_nothing_that_cannot_be_read(self, store: Store) -> None:
        watch_since_long_ago(store, SERVER, OTHER)
        told = beats(store)[OTHER][0]
        do(store, SERVERS, "HSET", SERVERS, "servers", f"x;{OTHER} {told} -5; {SERVER} {told}", "epoch", "0")

        store.beat(SERVER, missed=False)
        do(store, SERVERS, "HSET", SERVERS, "epoch", "0")
        store.commit(at(), push(store).version)

        assert set(beats(store)) == {SERVER, OTHER}
        assert store.fetch_current(at()) is not None

    def test_a_beat_in_time_leaves_the_epoch(self, store: Store) -> None:
        watch_since_long_ago(store)
        age(store, SERVER, 5_000)

        store.beat(SERVER, missed=False)

        assert epoch(store) == 0

    @pytest.mark.parametrize("why", ["missed", "late", "new", "another is gone"])
    def test_after_a_gap_only_later_marks_count(self, store: Store, why: str) -> None:
        watch_since_long_ago(store, SERVER, *((OTHER,) if why == "another is gone" else ()))
        store.commit(at(), push(store).version)
        before = redis_ms(store)
        if why == "late":
            age(store, SERVER, 6_001)
        if why == "another is gone":
            age(store, OTHER, 60_001)

        store.beat(OTHER if why == "new" else SERVER, missed=why == "missed")

        assert (epoch(store) or 0) >= before
        assert store.fetch_current(at()) is None
        assert set(beats(store)) == ({SERVER, OTHER} if why == "new" else {SERVER})

    def test_while_one_server_is_not_heard_of_nothing_is_current(self, store: Store) -> None:
        store.commit(at(), push(store).version)
        watch_since_long_ago(store, SERVER, OTHER)
        age(store, OTHER, 6_100)
        store.beat(SERVER, missed=False)

        assert store.fetch_current(at()) is None

    def test_a_server_that_leaves_is_not_waited_for(self, store: Store) -> None:
        store.commit(at(), push(store).version)
        watch_since_long_ago(store, SERVER, OTHER)
        age(store, OTHER, 30_000)

        store.leave(OTHER)
        store.leave(OTHER)

        assert store.fetch_current(at()) is not None

    def test_when_the_last_one_leaves_nothing_is_current(self, store: Store) -> None:
        store.commit(at(), push(store).version)
        watch_since_long_ago(store)

        store.leave(SERVER)

        assert store.fetch_current(at()) is None

    def test_leaving_without_having_come_leaves_nothing(self, store: Store) -> None:
        store.leave(SERVER)

        assert do(store, SERVERS, "HMGET", SERVERS, "servers", "epoch") == [None, None]

    def test_distrust_lets_only_later_marks_count(self, store: Store) -> None:
        store.commit(at(), push(store).version)
        watch_since_long_ago(store)
        before = redis_ms(store)

        store.distrust()

        assert (epoch(store) or 0) >= before
        assert store.fetch_current(at()) is None

    def test_distrust_without_servers_leaves_nothing(self, store: Store) -> None:
        store.distrust()

        assert do(store, SERVERS, "HMGET", SERVERS, "servers", "epoch") == [None, None]

    def test_the_slowest_clock_counts_and_is_told_rather_slower_than_it_is(self, store: Store) -> None:
        watch_since_long_ago(store, SERVER, OTHER)
        told = beats(store)
        text = f"{SERVER} {told[SERVER][0]} -250;{OTHER} {told[OTHER][0]} 1250;"
        do(store, SERVERS, "HSET", SERVERS, "servers", text)
        store.commit(at(), push(store).version)

        current = store.fetch_current(at())

        assert current is not None
        assert current.ahead == timedelta(milliseconds=-250)
        assert {ahead < 100 for _, ahead in told.values()} == {True}

    @pytest.mark.parametrize("how", ["beat", "distrust"])
    def test_when_the_clock_of_redis_has_gone_back_marks_from_before_do_not_count(self, store: Store, how: str) -> None:
        pushed = push(store)
        store.commit(at(), pushed.version)
        watch_since_long_ago(store)
        age(store, SERVER, -HOUR_MS)  # its last beat is an hour ahead of the clock
        name = redis_names.hash_name(PREFIX, at())
        hour_ahead = redis_ms(store) + HOUR_MS
        later = f"{pushed.version} 1 {hour_ahead} {hour_ahead}"
        do(store, name, "HSET", name, redis_names.committed_name(-1), later)

        assert store.fetch_current(at()) is None
        store.beat(SERVER, missed=False) if how == "beat" else store.distrust()

        assert (epoch(store) or 0) > redis_ms(store) + HOUR_MS - 60_000
        assert store.fetch_current(at()) is None

    def test_servers_that_nobody_hears_of_any_more_are_forgotten(self, store: Store) -> None:
        store.beat(SERVER, missed=False)

        left = do(getattr(store, "workers", store), SERVERS, "PTTL", SERVERS)

        assert 50_000 < left <= 60_000

    @pytest.mark.parametrize("server", ["", "x" * 32, "0" * 31, "0" * 33, "0" * 32 + "\n", "A" * 32])
    def test_a_server_has_a_well_formed_id(self, store: Store, server: str) -> None:
        with pytest.raises(ValueError, match="32 hexadecimal digits"):
            store.beat(server, missed=False)
        with pytest.raises(ValueError, match="32 hexadecimal digits"):
            store.leave(server)


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
