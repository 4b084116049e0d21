"""DAGs that tests clear, rerun and edit from outside."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, get_current_context, task

with DAG("lifecycle", schedule=None, catchup=False, params={"xcom_acl": {"produce": {"return_value": ["consume"]}}}):

    @task
    def produce() -> Any:
        ti = get_current_context()["ti"]
        if ti.try_number == 1:
            ti.xcom_push("first try only", "old")
        return (ti.run_id, ti.try_number)

    @task
    def consume(value: Any) -> Any:
        return value

    consume(produce())


with DAG("without_acl", schedule=None, catchup=False):

    @task
    def make() -> Any:
        return ("made",)

    @task
    def take(value: Any) -> None:
        assert value == ("made",)

    take(make())
