"""Pulls are loud where Redis has lost or damaged a value or is gone; processes share no connection."""

from __future__ import annotations

import os
import time
from typing import Any

import pytest
import redis

from devtools.redis_server import RedisServer
from devtools.worlds.rows import Rows
from exclusive_redis_xcom import CorruptValue, StoreUnavailable, XComExpired, XComNotSerializable
from tests.integration.task.sales import CANARY, HASH, hash_of, pull, push

# pytest-timeout's default method would take the alarm that a test sets.
pytestmark = pytest.mark.timeout(method="thread")


@pytest.mark.parametrize("lost", ["hash", "field"])
def test_a_reference_without_its_value_is_loud(dag: Any, raw: redis.Redis, lost: str) -> None:
    push(dag, CANARY)
    if lost == "hash":
        raw.delete(HASH)
    else:
        raw.hdel(HASH, "-1")

    with pytest.raises(LookupError) as caught:
        pull(dag, "load")

    assert isinstance(caught.value, XComExpired)
    decision, cause, remedy, _where = str(caught.value).splitlines()
    assert decision == "'token' of extract is no longer in Redis: lost before its time."
    assert cause.startswith("It was evicted, removed or lost: it would have expired at 20")
    assert cause.endswith(" with a TTL of 604800 s.")
    assert remedy == (
        "Clear extract to push it again. "
        "Let Redis run with maxmemory-policy noeviction: other policies drop live values."
    )


@pytest.mark.parametrize("cut", [0, 1, 8, 40, -1])
def test_a_value_cut_short_is_never_returned(dag: Any, raw: redis.Redis, cut: int) -> None:
    push(dag, CANARY)
    raw.hset(HASH, "-1", (raw.hget(HASH, "-1") or b"")[:cut])

    with pytest.raises(CorruptValue) as caught:
        pull(dag, "load")

    assert CANARY not in str(caught.value)


def test_a_value_moved_from_another_coordinate_is_never_returned(dag: Any, raw: redis.Redis) -> None:
    push(dag, CANARY)
    push(dag, "other", key="unlisted")
    raw.hset(HASH, "-1", raw.hget(hash_of("unlisted"), "-1") or b"")

    with pytest.raises(CorruptValue):
        pull(dag, "load")


def test_redis_stopped_at_push_is_loud_within_the_deadline_and_loses_nothing(
    dag: Any, server: RedisServer, rows: Rows
) -> None:
    push(dag, "kept")
    server.stop()
    try:
        started = time.monotonic()
        with pytest.raises(StoreUnavailable) as caught:
            push(dag, CANARY)
        assert time.monotonic() - started < 5
    finally:
        server.start()

    assert CANARY not in str(caught.value)
    assert pull(dag, "load") == "kept"


def test_redis_stopped_at_pull_is_loud_and_the_value_is_there_afterwards(dag: Any, server: RedisServer) -> None:
    push(dag, "kept")
    server.stop()
    try:
        with pytest.raises(ConnectionError) as caught:
            pull(dag, "load")
    finally:
        server.start()

    assert isinstance(caught.value, StoreUnavailable)
    assert pull(dag, "load") == "kept"


def test_a_child_process_pulls_over_a_connection_of_its_own(dag: Any) -> None:
    push(dag, "for the child")
    pull(dag, "load")

    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if all(pull(dag, "load") == "for the child" for _ in range(20)) else 1
        finally:
            os._exit(status)
    values = [pull(dag, "load") for _ in range(20)]

    assert os.waitpid(child, 0)[1] == 0
    assert values == ["for the child"] * 20


def test_a_tasks_own_alarm_reaches_the_task(dag: Any, server: RedisServer) -> None:
    import signal

    class TooSlowError(Exception):
        pass

    def ring(*_: object) -> None:
        raise TooSlowError

    push(dag, "kept")
    server.pause()
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(TooSlowError):
            pull(dag, "load")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        server.resume()

    assert pull(dag, "load") == "kept"


def test_an_error_does_not_carry_another_one_that_quotes_the_value(dag: Any) -> None:
    class Quoting:
        def serialize(self) -> Any:
            raise ValueError(CANARY)

    with pytest.raises(XComNotSerializable) as caught:
        push(dag, Quoting())

    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
