"""A DAG with rules for `dag.test()` in server mode; what must happen to `denied_*` depends on who has which key."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, get_current_context, task

VALUE = {"pair": (1, 2), "raw": b"\x00\xff"}
RULES = {
    "produce": {"return_value": ["consume", "again"], "once": {"consumers": ["once", "denied_once"], "once": True}},
}


with DAG("server_local", schedule=None, catchup=False, params={"xcom_acl": RULES}) as local:

    @task
    def produce() -> Any:
        get_current_context()["ti"].xcom_push("once", VALUE)
        return VALUE

    @task
    def consume(value: Any) -> None:
        assert value == VALUE, "got another value"

    @task
    def again() -> None:
        found = get_current_context()["ti"].xcom_pull(task_ids="produce")
        assert found == VALUE, "got another value"

    @task
    def once() -> None:
        found = get_current_context()["ti"].xcom_pull(task_ids="produce", key="once")
        assert found == VALUE, "got another value"

    @task
    def denied_stranger() -> None:
        get_current_context()["ti"].xcom_pull(task_ids="produce")

    @task
    def denied_once() -> None:
        get_current_context()["ti"].xcom_pull(task_ids="produce", key="once")

    made = produce()
    consume(made)
    made >> again()
    made >> once() >> denied_once()
    made >> denied_stranger()
