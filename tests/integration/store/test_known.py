"""What is told of known coordinates: facts without values, and one value if it is small."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta, timezone

import pytest

from exclusive_redis_xcom.errors import CorruptValue, XComTooLarge
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.store import Push, Store
from tests.integration.support import ACL, PREFIX, TTL, at, do, value

NAME = redis_names.hash_name(PREFIX, at())
MIB = 1024 * 1024


def test_it_tells_sizes_rules_and_heads_without_payloads(store: Store) -> None:
    small, large = value(at()), value(at(key="large"), size=3 * MIB)
    for envelope in (small, large):
        store.push(Push(envelope, acl=ACL, ttl=TTL))

    first, nothing, second = store.known([at(), at(key="nothing"), at(key="large")])

    assert nothing is None
    assert first is not None
    assert first.held is not None
    assert first.held.envelope is not None
    assert first.held.envelope == dataclasses.replace(
        small, payload=(), elsewhere=100, pushed_at=first.held.envelope.pushed_at
    )
    assert (first.acl, first.own_acl, first.claimer) == (ACL, b"", "")
    assert abs(first.asked_at - datetime.now(timezone.utc)) < timedelta(seconds=30)
    assert second is not None
    assert second.held is not None
    assert second.held.envelope is not None
    assert (second.held.envelope.payload_size, second.held.envelope.parts) == (3 * MIB, 3)


def test_it_asks_for_each_map_index_of_a_hash(store: Store) -> None:
    for index in (0, 2):
        store.push(Push(value(at(index)), acl=ACL, ttl=TTL, own_acl=ACL))

    found = store.known([at(index) for index in range(3)])

    assert [each is not None and each.held is not None and each.held.map_index for each in found] == [0, False, 2]
    assert [each and each.own_acl for each in found] == [ACL, b"", ACL]


def test_hundreds_of_coordinates_keep_their_order(store: Store) -> None:
    coordinates = [at(key=f"k{number}") for number in range(250)]
    for coordinate in coordinates[::2]:
        store.push(Push(value(coordinate), acl=ACL, ttl=TTL))

    found = store.known(coordinates)

    told = [each.held.envelope.coordinate if each and each.held and each.held.envelope else None for each in found]
    assert told == [coordinate if number % 2 == 0 else None for number, coordinate in enumerate(coordinates)]


def test_rules_that_workers_wrote_long_do_not_make_the_answer_long(store: Store) -> None:
    coordinates = [at(key=f"k{number}") for number in range(20)]
    for coordinate in coordinates:
        store.push(Push(value(coordinate), acl=ACL, ttl=TTL))
        name = redis_names.hash_name(PREFIX, coordinate)
        do(store, name, "HSET", name, redis_names.ACL_FIELD, b"x" * MIB, redis_names.rule_name(-1), b"x" * MIB)

    of_all = store.known(coordinates)
    (of_one,) = store.known(coordinates[:1])

    assert sum(len(each.acl) + len(each.own_acl) for each in of_all if each) <= 8 * MIB
    assert [each is not None and each.held is not None for each in of_all] == [True] * 20
    assert of_one is not None
    assert (len(of_one.acl), len(of_one.own_acl)) == (MIB, MIB)
    assert len(store.fetch_small(coordinates[0], MIB).acl or b"") == MIB


def test_it_tells_who_has_claimed(store: Store) -> None:
    once = value(at())
    store.push(Push(once, acl=ACL, ttl=TTL, once=True))
    (before,) = store.known([at()])
    store.claim([(at(), once.version)], "somebody")

    (after,) = store.known([at()])

    assert before is not None
    assert before.claimer == ""
    assert after is not None
    assert after.claimer == "somebody"


@pytest.mark.parametrize("text", [b"", b"XRX", b"XRX\x02\xff\xff\xff\xff" + bytes(100), b"x" * (2 * MIB), b"\x00" * 8])
def test_fields_that_somebody_else_wrote_are_no_envelope(store: Store, text: bytes) -> None:
    store.push(Push(value(at()), acl=ACL, ttl=TTL))
    do(store, NAME, "HSET", NAME, "-1", text)

    (found,) = store.known([at()])

    assert found is not None
    assert found.held is None or found.held.envelope is None


def test_a_small_value_comes_whole_and_a_larger_one_not_at_all(store: Store) -> None:
    for coordinate, size in ((at(key="small"), 1000), (at(key="large"), 1001), (at(key="parts"), 2 * MIB)):
        store.push(Push(value(coordinate, size=size), acl=ACL, ttl=TTL))

    assert store.fetch_small(at(key="small"), 1000).envelope == store.fetch(at(key="small")).envelope
    for key in ("large", "parts"):
        with pytest.raises(XComTooLarge):
            store.fetch_small(at(key=key), 1000)


def test_a_small_value_in_parts_comes_whole(store: Store) -> None:
    store.push(Push(value(at(), size=MIB + 1), acl=ACL, ttl=TTL))

    assert store.fetch_small(at(), MIB + 1).envelope == store.fetch(at()).envelope


def test_a_huge_field_that_somebody_wrote_is_not_sent(store: Store) -> None:
    store.push(Push(value(at()), acl=ACL, ttl=TTL))
    do(store, NAME, "HSET", NAME, "-1", b"x" * (8 * MIB))

    with pytest.raises(XComTooLarge):
        store.fetch_small(at(), MIB)


def test_the_value_of_another_xcom_is_noticed(store: Store) -> None:
    store.push(Push(value(at()), acl=ACL, ttl=TTL))
    do(store, NAME, "HSET", NAME, "-1", value(at(key="other")).pack())

    with pytest.raises(CorruptValue, match="another XCom"):
        store.fetch_small(at(), MIB)


def test_a_small_value_that_is_missing_is_told_as_fetch_tells_it(store: Store) -> None:
    assert store.fetch_small(at(), MIB) == store.fetch(at())
    store.push(Push(value(at(1)), acl=ACL, ttl=TTL, own_acl=ACL))

    assert store.fetch_small(at(2), MIB) == store.fetch(at(2))
