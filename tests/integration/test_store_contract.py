"""What a store does, whatever Redis is behind it."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta, timezone

import pytest

from devtools.redis_sets import wait_until
from exclusive_redis_xcom.errors import ConfigurationError, CorruptValue
from exclusive_redis_xcom.formats import claims, redis_names
from exclusive_redis_xcom.formats.envelope import Envelope
from exclusive_redis_xcom.model import Coordinate, Principal
from exclusive_redis_xcom.store import Claim, Push, Store, Stored
from tests.integration.support import (
    ACL,
    PREFIX,
    TTL,
    at,
    value,
)

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


class TestStore:
    def test_what_was_pushed_is_fetched(self, store: Store) -> None:
        pushed = value(at())

        store.push(Push(pushed, acl=ACL, ttl=TTL))

        assert store.fetch(at()) == Stored(acl=ACL, envelope=pushed, found=True)

    def test_nothing_is_found_where_nothing_was_pushed(self, store: Store) -> None:
        assert store.fetch(at()) == Stored(acl=None, envelope=None, found=False)

    def test_a_push_replaces_value_and_rule(self, store: Store) -> None:
        newer = value(at())
        store.push(Push(value(at()), acl=ACL, ttl=TTL))

        store.push(Push(newer, acl=b"{}", ttl=TTL))

        assert store.fetch(at()) == Stored(acl=b"{}", envelope=newer, found=True)

    def test_a_push_done_twice_is_as_one(self, store: Store) -> None:
        pushed = value(at())

        store.push(Push(pushed, acl=ACL, ttl=TTL))
        store.push(Push(pushed, acl=ACL, ttl=TTL))

        assert store.fetch(at()).envelope == pushed

    def test_a_push_tells_the_server_s_time(self, store: Store) -> None:
        pushed_at = store.push(Push(value(at()), acl=ACL, ttl=TTL))

        assert pushed_at.tzinfo == timezone.utc
        assert abs(datetime.now(timezone.utc) - pushed_at) < timedelta(seconds=10)

    def test_map_indexes_of_one_key_do_not_touch_each_other(self, store: Store) -> None:
        pushed = [value(at(index)) for index in (-1, 0, 1, 10)]
        for envelope in pushed:
            store.push(Push(envelope, acl=ACL, ttl=TTL))

        assert store.purge(at(1))

        kept = [store.fetch(envelope.coordinate).envelope for envelope in pushed]
        assert kept == [pushed[0], pushed[1], None, pushed[3]]

    def test_a_missing_map_index_of_an_existing_key_is_told_from_a_missing_key(self, store: Store) -> None:
        store.push(Push(value(at(0)), acl=ACL, ttl=TTL))

        assert store.fetch(at(1)) == Stored(acl=ACL, envelope=None, found=True)

    def test_a_purge_tells_whether_there_was_a_value(self, store: Store) -> None:
        store.push(Push(value(at()), acl=ACL, ttl=TTL))

        assert [store.purge(at()), store.purge(at())] == [True, False]

    def test_the_rule_goes_with_the_last_value(self, store: Store) -> None:
        store.push(Push(value(at(0)), acl=ACL, ttl=TTL))
        store.push(Push(value(at(1)), acl=ACL, ttl=TTL))

        store.purge(at(0))
        store.purge(at(1))

        assert store.fetch(at(0)) == Stored(acl=None, envelope=None, found=False)

    def test_a_purge_of_nothing_leaves_nothing(self, store: Store) -> None:
        assert not store.purge(at())
        assert not store.fetch(at()).found

    def test_a_mapped_value_keeps_the_rule_of_its_own_push(self, store: Store) -> None:
        store.push(Push(value(at(0)), acl=ACL, ttl=TTL, own_acl=b"first"))
        store.push(Push(value(at(1)), acl=b"{}", ttl=TTL, own_acl=b"second"))

        first, second = store.fetch_many([at(0), at(1)])

        assert (first.acl, first.own_acl) == (b"{}", b"first")
        assert (second.acl, second.own_acl) == (b"{}", b"second")

    def test_a_purge_removes_the_value_with_its_own_rule(self, store: Store) -> None:
        store.push(Push(value(at(0)), acl=ACL, ttl=TTL, own_acl=b"first"))
        store.push(Push(value(at(1)), acl=ACL, ttl=TTL, own_acl=b"second"))

        store.purge(at(0))

        assert store.fetch(at(0)) == Stored(acl=ACL, envelope=None, found=True)
        assert store.fetch(at(1)).own_acl == b"second"

    def test_a_mapped_push_with_a_shorter_ttl_leaves_the_hash_its_longer_one(self, store: Store) -> None:
        name = redis_names.hash_name(PREFIX, at())
        store.push(Push(value(at(0)), acl=ACL, ttl=TTL, own_acl=ACL))
        store.push(Push(value(at(1)), acl=ACL, ttl=timedelta(milliseconds=100), own_acl=ACL))

        left = _ttl_ms(store, name)

        assert left > TTL // timedelta(milliseconds=2)

    def test_many_are_fetched_in_the_order_asked_for_repeated_and_missing_ones_included(self, store: Store) -> None:
        pushed = {at(index, key=key): value(at(index, key=key)) for key in "abc" for index in range(3)}
        for envelope in pushed.values():
            store.push(Push(envelope, acl=ACL, ttl=TTL))
        wanted = [at(2, key="c"), at(0, key="a"), at(7, key="a"), at(2, key="c"), at(0, key="none"), at(1, key="b")]

        fetched = store.fetch_many(wanted)

        assert [stored.envelope for stored in fetched] == [pushed.get(coordinate) for coordinate in wanted]
        assert [stored.found for stored in fetched] == [True, True, True, True, False, True]

    def test_more_mapped_values_than_one_batch_holds_come_back_whole(self, store: Store) -> None:
        pushed = [value(at(index)) for index in range(300)]
        for envelope in pushed:
            store.push(Push(envelope, acl=ACL, ttl=TTL))

        fetched = store.fetch_many([envelope.coordinate for envelope in pushed])

        assert [stored.envelope for stored in fetched] == pushed

    def test_announced_sizes_change_nothing_of_the_answer(self, store: Store) -> None:
        pushed = [value(at(index), size=size) for index, size in enumerate([10, 3_000_000, 6_000_000, 9_000_000, 1])]
        for envelope in pushed:
            store.push(Push(envelope, acl=ACL, ttl=TTL))

        fetched = store.fetch_many(
            [envelope.coordinate for envelope in pushed], [envelope.decoded_size for envelope in pushed]
        )

        assert [stored.envelope for stored in fetched] == pushed

    def test_fetching_none_is_answered_with_none(self, store: Store) -> None:
        assert store.fetch_many([]) == []

    @pytest.mark.parametrize("ttl", [timedelta(0), timedelta(seconds=-1), timedelta(microseconds=999)])
    def test_a_ttl_that_keeps_nothing_is_refused(self, store: Store, ttl: timedelta) -> None:
        with pytest.raises(ConfigurationError, match="ttl"):
            store.push(Push(value(at()), acl=ACL, ttl=ttl))

        assert not store.fetch(at()).found

    def test_a_value_ends_with_its_ttl(self, store: Store) -> None:
        store.push(Push(value(at()), acl=ACL, ttl=timedelta(milliseconds=1)))
        deadline = datetime.now(timezone.utc) + timedelta(seconds=5)

        while store.fetch(at()).found:
            assert datetime.now(timezone.utc) < deadline

    def test_a_push_gives_the_hash_its_new_ttl(self, store: Store) -> None:
        name = redis_names.hash_name(PREFIX, at())
        store.push(Push(value(at()), acl=ACL, ttl=timedelta(hours=2)))

        store.push(Push(value(at()), acl=ACL, ttl=timedelta(minutes=1)))

        left = _ttl_ms(store, name)
        assert 0 < left <= 60_000

    def test_ids_of_any_kind_hold_their_own_value(self, store: Store) -> None:
        pushed = [value(Coordinate(*ids)) for ids in AWKWARD_IDS]
        for envelope in pushed:
            store.push(Push(envelope, acl=ACL, ttl=TTL))

        fetched = store.fetch_many([envelope.coordinate for envelope in pushed])
        purged = store.purge(pushed[0].coordinate)
        left = [store.fetch(envelope.coordinate).found for envelope in pushed]

        assert [stored.envelope for stored in fetched] == pushed
        assert purged
        assert left == [False, *[True] * (len(pushed) - 1)]

    def test_the_value_of_another_coordinate_is_never_handed_out(self, store: Store) -> None:
        foreign = value(at(5))
        _put(store, at(6), foreign.pack())

        with pytest.raises(CorruptValue, match=r"map_index 6.*map_index 5"):
            store.fetch(at(6))

    @pytest.mark.parametrize("change", ["cut", "longer", "empty", "foreign"])
    def test_a_damaged_value_is_never_handed_out(self, store: Store, change: str) -> None:
        packed = value(at()).pack()
        damaged = {"cut": packed[:-1], "longer": packed + b"x", "empty": b"", "foreign": b'{"value": 1}'}[change]
        _put(store, at(), damaged)

        with pytest.raises(CorruptValue, match="XCom 'key' of task 'task'"):
            store.fetch(at())

    def test_the_store_works_on_after_a_corrupt_value(self, store: Store) -> None:
        _put(store, at(), b"")
        with pytest.raises(CorruptValue):
            store.fetch(at())
        healed = value(at())

        store.push(Push(healed, acl=ACL, ttl=TTL))

        assert store.fetch(at()).envelope == healed

    def test_a_large_value_comes_back_whole(self, store: Store) -> None:
        pushed = value(at(), size=5_000_001)

        store.push(Push(pushed, acl=ACL, ttl=TTL))

        assert store.fetch(at()).envelope == pushed


def _ttl_ms(store: Store, name: str) -> int:
    client = getattr(store, "workers", store)._client  # the API server's user has no need of PTTL
    return int(client.run("look", lambda session: session.call(name, ("PTTL", name))))


def _put(store: Store, coordinate: Coordinate, data: bytes) -> None:
    """Overwrite the field of a coordinate, as somebody with the worker's password could."""
    envelope: Envelope = dataclasses.replace(value(coordinate))
    store.push(Push(envelope, acl=ACL, ttl=TTL))
    name = redis_names.hash_name(PREFIX, coordinate)
    command = ("HSET", name, redis_names.field_name(coordinate.map_index), data)
    store._client.run("overwrite", lambda session: session.call(name, command))


