"""Pushes of a process that has no context of a running task."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from devtools.worlds.running_task import RUN_ID, executing, task_instance
from exclusive_redis_xcom import ExclusiveRedisXCom, XComAccessDenied
from exclusive_redis_xcom.process import identity
from tests.integration.task.sales import CANARY, pull, sales_dag


def test_outputs_of_a_task_that_only_the_log_lines_tell_go_to_who_may_have_every_key() -> None:
    """Another plugin's listener that raises keeps Airflow from calling ours."""
    import structlog

    dag = sales_dag({"outputs": {"a": ["load", "report"], "b": ["load"]}})
    with executing(dag.get_task("outputs")):
        ExclusiveRedisXCom.set("a", 1, dag_id="sales", task_id="outputs", run_id=RUN_ID)
    ids = {"dag_id": "sales", "task_id": "outputs", "run_id": RUN_ID}

    with structlog.contextvars.bound_contextvars(**ids, map_index=-1):
        ExclusiveRedisXCom.set("return_value", {"a": 1, "b": CANARY}, **ids)

    with pytest.raises(XComAccessDenied):
        pull(dag, "report", key="return_value", task_id="outputs")


def test_the_return_value_is_pushed_as_the_task_that_the_listener_saw(dag: Any) -> None:
    identity.remember_running(task_instance(dag.get_task("extract")))

    ExclusiveRedisXCom.set("token", "returned", dag_id="sales", task_id="extract", run_id=RUN_ID)

    identity.forget()
    assert pull(dag, "load") == "returned"


def test_a_process_that_has_not_parsed_the_dag_pushes_nothing(raw: redis.Redis) -> None:
    import structlog

    ids = {"dag_id": "never parsed here", "task_id": "extract", "run_id": RUN_ID}
    with (
        structlog.contextvars.bound_contextvars(**ids, map_index=-1),
        pytest.raises(XComAccessDenied, match="has not parsed DAG"),
    ):
        ExclusiveRedisXCom.set("token", CANARY, **ids)

    assert raw.dbsize() == 0
