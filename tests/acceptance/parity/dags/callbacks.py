"""Callbacks that pull: of tasks, and of a DAG."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, task

from tests.acceptance.parity.seen import attempt, see

try:
    from airflow.sdk.exceptions import AirflowSkipException
except ImportError:  # Airflow 3.1
    from airflow.exceptions import AirflowSkipException


def pulls(moment: str) -> Any:
    def callback(context: Any) -> None:
        ti = context["ti"]
        attempt(f"{moment}: own", lambda: ti.xcom_pull(key="own"), ti=ti)
        attempt(f"{moment}: upstream", lambda: ti.xcom_pull(task_ids="produce"), ti=ti)

    return callback


def pushes(context: Any) -> None:
    ti = context["ti"]
    attempt("push in a callback", lambda: ti.xcom_push("in callback", (1,)), ti=ti)
    attempt("pull of it", lambda: ti.xcom_pull(key="in callback"), ti=ti)


with DAG("parity_callbacks", schedule=None, catchup=False):

    @task
    def produce() -> Any:
        return {"pair": (1, 2)}

    @task(on_execute_callback=pulls("execute"), on_success_callback=[pulls("success"), pushes])
    def succeeds(ti: Any) -> Any:
        ti.xcom_push("own", (1,))

    @task(on_failure_callback=[pulls("failure"), pushes])
    def fails(ti: Any) -> None:
        ti.xcom_push("own", (2,))
        raise RuntimeError("fails on purpose")

    @task(on_retry_callback=[pulls("retry"), pushes], retries=1, retry_delay=timedelta(seconds=1))
    def retries(ti: Any) -> None:
        ti.xcom_push("own", (ti.try_number,))
        if ti.try_number == 1:
            raise RuntimeError("the first try fails")

    @task(on_skipped_callback=pulls("skip"))
    def skips(ti: Any) -> None:
        ti.xcom_push("own", (4,))
        raise AirflowSkipException("skips on purpose")

    @task(trigger_rule="all_done")
    def last(ti: Any) -> None:
        see("pushed in callbacks", ti.xcom_pull(task_ids=["succeeds", "fails"], key="in callback"))

    produce() >> [succeeds(), fails(), retries(), skips()] >> last()


def of_dag(context: Any) -> None:
    ti = context["ti"]
    attempt("in a callback of the DAG", lambda: ti.xcom_pull(task_ids="only"), ti=ti)


with DAG("parity_dag_callback", schedule=None, catchup=False, on_success_callback=of_dag):

    @task
    def only() -> Any:
        return {"pair": (1, 2)}

    only()
