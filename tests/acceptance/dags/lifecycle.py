"""DAGs that tests clear, rerun and edit from outside."""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.sensors.date_time import DateTimeSensorAsync
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

with DAG("ends_from_trigger", schedule=None, catchup=False, params={"xcom_acl": {"ask": {"return_value": ["use"]}}}):
    # Airflow does not load such operators where a listener of a plugin counts.
    wait = DateTimeSensorAsync(task_id="wait", target_time="2026-01-01T00:00:00+00:00", end_from_trigger=True)

    @task
    def ask() -> Any:
        return ("asked",)

    @task
    def use(value: Any) -> None:
        assert value == ("asked",)

    asked = ask()
    asked >> wait >> use(asked)

with DAG("to_be_deleted", schedule=None, catchup=False):

    @task
    def leave() -> Any:
        return ("left",)

    leave()
