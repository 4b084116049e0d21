"""All results of a task, without a call to the API server."""

from __future__ import annotations

import pytest

from devtools.worlds.running_task import RUN_ID
from exclusive_redis_xcom import ExclusiveRedisXCom, fetch_all
from exclusive_redis_xcom.model import Coordinate
from tests.integration.task.direct_pulls.watched import ApiServer, Tasks, a_moment_passes
from tests.integration.task.sales import address


@pytest.fixture(autouse=True)
def pushed(tasks: Tasks) -> None:
    for index in range(5):
        tasks.push((index,), task_id="parts", map_index=index)
    a_moment_passes()


def test_those_of_a_mapped_task_cost_no_call(tasks: Tasks) -> None:
    assert tasks.pull_all(task_id="parts") == [(index,) for index in range(5)]
    assert tasks.calls == []


def test_that_of_any_other_task_costs_none(tasks: Tasks) -> None:
    tasks.push("alone")

    assert (tasks.pull_all(), tasks.calls) == (["alone"], [])


def test_lazy_sequences_of_them(tasks: Tasks, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk.execution_time import xcom

    monkeypatch.setattr(xcom, "XCom", ExclusiveRedisXCom)
    with tasks.executing("load") as ti:
        xs = tasks.dag.get_task("parts").output["token"].resolve({"ti": ti})

        assert fetch_all(xs) == xs[:] == [(index,) for index in range(5)]
    assert tasks.calls == []


def test_one_that_is_not_committed_sends_all_to_airflow(tasks: Tasks, api: ApiServer) -> None:
    api.store.uncommit([Coordinate("sales", RUN_ID, "parts", "token", 3)])

    assert tasks.pull_all(task_id="parts") == [(index,) for index in range(5)]
    assert tasks.calls == ["GetXComSequenceSlice"]


@pytest.mark.parametrize("gone", [0, 2, 4])
def test_one_that_was_deleted_is_missing_in_both_ways(tasks: Tasks, gone: int) -> None:
    with tasks.executing("parts", gone):
        ExclusiveRedisXCom.delete("token", **address("parts"), map_index=gone)

    assert tasks.pull_all(task_id="parts") == [(index,) for index in range(5) if index != gone]


def test_a_further_row_without_a_value_in_redis(tasks: Tasks, api: ApiServer) -> None:
    api.rows.values["sales", RUN_ID, "parts", "token", 7] = "by hand"
    api.store.uncommit([Coordinate("sales", RUN_ID, "parts", "token", 7)])

    assert tasks.pull_all(task_id="parts") == [*((index,) for index in range(5)), "by hand"]


def test_what_a_server_could_not_list_stays_airflows(tasks: Tasks, api: ApiServer) -> None:
    api.lists_rows = False
    for index in range(3):
        tasks.push(index, task_id="parts", map_index=index, key="unlisted")

    assert tasks.pull_all("unlisted", task_id="parts") == [0, 1, 2]
    assert tasks.calls == ["GetXComSequenceSlice"]


def test_none_is_none(tasks: Tasks) -> None:
    assert tasks.pull_all("never", task_id="parts") is None
    assert tasks.pull_all("never") is None
