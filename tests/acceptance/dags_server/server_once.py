"""Read-once values in server mode, through retries and clears.

Each task named `denied_*` must fail with a refusal, all others succeed.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, get_current_context, task

from exclusive_redis_xcom import exclusive

VALUE = {"pair": (1, 2), "raw": b"\x00\xff"}


def expect(found: Any, expected: Any) -> None:
    assert type(found) is type(expected), f"got a {type(found).__name__}"
    assert found == expected, "got another value"


with DAG("server_once", schedule=None, catchup=False, params={"xcom_acl": {"*": "nobody"}}):

    @task(retries=1, retry_delay=timedelta(seconds=1))
    def make() -> None:
        ti = get_current_context()["ti"]
        ti.xcom_push("token", VALUE)
        expect(ti.xcom_pull(key="token"), VALUE)
        if ti.try_number == 1:
            raise RuntimeError("the first try fails")

    @task
    def denied_stranger() -> None:
        get_current_context()["ti"].xcom_pull(task_ids="make", key="token")

    @task(retries=1, retry_delay=timedelta(seconds=1))
    def first() -> None:
        ti = get_current_context()["ti"]
        expect(ti.xcom_pull(task_ids="make", key="token"), VALUE)
        expect(ti.xcom_pull(task_ids="make", key="token", map_indexes=-1), VALUE)
        if ti.try_number == 1:
            raise RuntimeError("the first try fails after it has claimed")

    @task
    def denied_second() -> None:
        get_current_context()["ti"].xcom_pull(task_ids="make", key="token")

    @task
    def denied_second_one() -> None:
        get_current_context()["ti"].xcom_pull(task_ids="make", key="token", map_indexes=-1)

    made = make()
    one, two, three = first(), denied_second(), denied_second_one()
    made >> [denied_stranger(), one]
    one >> [two, three]
    exclusive(made["token"], to=[one, two, three], once=True)


with DAG("server_rerun", schedule=None, catchup=False):

    @task
    def produce() -> Any:
        ti = get_current_context()["ti"]
        if ti.try_number == 1:
            ti.xcom_push("first try only", VALUE)
        return (ti.run_id, ti.try_number)

    @task
    def consume(value: Any) -> Any:
        return value

    value = produce()
    exclusive(value, to=consume(value), once=True)
