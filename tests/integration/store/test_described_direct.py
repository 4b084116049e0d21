"""A description beside a value hides no value from a direct pull, and lets no pull miss one."""

from __future__ import annotations

import pytest

from exclusive_redis_xcom.formats import description
from exclusive_redis_xcom.formats.envelope import Envelope
from exclusive_redis_xcom.model import Description
from exclusive_redis_xcom.store import Push, Store
from tests.integration.kinds import FEW_KINDS
from tests.integration.store.described import HASH, OTHER, TOLD, push
from tests.integration.store.marked import generation, mark, watch_since_long_ago
from tests.integration.support import ACL, TTL, at, do, value

STORE_KINDS = FEW_KINDS


def current(store: Store, *pushed: Envelope) -> None:
    """Store the rows of values, and commit them."""
    for each in pushed:
        assert store.commit(each.coordinate, each.version, lambda: [one.coordinate.map_index for one in pushed])


@pytest.fixture(autouse=True)
def watched(store: Store) -> None:
    watch_since_long_ago(store)


@pytest.mark.parametrize("told", [TOLD, None])
@pytest.mark.parametrize("size", [100, 3 * 1024 * 1024])
def test_a_value_that_is_alone(store: Store, told: Description | None, size: int) -> None:
    pushed = push(store, told=told, size=size)
    current(store, pushed)

    found = store.fetch_current(at(), alone=True)

    assert found is not None
    assert found.stored[0].envelope is not None
    assert found.stored[0].envelope.version == pushed.version


def test_a_value_that_is_not_alone(store: Store) -> None:
    current(store, push(store))
    push(store, 0)

    assert store.fetch_current(at(), alone=True) is None
    assert store.fetch_current(at()) is not None


@pytest.mark.parametrize(
    "told", [[TOLD] * 5, [None] * 5, [TOLD, None, None, OTHER, TOLD], [None, TOLD], [TOLD] * 300, [TOLD]]
)
def test_all_results_of_a_mapped_task(store: Store, told: list[Description | None]) -> None:
    pushed = [push(store, index, each) for index, each in enumerate(told)]
    current(store, *pushed)

    found = store.fetch_every(at(0))

    assert found is not None
    assert [stored.envelope for stored in found.stored] == pushed


def test_a_field_that_no_mark_speaks_of_sends_them_to_airflow(store: Store) -> None:
    current(store, *[push(store, index, None) for index in range(4)])
    assert store.fetch_every(at(0)) is not None

    for index in range(3):  # as many fields as another result would have
        do(store, HASH, "HSET", HASH, f"{index}:described", b"left by an earlier value")
        assert store.fetch_every(at(0)) is None


def test_a_result_that_is_pushed_again_without_one(store: Store) -> None:
    pushed = [push(store, index) for index in range(3)]
    current(store, *pushed)
    again = push(store, 1, None)
    current(store, again)

    found = store.fetch_every(at(0))

    assert found is not None
    assert [stored.envelope for stored in found.stored] == [pushed[0], again, pushed[2]]


def test_the_mark_tells_whether_it_has_a_field(store: Store) -> None:
    pushed = push(store)
    described = mark(store) or b""
    untold = push(store, told=None)
    other = mark(store) or b""

    if generation(store) == 2:
        assert described.startswith(f"{pushed.version} 0{len(pushed.pack())} ".encode())
        assert other.startswith(f"{untold.version} {len(untold.pack())} ".encode())
    else:
        assert described[:2] == other[:2] == b"\x03\0"  # the description stands in the envelope


def test_a_value_in_an_object_has_a_description_with_a_field(store: Store) -> None:
    pushed = value(at()).spilled_to("object")
    told = description.dumps(TOLD, pushed.version)
    store.push(Push(pushed, acl=ACL, ttl=TTL, watched=True, description=told))

    assert (mark(store) or b"")[:2] == (pushed.version[:2].encode() if generation(store) == 2 else b"\x03\x02")
    assert do(store, HASH, "HMGET", HASH, "-1:described") == [told]
