"""Callbacks that pull in server mode. Each leaves a file that says what it got; Airflow only logs what goes wrong."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.providers.common.compat.sdk import AirflowSkipException
from airflow.sdk import DAG, get_current_context, task

VALUE = {"pair": (1, 2), "raw": b"\x00\xff"}


def note(name: str, run_id: str, pull: Callable[[], Any]) -> None:
    try:
        found = pull()
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
    else:
        text = "the value" if found == VALUE else "something else"
    Path(os.environ["ACCEPTANCE_PROOFS"], f"{name}-{run_id}").write_text(text)


def pulls(moment: str) -> Callable[[Any], None]:
    def callback(context: Any) -> None:
        ti = context["ti"]
        note(f"{moment}-upstream", ti.run_id, lambda: ti.xcom_pull(task_ids="produce"))
        if moment != "execute":
            note(f"{moment}-own", ti.run_id, lambda: ti.xcom_pull(key="own", map_indexes=-1))
            note(f"{moment}-push", ti.run_id, lambda: ti.xcom_push("late", VALUE))

    return callback


def of_the_dag(context: Any) -> None:
    """Runs in the DAG processor."""
    from airflow.sdk.execution_time.xcom import XCom

    run_id = context["run_id"]
    address = {"dag_id": "server_callbacks", "run_id": run_id, "task_id": "produce", "key": "return_value"}
    note("dag", run_id, lambda: XCom.get_one(**address))


with DAG(
    "server_callbacks",
    schedule=None,
    catchup=False,
    on_success_callback=of_the_dag,
    on_failure_callback=of_the_dag,
    params={"xcom_acl": {"*": "downstream"}},
):

    @task
    def produce() -> Any:
        return VALUE

    @task(on_success_callback=pulls("success"), on_execute_callback=pulls("execute"))
    def succeeding() -> None:
        get_current_context()["ti"].xcom_push("own", VALUE)

    @task(on_failure_callback=pulls("failure"))
    def failing() -> None:
        get_current_context()["ti"].xcom_push("own", VALUE)
        raise RuntimeError("fails on purpose")

    @task(on_retry_callback=pulls("retry"), retries=1, retry_delay=timedelta(seconds=1))
    def retrying() -> None:
        ti = get_current_context()["ti"]
        ti.xcom_push("own", VALUE)
        if ti.try_number == 1:
            raise RuntimeError("the first try fails")

    @task(on_skipped_callback=pulls("skipped"))
    def skipping() -> None:
        get_current_context()["ti"].xcom_push("own", VALUE)
        raise AirflowSkipException("skips itself on purpose")

    @task(trigger_rule="all_done")
    def last() -> None: ...

    produce() >> [succeeding(), failing(), retrying(), skipping()] >> last()
