"""The DAG `sales`. Its tasks are played one after the other in this process."""

from __future__ import annotations

from typing import Any

import redis

from devtools.worlds.rows import Rows
from devtools.worlds.running_task import RUN_ID, executing
from exclusive_redis_xcom import ExclusiveRedisXCom

CANARY = "canary-8c1f0e55"
RUN = RUN_ID.replace(":", "%3A").replace("+", "%2B")


def hash_of(key: str, run: str = RUN) -> str:
    """Return the name of the hash that task `extract` pushes to under a key. `run` is a run's id as Redis has it."""
    return f"exclusive_redis_xcom:sales:{run}:extract:{key}"


HASH = hash_of("token")


def sales_dag(rules: dict[str, Any]) -> Any:
    """Make a DAG with `rules` as its `xcom_acl`: `extract` and `outputs` run before `load` and `report`."""
    from airflow.sdk import DAG, task

    with DAG("sales", params={"xcom_acl": rules}) as dag:

        @task
        def extract() -> None: ...

        @task(multiple_outputs=True)
        def outputs() -> dict[str, Any]:
            return {}

        @task
        def load() -> None: ...

        @task
        def report() -> None: ...

        consumers = [load(), report()]
        extract() >> consumers
        outputs() >> consumers
    return dag


def address(task_id: str = "extract", run_id: str = RUN_ID) -> dict[str, str]:
    return {"dag_id": "sales", "task_id": task_id, "run_id": run_id}


def push(
    dag: Any, value: Any, key: str = "token", map_index: int = -1, *, task_id: str = "extract", run_id: str = RUN_ID
) -> None:
    with executing(dag.get_task(task_id), map_index=map_index, run_id=run_id):
        ExclusiveRedisXCom.set(key, value, **address(task_id, run_id), map_index=map_index)


def pull(
    dag: Any,
    reader: str = "load",
    key: str = "token",
    map_index: int = -1,
    *,
    task_id: str = "extract",
    run_id: str = RUN_ID,
) -> Any:
    with executing(dag.get_task(reader), run_id=run_id):
        return ExclusiveRedisXCom.get_one(key=key, **address(task_id, run_id), map_index=map_index)


def pull_all(dag: Any, reader: str = "load", key: str = "token") -> Any:
    with executing(dag.get_task(reader)):
        return ExclusiveRedisXCom.get_all(key=key, **address())


def look_back(dag: Any, reader: str = "load", key: str = "token", *, run_id: str) -> Any:
    """Pull what a run and the runs before it pushed, as `include_prior_dates` does."""
    with executing(dag.get_task(reader), run_id=run_id):
        return ExclusiveRedisXCom.get_all(key=key, **address(run_id=run_id), include_prior_dates=True)


def delete(dag: Any, by: str = "extract", map_index: int | None = None) -> None:
    with executing(dag.get_task(by)):
        ExclusiveRedisXCom.delete(key="token", **address(), map_index=map_index)


def field_of(raw: redis.Redis, name: str, field: str) -> bytes:
    """Return what Redis holds in a field that must be there."""
    found = raw.hget(name, field)
    assert isinstance(found, bytes)
    return found


def the_row(rows: Rows, key: str = "token", map_index: int = -1) -> Any:
    return rows.values["sales", RUN_ID, "extract", key, map_index]
