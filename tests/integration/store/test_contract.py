"""A store does the same on every kind of Redis."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta, timezone

import pytest

from exclusive_redis_xcom.errors import ConfigurationError, CorruptValue
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.formats.envelope import Envelope
from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.store import Push, Store, Stored
from tests.integration.support import ACL, PREFIX, TTL, at, do, ttl_ms, value

AWKWARD_IDS = [
    ("a:b", "c", "d", "e"),
    ("a", "b:c", "d", "e"),
    ("a%3Ab", "c", "d", "e"),
    ("{a}", "r", "t", "k"),
    ("{b}", "r", "t", "k"),
    ("a}b{c", "r", "{t}", "k"),
    ("", "", "", ""),
    ("a/b", "*", "..", "%2F"),
    ("nul\0", "line\nfeed", "\u00e9", "e\u0301"),
    ("nul\0", "line\nfeed", "e\u0301", "\u00e9"),
    ("\ud800", "\U0001f600", "x" * 250, "[x]?"),
    ("\ud800", "\ud83d\ude00", "x" * 250, "[x]?"),
]


def test_what_was_pushed_is_fetched(store: Store) -> None:
    pushed = value(at())

    store.push(Push(pushed, acl=ACL, ttl=TTL))

    assert store.fetch(at()) == Stored(acl=ACL, envelope=pushed, found=True)


def test_nothing_is_found_where_nothing_was_pushed(store: Store) -> None:
    assert store.fetch(at()) == Stored(acl=None, envelope=None, found=False)


def test_a_push_replaces_value_and_rule(store: Store) -> None:
    newer = value(at())
    store.push(Push(value(at()), acl=ACL, ttl=TTL))

    store.push(Push(newer, acl=b"{}", ttl=TTL))

    assert store.fetch(at()) == Stored(acl=b"{}", envelope=newer, found=True)


def test_a_push_done_twice_is_as_one(store: Store) -> None:
    pushed = value(at())

    store.push(Push(pushed, acl=ACL, ttl=TTL))
    store.push(Push(pushed, acl=ACL, ttl=TTL))

    assert store.fetch(at()).envelope == pushed


def test_a_push_tells_the_server_s_time(store: Store) -> None:
    pushed_at = store.push(Push(value(at()), acl=ACL, ttl=TTL))

    assert pushed_at.tzinfo == timezone.utc
    assert abs(datetime.now(timezone.utc) - pushed_at) < timedelta(seconds=10)


def test_map_indexes_of_one_key_do_not_touch_each_other(store: Store) -> None:
    pushed = [value(at(index)) for index in (-1, 0, 1, 10)]
    for envelope in pushed:
        store.push(Push(envelope, acl=ACL, ttl=TTL))

    assert store.purge(at(1))

    kept = [store.fetch(envelope.coordinate).envelope for envelope in pushed]
    assert kept == [pushed[0], pushed[1], None, pushed[3]]


def test_a_missing_map_index_of_an_existing_key_is_told_from_a_missing_key(store: Store) -> None:
    store.push(Push(value(at(0)), acl=ACL, ttl=TTL))

    assert store.fetch(at(1)) == Stored(acl=ACL, envelope=None, found=True)


def test_a_purge_tells_whether_there_was_a_value(store: Store) -> None:
    store.push(Push(value(at()), acl=ACL, ttl=TTL))

    assert [store.purge(at()), store.purge(at())] == [True, False]


def test_the_rule_goes_with_the_last_value(store: Store) -> None:
    store.push(Push(value(at(0)), acl=ACL, ttl=TTL))
    store.push(Push(value(at(1)), acl=ACL, ttl=TTL))

    store.purge(at(0))
    store.purge(at(1))

    assert store.fetch(at(0)) == Stored(acl=None, envelope=None, found=False)


def test_a_purge_of_nothing_leaves_nothing(store: Store) -> None:
    assert not store.purge(at())
    assert not store.fetch(at()).found


def test_a_mapped_value_keeps_the_rule_of_its_own_push(store: Store) -> None:
    store.push(Push(value(at(0)), acl=ACL, ttl=TTL, own_acl=b"first"))
    store.push(Push(value(at(1)), acl=b"{}", ttl=TTL, own_acl=b"second"))

    first, second = store.fetch_many([at(0), at(1)])

    assert (first.acl, first.own_acl) == (b"{}", b"first")
    assert (second.acl, second.own_acl) == (b"{}", b"second")


def test_a_purge_removes_the_value_with_its_own_rule(store: Store) -> None:
    store.push(Push(value(at(0)), acl=ACL, ttl=TTL, own_acl=b"first"))
    store.push(Push(value(at(1)), acl=ACL, ttl=TTL, own_acl=b"second"))

    store.purge(at(0))

    assert store.fetch(at(0)) == Stored(acl=ACL, envelope=None, found=True)
    assert store.fetch(at(1)).own_acl == b"second"


def test_a_mapped_push_with_a_shorter_ttl_leaves_the_hash_its_longer_one(store: Store) -> None:
    name = redis_names.hash_name(PREFIX, at())
    store.push(Push(value(at(0)), acl=ACL, ttl=TTL, own_acl=ACL))
    store.push(Push(value(at(1)), acl=ACL, ttl=timedelta(milliseconds=100), own_acl=ACL))

    left = ttl_ms(store, name)

    assert left > TTL // timedelta(milliseconds=2)


def test_many_are_fetched_in_the_order_asked_for_repeated_and_missing_ones_included(store: Store) -> None:
    pushed = {at(index, key=key): value(at(index, key=key)) for key in "abc" for index in range(3)}
    for envelope in pushed.values():
        store.push(Push(envelope, acl=ACL, ttl=TTL))
    wanted = [at(2, key="c"), at(0, key="a"), at(7, key="a"), at(2, key="c"), at(0, key="none"), at(1, key="b")]

    fetched = store.fetch_many(wanted)

    assert [stored.envelope for stored in fetched] == [pushed.get(coordinate) for coordinate in wanted]
    assert [stored.found for stored in fetched] == [True, True, True, True, False, True]


def test_more_mapped_values_than_one_batch_holds_come_back_whole(store: Store) -> None:
    pushed = [value(at(index)) for index in range(300)]
    for envelope in pushed:
        store.push(Push(envelope, acl=ACL, ttl=TTL))

    fetched = store.fetch_many([envelope.coordinate for envelope in pushed])

    assert [stored.envelope for stored in fetched] == pushed


def test_announced_sizes_change_nothing_of_the_answer(store: Store) -> None:
    pushed = [value(at(index), size=size) for index, size in enumerate([10, 3_000_000, 6_000_000, 9_000_000, 1])]
    for envelope in pushed:
        store.push(Push(envelope, acl=ACL, ttl=TTL))

    fetched = store.fetch_many(
        [envelope.coordinate for envelope in pushed], [envelope.decoded_size for envelope in pushed]
    )

    assert [stored.envelope for stored in fetched] == pushed


def test_fetching_none_is_answered_with_none(store: Store) -> None:
    assert store.fetch_many([]) == []


@pytest.mark.parametrize("ttl", [timedelta(0), timedelta(seconds=-1), timedelta(microseconds=999)])
def test_a_ttl_that_keeps_nothing_is_refused(store: Store, ttl: timedelta) -> None:
    with pytest.raises(ConfigurationError, match="ttl"):
        store.push(Push(value(at()), acl=ACL, ttl=ttl))

    assert not store.fetch(at()).found


def test_a_value_ends_with_its_ttl(store: Store) -> None:
    store.push(Push(value(at()), acl=ACL, ttl=timedelta(milliseconds=1)))
    deadline = datetime.now(timezone.utc) + timedelta(seconds=5)

    while store.fetch(at()).found:
        assert datetime.now(timezone.utc) < deadline


def test_a_push_gives_the_hash_its_new_ttl(store: Store) -> None:
    name = redis_names.hash_name(PREFIX, at())
    store.push(Push(value(at()), acl=ACL, ttl=timedelta(hours=2)))

    store.push(Push(value(at()), acl=ACL, ttl=timedelta(minutes=1)))

    left = ttl_ms(store, name)
    assert 0 < left <= 60_000


def test_ids_of_any_kind_hold_their_own_value(store: Store) -> None:
    pushed = [value(Coordinate(*ids)) for ids in AWKWARD_IDS]
    for envelope in pushed:
        store.push(Push(envelope, acl=ACL, ttl=TTL))

    fetched = store.fetch_many([envelope.coordinate for envelope in pushed])
    purged = store.purge(pushed[0].coordinate)
    left = [store.fetch(envelope.coordinate).found for envelope in pushed]

    assert [stored.envelope for stored in fetched] == pushed
    assert purged
    assert left == [False, *[True] * (len(pushed) - 1)]


def test_the_value_of_another_coordinate_is_never_handed_out(store: Store) -> None:
    foreign = value(at(5))
    _put(store, at(6), foreign.pack())

    with pytest.raises(CorruptValue, match=r"map_index 6.*map_index 5"):
        store.fetch(at(6))


@pytest.mark.parametrize("change", ["cut", "longer", "empty", "foreign"])
def test_a_damaged_value_is_never_handed_out(store: Store, change: str) -> None:
    packed = value(at()).pack()
    damaged = {"cut": packed[:-1], "longer": packed + b"x", "empty": b"", "foreign": b'{"value": 1}'}[change]
    _put(store, at(), damaged)

    with pytest.raises(CorruptValue, match="XCom 'key' of task 'task'"):
        store.fetch(at())


def test_the_store_works_on_after_a_corrupt_value(store: Store) -> None:
    _put(store, at(), b"")
    with pytest.raises(CorruptValue):
        store.fetch(at())
    healed = value(at())

    store.push(Push(healed, acl=ACL, ttl=TTL))

    assert store.fetch(at()).envelope == healed


def test_a_large_value_comes_back_whole(store: Store) -> None:
    pushed = value(at(), size=5_000_001)

    store.push(Push(pushed, acl=ACL, ttl=TTL))

    assert store.fetch(at()).envelope == pushed


def _put(store: Store, coordinate: Coordinate, data: bytes) -> None:
    """Overwrite the field of a coordinate, as somebody with the worker's password could."""
    envelope: Envelope = dataclasses.replace(value(coordinate))
    store.push(Push(envelope, acl=ACL, ttl=TTL))
    name = redis_names.hash_name(PREFIX, coordinate)
    do(store, name, "HSET", name, redis_names.field_name(coordinate.map_index), data)
