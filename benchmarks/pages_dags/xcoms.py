"""A task instance with few XComs, and one with many."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, task


def push(count: int, ti: Any) -> None:
    for number in range(count):
        ti.xcom_push(key=f"k{number}", value={"number": number, "text": "x" * 1000})


with DAG("pages_xcoms", schedule=None, params={"xcom_acl": {"few": {"k0": ["many"]}}}):

    @task
    def few(ti: Any = None) -> None:
        push(8, ti)

    @task
    def many(ti: Any = None) -> None:
        ti.xcom_pull(task_ids="few", key="k0")
        push(100, ti)

    few() >> many()
