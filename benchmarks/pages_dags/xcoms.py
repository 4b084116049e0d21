"""A task instance with few XComs, and one with many."""

from __future__ import annotations

from airflow.sdk import DAG, task

with DAG("pages_xcoms", schedule=None, params={"xcom_acl": {"few": {"k0": ["many"]}}}):

    def push(count, ti):
        for number in range(count):
            ti.xcom_push(key=f"k{number}", value={"number": number, "text": "x" * 1000})

    @task
    def few(ti=None):
        push(8, ti)

    @task
    def many(ti=None):
        ti.xcom_pull(task_ids="few", key="k0")
        push(100, ti)

    few() >> many()
