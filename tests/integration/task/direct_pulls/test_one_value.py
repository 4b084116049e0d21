"""Pulls of one value that Redis alone answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import redis
from airflow.sdk.bases.xcom import BaseXCom

from devtools.worlds.running_task import task_instance
from exclusive_redis_xcom import ExclusiveRedisXCom
from exclusive_redis_xcom.crypto import generate_encryption_key
from exclusive_redis_xcom.process import identity
from tests.integration.task.direct_pulls.watched import STARTED, ApiServer, Tasks, a_moment_passes, hash_of
from tests.integration.task.sales import CANARY, address


@pytest.mark.parametrize("value", ["text", 5, {"pair": (1, 2)}, None, "", [], False, b"x" * 500_000], ids=type)
def test_a_committed_value_is_read_from_redis_alone(tasks: Tasks, value: Any) -> None:
    tasks.push(value)

    assert tasks.pull() == value
    assert tasks.calls == []


def test_a_task_reads_its_own_value(tasks: Tasks) -> None:
    tasks.push("its own")

    assert (tasks.pull(by="extract"), tasks.calls) == ("its own", [])


def test_one_result_of_a_mapped_task(tasks: Tasks) -> None:
    tasks.push("third", task_id="parts", map_index=2)

    assert (tasks.pull(task_id="parts", map_index=2), tasks.calls) == ("third", [])


@pytest.mark.parametrize("key", ["restricted", "open"])
def test_values_that_are_encrypted_at_rest(
    tasks: Tasks, configure: Callable[..., None], raw: redis.Redis, key: str
) -> None:
    configure(encryption_keys=generate_encryption_key())
    tasks.push(CANARY, key)

    assert (tasks.pull(key), tasks.calls) == (CANARY, [])
    assert CANARY.encode() not in (raw.hget(hash_of(key), "-1") or b"")


def test_in_a_callback_where_only_the_listener_has_seen_the_task(tasks: Tasks) -> None:
    tasks.push("for a callback")
    identity.remember_running(task_instance(tasks.dag.get_task("load"), run_started=STARTED))
    tasks.calls.clear()

    assert ExclusiveRedisXCom.get_one(key="token", **address("extract")) == "for a callback"


def test_the_latest_push_wins(tasks: Tasks) -> None:
    tasks.push("old")
    tasks.push("new")

    assert (tasks.pull(), tasks.calls) == ("new", [])


def test_asynchronous_pulls(tasks: Tasks) -> None:
    if not hasattr(BaseXCom, "aget_one"):
        pytest.skip("this Airflow has no asynchronous XCom calls (they came with 3.3)")
    tasks.push("one")
    for index in range(3):
        tasks.push(index, task_id="parts", map_index=index)
    a_moment_passes()

    async def pulled() -> list[Any]:
        with tasks.executing("load"):
            one = await ExclusiveRedisXCom.aget_one(key="token", **address("extract"))
            return [one, await ExclusiveRedisXCom.aget_all(key="token", **address("parts"))]

    assert asyncio.run(pulled()) == ["one", [0, 1, 2]]
    assert tasks.calls == []


@pytest.mark.parametrize("direct", [True, False], ids=["directly", "through Airflow"])
def test_many_asynchronous_pulls_at_once_do_not_wait_for_one_another(
    tasks: Tasks, api: ApiServer, monkeypatch: pytest.MonkeyPatch, direct: bool
) -> None:
    """Airflow, too, uses the event loop's threads: what waits for it there would wait for ever."""
    if not hasattr(BaseXCom, "aget_one"):
        pytest.skip("this Airflow has no asynchronous XCom calls (they came with 3.3)")
    for index in range(3):
        tasks.push(index, task_id="parts", map_index=index)
    a_moment_passes()
    if not direct:
        api.stops()

    async def through_threads(msg: Any) -> Any:
        return await asyncio.to_thread(api.rows.send, msg)

    async def pulled() -> list[Any]:
        with tasks.executing("load"):
            pulls = [ExclusiveRedisXCom.aget_all(key="token", **address("parts")) for _ in range(100)]
            return await asyncio.wait_for(asyncio.gather(*pulls), timeout=60)

    monkeypatch.setattr(api.rows, "asend", through_threads)

    assert asyncio.run(pulled()) == [[0, 1, 2]] * 100
