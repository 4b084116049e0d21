"""`Store.fetch_chunk`: some results of a mapped task from a map_index on, each chunk with its own proof."""

from __future__ import annotations

from typing import Any

import pytest

from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.store import Store, chunks
from tests.integration.kinds import FEW_KINDS
from tests.integration.store.marked import push, watch_since_long_ago
from tests.integration.store.test_every import Rows
from tests.integration.support import PREFIX, at, do

STORE_KINDS = FEW_KINDS

MANY_BYTES = 2**20
HASH = redis_names.hash_name(PREFIX, at())


@pytest.fixture
def rows(store: Store) -> Rows:
    watch_since_long_ago(store)
    return Rows(store)


def fetched(store: Store, start: int, most: int = 10, most_bytes: int = MANY_BYTES) -> Any:
    """Return the map_indexes of a chunk, and whether it is the last; None if Airflow must be asked."""
    chunk = store.fetch_chunk(at(start), most, most_bytes)
    if chunk is None:
        return None
    stored = () if chunk.current is None else chunk.current.stored
    return [one.envelope.coordinate.map_index for one in stored if one.envelope], chunk.is_last


def test_chunks_make_up_the_whole(store: Store, rows: Rows) -> None:
    for index in range(25):
        rows.push(index)

    assert fetched(store, 0) == ([*range(10)], False)
    assert fetched(store, 10) == ([*range(10, 20)], False)
    assert fetched(store, 20) == ([*range(20, 25)], True)
    assert fetched(store, 15) == ([*range(15, 25)], True)
    assert fetched(store, 25) == ([], True)
    assert fetched(store, 0, 100) == ([*range(25)], True)


def test_gaps(store: Store, rows: Rows) -> None:
    for index in (2, 3, 60, 61):
        rows.push(index)

    assert fetched(store, 0) == ([2, 3, 60, 61], True)
    assert fetched(store, 3, 2) == ([3, 60], False)
    assert fetched(store, 4) == ([60, 61], True)
    assert fetched(store, 62) == ([], True)


def test_the_bytes_have_a_bound_and_a_larger_first_one_is_alone(store: Store, rows: Rows) -> None:
    for index in range(4):
        rows.push(index, size=1000)

    assert fetched(store, 0, most_bytes=2500) == ([0, 1], False)
    assert fetched(store, 2, most_bytes=2500) == ([2, 3], True)
    assert fetched(store, 1, most_bytes=10) == ([1], False)


def test_one_that_is_not_committed_ends_the_chunk(store: Store, rows: Rows) -> None:
    for index in range(3):
        rows.push(index)
    push(store, 3)

    assert fetched(store, 0) == ([0, 1, 2], False)
    assert fetched(store, 3) is None


@pytest.mark.parametrize("how", ["changed", "distrusted", "unknown", "not mapped", "nothing"])
def test_airflow_is_asked(store: Store, rows: Rows, how: str) -> None:
    if how != "nothing":
        for index in range(3):
            rows.push(index)
        assert fetched(store, 0) == ([0, 1, 2], True)
    if how == "changed":
        store.uncommit([at(2)])
    elif how == "distrusted":
        store.distrust()
    elif how == "unknown":
        do(store, HASH, "HSET", HASH, redis_names.COMPLETE_FIELD, "1?")
    elif how == "not mapped":
        rows.push(-1)

    assert fetched(store, 0) is None
    assert fetched(store, 1) is None


@pytest.mark.parametrize("what", ["one more", "one less", "one replaced"])
def test_results_come_and_go_while_they_are_read(
    store: Store, rows: Rows, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    for index in range(3):
        rows.push(index)
    reading = chunks._bounded

    def and_meanwhile(*args: Any) -> Any:
        if what == "one more":
            rows.push(3)
        elif what == "one less":
            store.purge(at(2))
        else:
            rows.push(1)
        return reading(*args)

    monkeypatch.setattr(chunks, "_bounded", and_meanwhile)

    assert fetched(store, 0) is None
