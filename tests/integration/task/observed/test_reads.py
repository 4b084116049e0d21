"""With `observe = reads`, each pull that gets a value is counted once, and costs no further round trip."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import redis

from devtools.worlds.running_task import executing
from exclusive_redis_xcom import ExclusiveRedisXCom, XComAccessDenied, XComExpired
from exclusive_redis_xcom.airflow import slices
from tests.integration.task.direct_pulls.watched import ApiServer, Tasks, hash_of
from tests.integration.task.observed.conftest import Recorded
from tests.integration.task.sales import address, look_back, pull, pull_all, push

READ = {"extract:token by sales/load": {"read": 1}}


def test_a_pull_by_row(dag: Any, recorded: Recorded) -> None:
    push(dag, "value")

    assert pull(dag) == "value"

    assert recorded() == READ


def test_a_pull_that_redis_alone_answers(tasks: Tasks, recorded: Recorded) -> None:
    tasks.push("value")

    assert (tasks.pull(), tasks.calls) == ("value", [])

    assert recorded() == READ


def test_all_results_that_redis_alone_answers(tasks: Tasks, recorded: Recorded) -> None:
    tasks.push("value")

    assert (tasks.pull_all(), tasks.calls) == (["value"], [])

    assert recorded() == READ


def test_a_direct_pull_that_misses_and_the_pull_by_row_are_one(
    tasks: Tasks, api: ApiServer, recorded: Recorded
) -> None:
    tasks.push("value")
    api.stops()

    assert (tasks.pull(), tasks.calls) == ("value", ["GetXCom"])
    assert (tasks.pull_all(), tasks.calls) == (["value"], ["GetXComSequenceSlice"])

    assert recorded() == {"extract:token by sales/load": {"read": 2}}


def test_a_direct_pull_that_misses_in_a_coroutine(tasks: Tasks, api: ApiServer, recorded: Recorded) -> None:
    if not hasattr(ExclusiveRedisXCom.__mro__[-2], "aget_one"):
        pytest.skip("the installed Airflow has no pulls for coroutines: they came with 3.3")
    tasks.push("value")
    api.stops()

    with tasks.executing("load"):
        assert asyncio.run(ExclusiveRedisXCom.aget_one(key="token", **address())) == "value"
    with tasks.executing("load"):
        assert asyncio.run(ExclusiveRedisXCom.aget_all(key="token", **address())) == ["value"]

    assert recorded() == {"extract:token by sales/load": {"read": 2}}


def test_an_xcom_that_nobody_pushed_was_not_read(tasks: Tasks, recorded: Recorded) -> None:
    assert (tasks.pull("nothing"), tasks.pull_all("nothing")) == (None, None)

    assert recorded() == {}


def test_a_value_that_redis_has_lost_was_not_read(dag: Any, raw: redis.Redis, recorded: Recorded) -> None:
    push(dag, "value")
    raw.delete(hash_of())

    with pytest.raises(XComExpired):
        pull(dag)

    assert recorded() == {}


@pytest.mark.parametrize("directly", ["auto", "off"])
def test_a_refused_pull_is_no_read(
    tasks: Tasks, configure: Callable[..., None], recorded: Recorded, directly: str
) -> None:
    configure(direct_pulls=directly)
    tasks.push("value")

    with pytest.raises(XComAccessDenied):
        tasks.pull(by="report")

    assert recorded() == {"extract:token by sales/report": {"rule": 1}}


def test_the_producer_s_own_reads_are_not_recorded(dag: Any, recorded: Recorded) -> None:
    push(dag, "value")

    assert pull(dag, reader="extract") == "value"

    assert recorded() == {}


def test_the_results_of_a_mapped_task_count_once_however_many_slices_they_take(
    dag: Any, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "SHORT_AT_ONCE", 10)
    for index in range(25):
        push(dag, index, "mapped", index)

    assert pull_all(dag, key="mapped") == list(range(25))

    assert recorded() == {"extract:mapped by sales/load": {"read": 1}}


def test_a_lazy_sequence_counts_once_however_a_task_goes_through_it(
    dag: Any, monkeypatch: pytest.MonkeyPatch, recorded: Recorded
) -> None:
    from airflow.sdk.execution_time import lazy_sequence, xcom

    monkeypatch.setattr(xcom, "XCom", ExclusiveRedisXCom)
    for index in range(3):
        push(dag, index, "mapped", index)

    def sequence(task_instance: Any) -> Any:
        return lazy_sequence.LazyXComSequence(dag.get_task("extract").output["mapped"], task_instance)

    with executing(dag.get_task("load")) as task_instance:
        one = sequence(task_instance)
        assert (list(one), one[0], one[1:], one[:]) == ([0, 1, 2], 0, [1, 2], [0, 1, 2])
        assert recorded() == {"extract:mapped by sales/load": {"read": 1}}
        assert list(sequence(task_instance)) == [0, 1, 2]

    assert recorded() == {"extract:mapped by sales/load": {"read": 2}}


def test_a_look_back_counts_once(dag: Any, recorded: Recorded) -> None:
    push(dag, 1, run_id="run_1")
    push(dag, 2, run_id="run_2")

    assert look_back(dag, run_id="run_2") == [1, 2]

    assert recorded() == READ


def test_two_pulls_count_twice_and_readers_apart(dag: Any, recorded: Recorded) -> None:
    push(dag, "value", "free")
    for reader in ("load", "load", "report"):
        pull(dag, reader, "free")

    assert recorded() == {"extract:free by sales/load": {"read": 2}, "extract:free by sales/report": {"read": 1}}


def test_a_record_that_cannot_be_written_changes_nothing(dag: Any, raw: redis.Redis) -> None:
    push(dag, "value")
    for name in ("exclusive_redis_xcom:!reads:sales", "exclusive_redis_xcom:!reads"):
        raw.set(name, "a task has replaced the record", ex=60)

    assert pull(dag) == "value"
    with pytest.raises(XComAccessDenied):
        pull(dag, "report")


@pytest.mark.parametrize("directly", ["auto", "off"])
def test_a_read_costs_no_round_trip(
    tasks: Tasks, configure: Callable[..., None], monkeypatch: pytest.MonkeyPatch, recorded: Recorded, directly: str
) -> None:
    from exclusive_redis_xcom.connection.server import Line

    trips: list[str] = []
    for name in ("call", "pipelined"):
        monkeypatch.setattr(Line, name, _noting(trips, name, getattr(Line, name)))
    tasks.push("value")

    def counted(**options: str) -> list[str]:
        configure(direct_pulls=directly, **options)
        tasks.pull()
        trips.clear()
        assert tasks.pull() == "value"
        return list(trips)

    without, with_reads = counted(observe="refusals"), counted(observe="reads")

    assert (len(without), len(with_reads)) == (1, 1)
    assert recorded() == {"extract:token by sales/load": {"read": 2}}


def _noting(trips: list[str], name: str, function: Any) -> Any:
    def noting(self: Any, *arguments: Any) -> Any:
        trips.append(name)
        return function(self, *arguments)

    return noting
