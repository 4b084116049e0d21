"""Fields that workers may write, filled by somebody who wants the scripts to take long. None takes long or fails."""

from __future__ import annotations

import time

import pytest

from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.store import Push, Store
from tests.integration.store.marked import generation, push, watch_since_long_ago
from tests.integration.support import ACL, PREFIX, TTL, at, do, value

LENGTH = 1_000_000
OTHER = b'{"rule":2}'
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


RULES = {
    "empty entries": b"\0" * LENGTH,
    "entries as long as the rule": (b"\0\0\0" + bytes([len(ACL)]) + b"x" * len(ACL)) * (LENGTH // 14),
    "an entry beyond the end": b"\xff" * LENGTH,
    "half an entry": b"\0\0\0\x01a\0\0\0",
}


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
def test_a_long_list_of_rules_delays_no_push_and_gives_no_value_a_wrong_rule(store: Store, rules: bytes) -> None:
    store.push(Push(value(at(0)), acl=ACL, ttl=TTL, own_acl=ACL))
    do(store, NAME, "HSET", NAME, redis_names.RULES_FIELD, rules)
    started = time.monotonic()

    store.push(Push(value(at(1)), acl=OTHER, ttl=TTL, own_acl=ACL))
    first, second = store.fetch_many([at(0), at(1)])
    known = store.known([at(0), at(1)])
    assert store.purge_many([at(0), at(1)]) == 2

    assert time.monotonic() - started < SECONDS
    left = ACL if generation(store) == 2 else None  # there, a field of its own holds the rule
    assert (first.own_acl, second.own_acl) == (left, ACL)
    assert [each and each.own_acl for each in known] == [left or b"", ACL]
    assert not store.fetch(at(0)).found


@pytest.mark.parametrize(
    "text", [b"\3" * 34, b"\3\0" + b"\0" * LENGTH, b"\3", b"\3\3" + b"\xff" * 32, b"\3\0" + b"\0" * 32], ids=len
)
def test_a_mark_in_bytes_that_no_push_writes_counts_for_nothing(store: Store, text: bytes) -> None:
    watch_since_long_ago(store)
    pushed = push(store)
    mark = redis_names.committed_name(-1)
    do(store, NAME, "HSET", NAME, mark, text)

    assert store.fetch_current(at()) is None
    assert not store.commit(at(), pushed.version)

    assert do(store, NAME, "HMGET", NAME, mark) == [None]


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