def _push(store: Store, *map_indexes: int, once: bool = True, ttl: timedelta = TTL) -> list[tuple[Coordinate, str]]:
    """Push values; their coordinates and versions."""
    pushed = [value(at(index)) for index in map_indexes]
    for envelope in pushed:
        store.push(Push(envelope, acl=ACL, ttl=ttl, own_acl=None if envelope.coordinate == at() else ACL, once=once))
    return [(envelope.coordinate, envelope.version) for envelope in pushed]


class TestClaim:
    def test_the_first_to_claim_a_value_has_it_and_the_others_are_told_who(self, store: Store) -> None:
        (pair,) = _push(store, -1)

        assert store.claim([pair], "one") == [Claim("granted", "one")]
        assert store.claim([pair], "two") == [Claim("taken", "one")]
        assert store.claim([pair], "one") == [Claim("granted", "one")]

    def test_a_claim_leaves_value_rule_and_ttl_as_they_were(self, store: Store) -> None:
        name = redis_names.hash_name(PREFIX, at())
        pushed = value(at())
        store.push(Push(pushed, acl=ACL, ttl=timedelta(hours=2), once=True))

        store.claim([(at(), pushed.version)], "one")

        assert store.fetch(at()) == Stored(acl=ACL, envelope=pushed, found=True)
        assert 7_100_000 < _ttl_ms(store, name) <= 7_200_000

    def test_each_map_index_has_a_claim_of_its_own(self, store: Store) -> None:
        first, second = _push(store, 0, 1)

        store.claim([first], "one")

        assert store.claim([second], "two") == [Claim("granted", "two")]

    def test_the_values_of_one_xcom_are_claimed_all_or_none(self, store: Store) -> None:
        first, second, third = _push(store, 0, 1, 2)
        store.claim([second], "one")

        refused = store.claim([first, second, third], "two")

        assert refused == [Claim("withheld"), Claim("taken", "one"), Claim("withheld")]
        assert store.claim([first, third], "three") == [Claim("granted", "three")] * 2

    def test_one_that_is_gone_keeps_the_others_of_its_xcom_free(self, store: Store) -> None:
        first, second = _push(store, 0, 1)

        assert store.claim([first, (at(7), second[1])], "one") == [Claim("withheld"), Claim("gone")]
        assert store.claim([first, second], "two") == [Claim("granted", "two")] * 2

    def test_one_s_own_earlier_claims_count_as_granted_beside_a_refused_one(self, store: Store) -> None:
        first, second = _push(store, 0, 1)
        store.claim([first], "one")
        store.claim([second], "two")

        assert store.claim([first, second], "one") == [Claim("granted", "one"), Claim("taken", "two")]

    def test_the_values_of_several_xcoms_are_claimed_each_for_itself(self, store: Store) -> None:
        pushed = [value(at(key=key)) for key in "abc"]
        for envelope in pushed:
            store.push(Push(envelope, acl=ACL, ttl=TTL, once=True))
        a, b, c = [(envelope.coordinate, envelope.version) for envelope in pushed]
        store.claim([b], "one")

        claimed = store.claim([c, b, a, c], "two")

        assert claimed == [
            Claim("granted", "two"),
            Claim("taken", "one"),
            Claim("granted", "two"),
            Claim("granted", "two"),
        ]

    def test_the_claim_of_another_version_is_gone(self, store: Store) -> None:
        _push(store, -1)

        assert store.claim([(at(), "0" * 32)], "one") == [Claim("gone")]

    def test_where_nothing_was_pushed_there_is_nothing_to_claim_and_nothing_is_left(self, store: Store) -> None:
        assert store.claim([(at(), "0" * 32)], "one") == [Claim("gone")]
        assert not store.fetch(at()).found

    def test_an_expired_value_is_gone(self, store: Store) -> None:
        (pair,) = _push(store, -1, ttl=timedelta(milliseconds=1))
        wait_until(lambda: not store.fetch(at()).found, what="the value has expired")

        assert store.claim([pair], "one") == [Claim("gone")]

    def test_a_value_that_is_not_read_once_has_no_claim(self, store: Store) -> None:
        (pair,) = _push(store, -1, once=False)

        assert store.claim([pair], "one") == [Claim("gone")]

    def test_a_new_push_has_no_claimer(self, store: Store) -> None:
        (older,) = _push(store, -1)
        store.claim([older], "one")

        (newer,) = _push(store, -1)

        assert store.claim([older], "one") == [Claim("gone")]
        assert store.claim([newer], "two") == [Claim("granted", "two")]

    def test_a_push_that_is_not_read_once_takes_the_claim_away(self, store: Store) -> None:
        (pair,) = _push(store, -1)
        name = redis_names.hash_name(PREFIX, at())
        store.claim([pair], "one")

        _push(store, -1, once=False)

        command = ("HMGET", name, redis_names.claim_name(-1))
        assert store._client.run("look", lambda session: session.call(name, command)) == [None]

    @pytest.mark.parametrize("map_index", [-1, 3])
    def test_the_very_same_push_again_leaves_its_claim(self, store: Store, map_index: int) -> None:
        pushed = value(at(map_index))
        store.push(Push(pushed, acl=ACL, ttl=TTL, own_acl=ACL, once=True))
        store.claim([(at(map_index), pushed.version)], "one")

        store.push(Push(pushed, acl=ACL, ttl=TTL, own_acl=ACL, once=True))

        assert store.claim([(at(map_index), pushed.version)], "two") == [Claim("taken", "one")]

    def test_a_purge_removes_the_claim(self, store: Store) -> None:
        first, second = _push(store, 0, 1)
        store.claim([first, second], "one")

        store.purge(at(0))

        assert store.claim([first], "one") == [Claim("gone")]
        assert store.claim([second], "one") == [Claim("granted", "one")]
        store.purge(at(1))
        assert not store.fetch(at(1)).found

    def test_a_purge_of_another_map_index_leaves_a_claim(self, store: Store) -> None:
        first, _ = _push(store, 0, 1)
        store.claim([first], "one")

        store.purge(at(1))

        assert store.claim([first], "two") == [Claim("taken", "one")]

    def test_as_many_values_as_one_script_claims_are_all_or_none(self, store: Store) -> None:
        pairs = _push(store, *range(1024))
        store.claim([pairs[-1]], "one")

        assert store.claim(pairs, "two") == [*[Claim("withheld")] * 1023, Claim("taken", "one")]
        assert store.claim(pairs[:-1], "three") == [Claim("granted", "three")] * 1023

    def test_of_more_values_the_batches_before_a_refused_one_are_claimed(self, store: Store) -> None:
        pairs = _push(store, *range(1030))
        store.claim([pairs[1026]], "one")

        claimed = store.claim(pairs, "two")

        assert claimed[:1024] == [Claim("granted", "two")] * 1024
        assert claimed[1024:] == [Claim("withheld")] * 2 + [Claim("taken", "one")] + [Claim("withheld")] * 3
        assert store.claim(pairs[:1026], "two") == [Claim("granted", "two")] * 1026

    def test_a_claimer_is_text_of_any_kind_but_not_empty(self, store: Store) -> None:
        (pair,) = _push(store, -1)

        with pytest.raises(ValueError, match="needs a claimer"):
            store.claim([pair], "")
        claimer = claims.claimer_text(Principal("d:\ud800", "t\0\n", "r\u00e9", 3))
        assert store.claim([pair], claimer) == [Claim("granted", claimer)]
        assert store.claim([pair], "two") == [Claim("taken", claimer)]

    def test_whatever_stands_in_place_of_a_claimer_is_bounded_text(self, store: Store) -> None:
        (pair,) = _push(store, -1)
        name = redis_names.hash_name(PREFIX, at())
        command = ("HSET", name, redis_names.claim_name(-1), pair[1].encode() + b"\xff" * 1_000_000)
        store._client.run("overwrite", lambda session: session.call(name, command))

        (claim,) = store.claim([pair], "one")

        assert claim.status == "taken"
        assert claim.claimer is not None
        assert len(claim.claimer) < 20_000

    def test_claiming_nothing_is_answered_with_nothing(self, store: Store) -> None:
        assert store.claim([], "one") == []


