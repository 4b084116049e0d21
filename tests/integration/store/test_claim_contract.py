"""Claims do the same on every kind of Redis: one task instance gets a value that may be read once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from devtools.redis_sets import wait_until
from exclusive_redis_xcom.formats import claims, redis_names
from exclusive_redis_xcom.model import Principal
from exclusive_redis_xcom.store import Claim, Push, Store, Stored
from tests.integration.support import ACL, PREFIX, TTL, at, do, push_pairs, ttl_ms, value


def test_the_first_to_claim_a_value_has_it_and_the_others_are_told_who(store: Store) -> None:
    (pair,) = push_pairs(store, -1)

    assert store.claim([pair], "one") == [Claim("granted", "one")]
    assert store.claim([pair], "two") == [Claim("taken", "one")]
    assert store.claim([pair], "one") == [Claim("granted", "one")]


def test_a_claim_leaves_value_rule_and_ttl_as_they_were(store: Store) -> None:
    name = redis_names.hash_name(PREFIX, at())
    pushed = value(at())
    store.push(Push(pushed, acl=ACL, ttl=timedelta(hours=2), once=True))

    store.claim([(at(), pushed.version)], "one")

    assert store.fetch(at()) == Stored(acl=ACL, envelope=pushed, found=True)
    assert 7_100_000 < ttl_ms(store, name) <= 7_200_000


def test_each_map_index_has_a_claim_of_its_own(store: Store) -> None:
    first, second = push_pairs(store, 0, 1)

    store.claim([first], "one")

    assert store.claim([second], "two") == [Claim("granted", "two")]


def test_the_values_of_one_xcom_are_claimed_all_or_none(store: Store) -> None:
    first, second, third = push_pairs(store, 0, 1, 2)
    store.claim([second], "one")

    refused = store.claim([first, second, third], "two")

    assert refused == [Claim("withheld"), Claim("taken", "one"), Claim("withheld")]
    assert store.claim([first, third], "three") == [Claim("granted", "three")] * 2


def test_one_that_is_gone_keeps_the_others_of_its_xcom_free(store: Store) -> None:
    first, second = push_pairs(store, 0, 1)

    assert store.claim([first, (at(7), second[1])], "one") == [Claim("withheld"), Claim("gone")]
    assert store.claim([first, second], "two") == [Claim("granted", "two")] * 2


def test_one_s_own_earlier_claims_count_as_granted_beside_a_refused_one(store: Store) -> None:
    first, second = push_pairs(store, 0, 1)
    store.claim([first], "one")
    store.claim([second], "two")

    assert store.claim([first, second], "one") == [Claim("granted", "one"), Claim("taken", "two")]


def test_the_values_of_several_xcoms_are_claimed_each_for_itself(store: Store) -> None:
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


def test_the_claim_of_another_version_is_gone(store: Store) -> None:
    push_pairs(store, -1)

    assert store.claim([(at(), "0" * 32)], "one") == [Claim("gone")]


def test_where_nothing_was_pushed_there_is_nothing_to_claim_and_nothing_is_left(store: Store) -> None:
    assert store.claim([(at(), "0" * 32)], "one") == [Claim("gone")]
    assert not store.fetch(at()).found


def test_an_expired_value_is_gone(store: Store) -> None:
    (pair,) = push_pairs(store, -1, ttl=timedelta(milliseconds=1))
    wait_until(lambda: not store.fetch(at()).found, what="the value has expired")

    assert store.claim([pair], "one") == [Claim("gone")]


def test_a_value_that_is_not_read_once_has_no_claim(store: Store) -> None:
    (pair,) = push_pairs(store, -1, once=False)

    assert store.claim([pair], "one") == [Claim("gone")]


def test_a_new_push_has_no_claimer(store: Store) -> None:
    (older,) = push_pairs(store, -1)
    store.claim([older], "one")

    (newer,) = push_pairs(store, -1)

    assert store.claim([older], "one") == [Claim("gone")]
    assert store.claim([newer], "two") == [Claim("granted", "two")]


def test_a_push_that_is_not_read_once_takes_the_claim_away(store: Store) -> None:
    (pair,) = push_pairs(store, -1)
    name = redis_names.hash_name(PREFIX, at())
    store.claim([pair], "one")

    push_pairs(store, -1, once=False)

    assert do(store, name, "HMGET", name, redis_names.claim_name(-1)) == [None]


@pytest.mark.parametrize("map_index", [-1, 3])
def test_the_very_same_push_again_leaves_its_claim(store: Store, map_index: int) -> None:
    pushed = value(at(map_index))
    store.push(Push(pushed, acl=ACL, ttl=TTL, own_acl=ACL, once=True))
    store.claim([(at(map_index), pushed.version)], "one")

    store.push(Push(pushed, acl=ACL, ttl=TTL, own_acl=ACL, once=True))

    assert store.claim([(at(map_index), pushed.version)], "two") == [Claim("taken", "one")]


def test_a_purge_removes_the_claim(store: Store) -> None:
    first, second = push_pairs(store, 0, 1)
    store.claim([first, second], "one")

    store.purge(at(0))

    assert store.claim([first], "one") == [Claim("gone")]
    assert store.claim([second], "one") == [Claim("granted", "one")]
    store.purge(at(1))
    assert not store.fetch(at(1)).found


def test_a_purge_of_another_map_index_leaves_a_claim(store: Store) -> None:
    first, _ = push_pairs(store, 0, 1)
    store.claim([first], "one")

    store.purge(at(1))

    assert store.claim([first], "two") == [Claim("taken", "one")]


def test_as_many_values_as_one_script_claims_are_all_or_none(store: Store) -> None:
    pairs = push_pairs(store, *range(1024))
    store.claim([pairs[-1]], "one")

    assert store.claim(pairs, "two") == [*[Claim("withheld")] * 1023, Claim("taken", "one")]
    assert store.claim(pairs[:-1], "three") == [Claim("granted", "three")] * 1023


def test_of_more_values_the_batches_before_a_refused_one_are_claimed(store: Store) -> None:
    pairs = push_pairs(store, *range(1030))
    store.claim([pairs[1026]], "one")

    claimed = store.claim(pairs, "two")

    assert claimed[:1024] == [Claim("granted", "two")] * 1024
    assert claimed[1024:] == [Claim("withheld")] * 2 + [Claim("taken", "one")] + [Claim("withheld")] * 3
    assert store.claim(pairs[:1026], "two") == [Claim("granted", "two")] * 1026


def test_a_claimer_is_text_of_any_kind_but_not_empty(store: Store) -> None:
    (pair,) = push_pairs(store, -1)

    with pytest.raises(ValueError, match="needs a claimer"):
        store.claim([pair], "")
    claimer = claims.claimer_text(Principal("d:\ud800", "t\0\n", "r\u00e9", 3))
    assert store.claim([pair], claimer) == [Claim("granted", claimer)]
    assert store.claim([pair], "two") == [Claim("taken", claimer)]


def test_whatever_stands_in_place_of_a_claimer_is_bounded_text(store: Store) -> None:
    (pair,) = push_pairs(store, -1)
    name = redis_names.hash_name(PREFIX, at())
    do(store, name, "HSET", name, redis_names.claim_name(-1), pair[1].encode() + b"\xff" * 1_000_000)

    (claim,) = store.claim([pair], "one")

    assert claim.status == "taken"
    assert claim.claimer is not None
    assert len(claim.claimer) < 20_000


def test_claiming_nothing_is_answered_with_nothing(store: Store) -> None:
    assert store.claim([], "one") == []
