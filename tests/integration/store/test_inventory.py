"""An inventory tells what Redis holds, and no value."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.formats.envelope import Envelope
from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.store import Push, Store
from tests.integration.store.marked import generation
from tests.integration.support import ACL, PREFIX, TTL, at, do, value

#: The users of the store may not list names: `docs/how-to/live-xcoms.md` says which rights an operator's user needs.
STORE_KINDS = ["fakeredis", "redis on PATH", "redis 6.2", "cluster", "redis on PATH, generation 2"]


def test_it_tells_names_sizes_ttls_and_rules(store: Store) -> None:
    small, large = value(at()), value(at(key="large"), size=3 * 1024 * 1024)
    for envelope in (small, large):
        store.push(Push(envelope, acl=ACL, ttl=TTL))

    found = {each.at.key: each for each in store.inventory()}

    assert found.keys() == {"key", "large"}
    assert found["key"].at == at()
    assert found["key"].acl == ACL
    assert timedelta(0) < (found["key"].ttl or timedelta(0)) <= TTL
    (held,) = found["key"].held
    assert held.envelope is not None
    assert held.envelope == dataclasses.replace(small, payload=(), elsewhere=100, pushed_at=held.envelope.pushed_at)
    assert 100 < held.bytes < found["key"].bytes < 1000
    (held,) = found["large"].held
    assert held.bytes > 3 * 1024 * 1024
    assert held.envelope is not None
    assert (held.envelope.payload_size, held.envelope.parts) == (3 * 1024 * 1024, 3)
    assert (held.claimed, held.spilled, held.bytes_elsewhere) == (False, False, 0)


def test_no_value_leaves_redis(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    replies: list[bytes] = []
    unpack = Envelope.unpack_facts

    def noted(data: bytes, expected: Coordinate | None = None) -> Envelope:
        replies.append(data)
        return unpack(data, expected)

    monkeypatch.setattr(Envelope, "unpack_facts", noted)
    pushed = value(at(), size=10_000)
    store.push(Push(pushed, acl=ACL, ttl=TTL))

    (found,) = store.inventory()

    assert found.held[0].envelope is not None
    data = pushed.pack() if generation(store) == 2 else pushed.pack_compact()
    assert replies == [data[: -pushed.payload_size]]


def test_results_of_a_mapped_task_are_counted_and_some_are_described(store: Store) -> None:
    for index in range(120):
        store.push(Push(value(at(index)), acl=ACL, ttl=TTL, own_acl=ACL))

    (found,) = store.inventory("dag")

    assert found.values == 120
    assert len(found.held) == 100
    assert {held.map_index for held in found.held} < set(range(120))


def test_a_claim_and_an_object_are_told(store: Store) -> None:
    once = value(at())
    store.push(Push(once, acl=ACL, ttl=TTL, once=True))
    elsewhere = value(at(key="elsewhere"), size=5000)
    store.push(Push(elsewhere.spilled_to("an object"), acl=ACL, ttl=TTL))
    assert not next(each for each in store.inventory() if each.at.key == "key").held[0].claimed

    store.claim([(at(), once.version)], "somebody")

    found = {each.at.key: each.held[0] for each in store.inventory()}
    assert found["key"].claimed
    assert found["elsewhere"].spilled
    assert found["elsewhere"].bytes_elsewhere == 5000


def test_one_dag_or_task_can_be_asked_for_and_ids_may_hold_any_character(store: Store) -> None:
    ids = [("d", "t"), ("d*", "t"), ("d:x", "t[1]"), ("e", "{t}?"), ("d", "t2")]
    for dag_id, task_id in ids:
        store.push(Push(value(Coordinate(dag_id, "run:+%", task_id, "k:*")), acl=ACL, ttl=TTL))

    assert {(each.at.dag_id, each.at.task_id) for each in store.inventory()} == set(ids)
    for dag_id, task_id in ids:
        assert [each.at for each in store.inventory(dag_id, task_id)] == [Coordinate(dag_id, "run:+%", task_id, "k:*")]
    assert {each.at.task_id for each in store.inventory("d")} == {"t", "t2"}


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("-1", "no envelope"),
        ("-1", "XRX" + "x" * 3_000_000),
        ("-1:claim", "x" * 1_000_000),
        ("007", "an index that nobody writes"),
        ("9" * 400, "another one"),
        ("acl", "\xff" * 3_000_000),
    ],
)
def test_what_anybody_wrote_ends_no_listing(store: Store, field: str, text: str) -> None:
    store.push(Push(value(at()), acl=ACL, ttl=TTL))
    name = redis_names.hash_name(PREFIX, at())
    do(store, name, "HSET", name, field, text)
    for other in (f"{PREFIX}:no:xcom", f"{PREFIX}:a:b:%zz:c", f"{PREFIX}:dag:run:task:other:key"):
        do(store, other, "HSET", other, "a", "b")
        do(store, other, "PEXPIRE", other, 60_000)

    (found,) = store.inventory()

    assert found.at == at()
    assert [held.map_index for held in found.held] == [-1]


def test_an_empty_redis_has_nothing(store: Store) -> None:
    assert list(store.inventory()) == []