class TestPurgeMany:
    def test_values_of_many_xcoms_are_removed_and_counted(self, store: Store) -> None:
        for index in range(3):
            for key in "abc":
                store.push(Push(value(at(index, key=key)), acl=ACL, ttl=TTL, own_acl=ACL))
        gone = [at(1, key="a"), at(2, key="a"), at(0, key="b"), at(1, key="a"), at(9, key="c"), at(0, key="never")]

        assert store.purge_many(gone) == 3

        left = [(index, key) for index in range(3) for key in "abc" if store.fetch(at(index, key=key)).envelope]
        assert left == [(0, "a"), (0, "c"), (1, "b"), (1, "c"), (2, "b"), (2, "c")]

    def test_more_than_one_batch_holds_is_removed(self, store: Store) -> None:
        pairs = _push(store, *range(300))

        assert store.purge_many([coordinate for coordinate, _ in pairs]) == 300
        assert not store.fetch(at(0)).found

    def test_removing_nothing_is_no_error(self, store: Store) -> None:
        assert store.purge_many([]) == 0


class TestDiscard:
    def test_a_hash_goes_with_all_its_map_indexes(self, removing_store: Store) -> None:
        store = removing_store
        _push(store, 0, 1, 2)
        store.push(Push(value(at(key="other")), acl=ACL, ttl=TTL))

        assert store.discard([at(1)]) == 1

        assert not store.fetch(at(0)).found
        assert store.fetch(at(key="other")).found

    def test_many_hashes_go_and_are_counted(self, removing_store: Store) -> None:
        store = removing_store
        for number in range(300):
            store.push(Push(value(at(key=f"k{number}")), acl=ACL, ttl=TTL))
        gone = [at(index, key=f"k{number}") for number in range(300) for index in (-1, 0)]

        assert store.discard([*gone, at(key="never")]) == 300
        assert not any(stored.found for stored in store.fetch_many(gone))

    def test_discarding_nothing_is_no_error(self, removing_store: Store) -> None:
        assert removing_store.discard([]) == 0
