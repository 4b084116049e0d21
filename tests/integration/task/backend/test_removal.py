"""Who removes a value, and what is left."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from devtools.worlds.rows import Rows
from devtools.worlds.running_task import RUN_ID, executing
from exclusive_redis_xcom import ExclusiveRedisXCom, XComAccessDenied
from exclusive_redis_xcom.process import identity, kind
from tests.integration.task.sales import CANARY, HASH, delete, push, the_row


def test_a_task_removes_its_own_value_and_row(dag: Any, raw: redis.Redis, rows: Rows) -> None:
    push(dag, CANARY)

    delete(dag)

    assert (raw.dbsize(), rows.values) == (0, {})


def test_removal_leaves_the_other_map_indexes(dag: Any, raw: redis.Redis) -> None:
    for index in range(3):
        push(dag, index, map_index=index)

    with executing(dag.get_task("extract"), map_index=1):
        ExclusiveRedisXCom.delete("token", task_id="extract", dag_id="sales", run_id=RUN_ID, map_index=1)

    left = {f"{index}{suffix}".encode() for index in (0, 2) for suffix in ("", ":committed")}
    assert set(raw.hkeys(HASH)) == {b"acl", b"acls", *left}


def test_nobody_removes_the_value_of_another_task(dag: Any, raw: redis.Redis, rows: Rows) -> None:
    push(dag, CANARY)

    with pytest.raises(XComAccessDenied, match=r"^load may not remove 'token' of extract: only its own XComs"):
        delete(dag, "load")

    assert raw.hexists(HASH, "-1")
    assert rows.values


def test_purging_by_a_stolen_reference_is_refused(dag: Any, raw: redis.Redis, rows: Rows) -> None:
    from airflow.sdk.execution_time.comms import XComResult

    push(dag, CANARY)

    with executing(dag.get_task("load")), pytest.raises(XComAccessDenied):
        ExclusiveRedisXCom.purge(XComResult(key="mine", value=the_row(rows)))

    assert raw.hexists(HASH, "-1")


def test_a_row_that_somebody_edited_does_not_keep_its_task_from_retrying(
    dag: Any, raw: redis.Redis, rows: Rows
) -> None:
    push(dag, CANARY)
    rows.values["sales", RUN_ID, "extract", "token", -1] = {"exclusive_redis_xcom": "edited"}

    delete(dag)

    assert (raw.dbsize(), rows.values) == (0, {})


def test_clearing_at_task_start_works_where_only_the_parsed_task_is_known(dag: Any, raw: redis.Redis) -> None:
    """Airflow 3.1: no context, no listener, no ids on log lines."""
    push(dag, CANARY)
    kind.remember_task_process()
    identity.remember_parsing("sales", "extract")

    ExclusiveRedisXCom.delete("token", task_id="extract", dag_id="sales", run_id=RUN_ID)

    assert raw.dbsize() == 0


def test_clearing_at_task_start_does_not_reach_other_tasks(dag: Any, raw: redis.Redis) -> None:
    push(dag, CANARY)
    kind.remember_task_process()
    identity.remember_parsing("sales", "load")

    with pytest.raises(XComAccessDenied):
        ExclusiveRedisXCom.delete("token", task_id="extract", dag_id="sales", run_id=RUN_ID)

    assert raw.hexists(HASH, "-1")
