"""A description comes and goes with its value."""

from __future__ import annotations

from datetime import timedelta

import pytest

from exclusive_redis_xcom.model import Description
from exclusive_redis_xcom.store import Store
from tests.integration.store.described import HASH, OTHER, TOLD, push
from tests.integration.support import TTL, at, do

#: The users of the store may not list names, as for `test_inventory.py`.
STORE_KINDS = ["fakeredis", "redis on PATH", "redis 6.2", "cluster", "redis on PATH, generation 2"]


def described(store: Store) -> dict[int, Description | None]:
    return {held.map_index: held.description for each in store.inventory() for held in each.held}


def field(store: Store, map_index: int = -1) -> bytes | None:
    (found,) = do(store, HASH, "HMGET", HASH, f"{map_index}:described")
    return None if found is None else bytes(found)


def test_the_inventory_tells_it(store: Store) -> None:
    push(store)

    assert described(store) == {-1: TOLD}
    (found,) = store.inventory()
    assert timedelta(0) < (found.ttl or timedelta(0)) <= TTL


def test_the_next_push_replaces_it(store: Store) -> None:
    push(store)
    push(store, told=OTHER)
    assert described(store) == {-1: OTHER}

    push(store, told=None)
    assert described(store) == {-1: None}
    assert field(store) is None


@pytest.mark.parametrize("size", [100, 3 * 1024 * 1024])
def test_a_purge_leaves_nothing(store: Store, size: int) -> None:
    push(store, size=size)

    assert store.purge(at())

    assert list(store.inventory()) == []
    assert do(store, HASH, "HLEN", HASH) == 0


def test_each_result_of_a_mapped_task_has_its_own(store: Store) -> None:
    push(store, 0)
    push(store, 1, OTHER)
    push(store, 2, None)
    assert described(store) == {0: TOLD, 1: OTHER, 2: None}

    store.purge(at(0))
    assert described(store) == {1: OTHER, 2: None}
    assert field(store, 0) is None


def test_it_goes_with_a_discarded_hash(store: Store) -> None:
    push(store, 0)

    store.discard([at()])

    assert list(store.inventory()) == []


def test_that_of_an_earlier_version_counts_for_nothing(store: Store) -> None:
    """A release that knows no descriptions pushes the value anew, and leaves the field."""
    push(store)
    left = field(store)
    push(store, told=None)
    do(store, HASH, "HSET", HASH, "-1:described", left or b"")

    assert described(store) == {-1: None}


def test_what_somebody_else_wrote_there_counts_for_nothing(store: Store) -> None:
    pushed = push(store, told=None)
    for hostile in (b"", b"\xff" * 100, b"1 " + b"x" * 1_000_000, f"1 {pushed.version[:8]} [[".encode()):
        do(store, HASH, "HSET", HASH, "-1:described", hostile)

        assert described(store) == {-1: None}
