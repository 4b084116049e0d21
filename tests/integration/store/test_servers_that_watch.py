"""Marks count while API servers vouch for them with beats, clocks and an epoch."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from devtools.redis_sets import wait_until
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.store import Store
from tests.integration.kinds import FEW_KINDS
from tests.integration.store.marked import (
    OTHER,
    SERVER,
    SERVERS,
    age,
    beats,
    epoch,
    push,
    redis_ms,
    times,
    watch_since_long_ago,
)
from tests.integration.support import PREFIX, at, do

STORE_KINDS = FEW_KINDS
HOUR_MS = 3_600_000


def test_a_first_beat_lets_only_later_marks_count(store: Store) -> None:
    store.commit(at(), push(store).version)
    before = redis_ms(store)

    store.beat(SERVER, missed=False)

    assert (epoch(store) or 0) >= before
    assert store.fetch_current(at()) is None


def test_marks_count_once_a_second_has_passed_since_the_epoch(store: Store) -> None:
    store.beat(SERVER, missed=False)

    def committed_anew() -> bool:
        store.commit(at(), push(store).version)
        return store.fetch_current(at()) is not None

    assert not committed_anew()
    wait_until(committed_anew, what="a mark that counts", seconds=5)


def test_what_counts_is_when_it_was_pushed_and_not_how_late_it_was_committed(store: Store) -> None:
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


def test_a_commit_after_distrust_does_not_make_an_earlier_push_count(store: Store) -> None:
    watch_since_long_ago(store)
    pushed = push(store)
    store.distrust()
    time.sleep(1.1)  # from then on new pushes count

    assert store.commit(at(), pushed.version)
    assert store.fetch_current(at()) is None
    store.commit(at(), push(store).version)
    assert store.fetch_current(at()) is not None


def test_servers_that_cannot_be_read_may_be_any(store: Store) -> None:
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


def test_an_epoch_that_cannot_be_read_may_be_any(store: Store) -> None:
    store.commit(at(), push(store).version)
    watch_since_long_ago(store)

    for text in ("", "x", "-1", "1.5", " 1", "1_0", "\u0661"):
        do(store, SERVERS, "HSET", SERVERS, "epoch", text)
        assert (text, store.fetch_current(at())) == (text, None)


def test_a_beat_leaves_nothing_that_cannot_be_read(store: Store) -> None:
    watch_since_long_ago(store, SERVER, OTHER)
    told = beats(store)[OTHER][0]
    do(store, SERVERS, "HSET", SERVERS, "servers", f"x;{OTHER} {told} -5; {SERVER} {told}", "epoch", "0")

    store.beat(SERVER, missed=False)
    do(store, SERVERS, "HSET", SERVERS, "epoch", "0")
    store.commit(at(), push(store).version)

    assert set(beats(store)) == {SERVER, OTHER}
    assert store.fetch_current(at()) is not None


def test_a_beat_in_time_leaves_the_epoch(store: Store) -> None:
    watch_since_long_ago(store)
    age(store, SERVER, 5_000)

    store.beat(SERVER, missed=False)

    assert epoch(store) == 0


@pytest.mark.parametrize("why", ["missed", "late", "new", "another is gone"])
def test_after_a_gap_only_later_marks_count(store: Store, why: str) -> None:
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


def test_while_one_server_is_not_heard_of_nothing_is_current(store: Store) -> None:
    store.commit(at(), push(store).version)
    watch_since_long_ago(store, SERVER, OTHER)
    age(store, OTHER, 6_100)
    store.beat(SERVER, missed=False)

    assert store.fetch_current(at()) is None


def test_a_server_that_leaves_is_not_waited_for(store: Store) -> None:
    store.commit(at(), push(store).version)
    watch_since_long_ago(store, SERVER, OTHER)
    age(store, OTHER, 30_000)

    store.leave(OTHER)
    store.leave(OTHER)

    assert store.fetch_current(at()) is not None


def test_when_the_last_one_leaves_nothing_is_current(store: Store) -> None:
    store.commit(at(), push(store).version)
    watch_since_long_ago(store)

    store.leave(SERVER)

    assert store.fetch_current(at()) is None


def test_leaving_without_having_come_leaves_nothing(store: Store) -> None:
    store.leave(SERVER)

    assert do(store, SERVERS, "HMGET", SERVERS, "servers", "epoch") == [None, None]


def test_distrust_lets_only_later_marks_count(store: Store) -> None:
    store.commit(at(), push(store).version)
    watch_since_long_ago(store)
    before = redis_ms(store)

    store.distrust()

    assert (epoch(store) or 0) >= before
    assert store.fetch_current(at()) is None


def test_distrust_without_servers_leaves_nothing(store: Store) -> None:
    store.distrust()

    assert do(store, SERVERS, "HMGET", SERVERS, "servers", "epoch") == [None, None]


def test_the_slowest_clock_counts_and_is_told_rather_slower_than_it_is(store: Store) -> None:
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
def test_when_the_clock_of_redis_has_gone_back_marks_from_before_do_not_count(store: Store, how: str) -> None:
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


def test_servers_that_nobody_hears_of_any_more_are_forgotten(store: Store) -> None:
    store.beat(SERVER, missed=False)

    left = do(getattr(store, "workers", store), SERVERS, "PTTL", SERVERS)

    assert 50_000 < left <= 60_000


#: What a hostile worker could write in place of servers. Scripts that try each beginning take minutes for it.
LONG = ["a" * 65_000, "1 " * 32_000, "1;" * 32_000, "a" * 1_000_000]


@pytest.mark.parametrize("text", LONG, ids=["digits", "words", "entries", "longer than any fleet"])
def test_a_long_text_in_the_place_of_servers_is_a_gap_and_a_beat_ends_it(store: Store, text: str) -> None:
    watch_since_long_ago(store)
    store.commit(at(), push(store).version)
    do(store, SERVERS, "HSET", SERVERS, "servers", text)
    before = redis_ms(store)

    store.leave(OTHER)
    store.distrust()
    store.beat(SERVER, missed=False)

    assert set(beats(store)) == {SERVER}
    assert (epoch(store) or 0) >= before
    assert store.fetch_current(at()) is None


def test_an_entry_that_cannot_be_read_may_have_been_a_server(store: Store) -> None:
    watch_since_long_ago(store, SERVER)
    (text,) = do(store, SERVERS, "HMGET", SERVERS, "servers")
    do(store, SERVERS, "HSET", SERVERS, "servers", text + b"x;")
    before = redis_ms(store)

    store.beat(SERVER, missed=False)

    assert (epoch(store) or 0) >= before


def test_leaving_takes_no_other_server_along(store: Store) -> None:
    watch_since_long_ago(store, SERVER, OTHER)
    told = beats(store)

    store.leave(OTHER)

    assert beats(store) == {SERVER: told[SERVER]}


@pytest.mark.parametrize("server", ["", "x" * 32, "0" * 31, "0" * 33, "0" * 32 + "\n", "A" * 32])
def test_a_server_has_a_well_formed_id(store: Store, server: str) -> None:
    with pytest.raises(ValueError, match="32 hexadecimal digits"):
        store.beat(server, missed=False)
    with pytest.raises(ValueError, match="32 hexadecimal digits"):
        store.leave(server)
