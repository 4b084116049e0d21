"""Tasks that write and remove another task's XComs, through Airflow's calls and around our backend.

Each task named `denied_*` must fail, all others succeed.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, get_current_context, task

VALUE = {"pair": (1, 2), "raw": b"\x00\xff"}


def target_address() -> dict[str, Any]:
    ti = get_current_context()["ti"]
    return {"dag_id": ti.dag_id, "run_id": ti.run_id, "task_id": "target", "key": "token"}


with DAG("server_writes", schedule=None, catchup=False, params={"xcom_acl": {"target": {"token": ["reader"]}}}):

    @task
    def target() -> None:
        get_current_context()["ti"].xcom_push("token", VALUE)

    @task
    def denied_set() -> None:
        from airflow.sdk.execution_time.xcom import XCom

        XCom.set(value="planted", **target_address())

    @task
    def denied_delete() -> None:
        from airflow.sdk.execution_time.xcom import XCom

        XCom.delete(**target_address())

    @task
    def denied_set_around_the_backend() -> None:
        from airflow.sdk.execution_time import task_runner
        from airflow.sdk.execution_time.comms import SetXCom

        task_runner.SUPERVISOR_COMMS.send(SetXCom(value="planted", map_index=-1, **target_address()))

    @task
    def denied_delete_around_the_backend() -> None:
        from airflow.sdk.execution_time import task_runner
        from airflow.sdk.execution_time.comms import DeleteXCom

        task_runner.SUPERVISOR_COMMS.send(DeleteXCom(map_index=-1, **target_address()))

    @task(trigger_rule="all_done")
    def reader() -> None:
        found = get_current_context()["ti"].xcom_pull(task_ids="target", key="token")
        assert found == VALUE, "got another value"

    strangers = [
        denied_set(),
        denied_delete(),
        denied_set_around_the_backend(),
        denied_delete_around_the_backend(),
    ]
    target() >> strangers >> reader()
