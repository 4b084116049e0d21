"""Fields that workers may write, filled by somebody who wants the scripts to take long. None takes long or fails."""

from __future__ import annotations

import time

import pytest

from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.store import Push, Store
from tests.integration.store.marked import push, watch_since_long_ago
from tests.integration.support import ACL, PREFIX, TTL, at, do, value

LENGTH = 1_000_000
NAME = redis_names.hash_name(PREFIX, at())
TEXTS = {
    "digits of a version": "+" + "a" * LENGTH,
    "digits of a count": "+a:" + "1" * LENGTH,
    "signs": "+" * LENGTH,
    "beginnings": "+a" * (LENGTH // 2),
    "entries": "+a:1 " * (LENGTH // 5),
    "garbage": f"-{'b' * 32}:9 " * (LENGTH // 36),
}
#: A million characters take a few milliseconds if each is read once. The square of it takes hours. A busy machine takes
#: longer for all else.
SECONDS = 20.0


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_long_list_of_parts_neither_delays_nor_keeps_a_push_and_a_removal(store: Store, text: str) -> None:
    pushed = Push(value(at()), acl=ACL, ttl=TTL)
    store.push(pushed)
    do(store, NAME, "HSET", NAME, redis_names.parts_name(-1), text)
    started = time.monotonic()

    store.push(pushed)
    do(store, NAME, "HSET", NAME, redis_names.parts_name(-1), text)
    assert store.purge(at())

    assert time.monotonic() - started < SECONDS
    assert not store.fetch(at()).found


@pytest.mark.parametrize("text", ["a" * LENGTH, "1" * LENGTH, "a 1" + "1" * LENGTH, " " * LENGTH])
def test_a_long_mark_counts_for_nothing(store: Store, text: str) -> None:
    watch_since_long_ago(store)
    pushed = push(store)
    mark = redis_names.committed_name(-1)
    do(store, NAME, "HSET", NAME, mark, pushed.version + text)
    started = time.monotonic()

    assert not store.commit(at(), pushed.version)

    assert time.monotonic() - started < SECONDS
    assert do(store, NAME, "HMGET", NAME, mark) == [None]


@pytest.mark.parametrize("epoch", ["1" * 5000, "1" * 16])
def test_an_epoch_of_too_many_digits_lets_no_mark_count(store: Store, epoch: str) -> None:
    watch_since_long_ago(store)
    pushed = push(store)
    assert store.commit(at(), pushed.version)
    name = redis_names.servers_name(PREFIX)

    do(store, name, "HSET", name, redis_names.EPOCH_FIELD, epoch)

    assert store.fetch_current(at()) is None
