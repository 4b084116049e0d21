"""Who is refused, and how: each task named `denied_*` must fail with XComAccessDenied, all others succeed."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, get_current_context, task

from exclusive_redis_xcom import exclusive

CANARY = "canary-5dd1f5b2-never-in-a-log"
MAPPED = [(f"{CANARY}-{i}",) for i in range(3)]

with DAG(
    "refusals",
    schedule=None,
    catchup=False,
    params={
        "xcom_acl": {
            "produce": {"token": ["allowed", "allowed_template", "elsewhere/welcome"]},
            "each": {"return_value": ["allowed_mapped"]},
        }
    },
) as refusals:

    @task
    def produce() -> None:
        get_current_context()["ti"].xcom_push("token", CANARY)

    @task
    def each(number: int) -> Any:
        return MAPPED[number]

    made = produce()
    token = made["token"]
    mapped = each.expand(number=[0, 1, 2])

    @task
    def allowed(token: Any) -> None:
        assert token == CANARY

    @task
    def denied_argument(token: Any) -> None: ...

    @task
    def denied_pull() -> None:
        get_current_context()["ti"].xcom_pull(task_ids="produce", key="token")

    @task
    def denied_pull_one() -> None:
        get_current_context()["ti"].xcom_pull(task_ids="produce", key="token", map_indexes=-1)

    @task
    def denied_among_many() -> None:
        get_current_context()["ti"].xcom_pull(task_ids=["produce", "each"], key="token")

    @task
    def denied_prior_dates() -> None:
        get_current_context()["ti"].xcom_pull(task_ids="produce", key="token", include_prior_dates=True)

    @task
    def allowed_mapped(values: Any) -> None:
        assert list(values) == MAPPED

    @task
    def denied_lazy_item(values: Any) -> None:
        values[0]

    @task
    def denied_lazy_slice(values: Any) -> None:
        values[:]

    @task
    def denied_mapped_pull() -> None:
        get_current_context()["ti"].xcom_pull(task_ids="each")

    @task
    def denied_each(value: Any) -> None: ...

    @task
    def denied_set() -> None:
        from airflow.sdk.execution_time.xcom import XCom

        ti = get_current_context()["ti"]
        XCom.set("token", "overwritten", dag_id=ti.dag_id, task_id="produce", run_id=ti.run_id)

    @task
    def denied_delete() -> None:
        from airflow.sdk.execution_time.xcom import XCom

        ti = get_current_context()["ti"]
        XCom.delete("token", task_id="produce", dag_id=ti.dag_id, run_id=ti.run_id)

    @task
    def caught_refusal_returns_nothing() -> None:
        from exclusive_redis_xcom import XComAccessDenied

        caught = None
        try:
            get_current_context()["ti"].xcom_pull(task_ids="produce", key="token")
        except PermissionError as error:
            caught = error
        assert isinstance(caught, XComAccessDenied)
        assert CANARY not in str(caught)

    template = "{{ ti.xcom_pull(task_ids='produce', key='token') | length }}"
    after = [
        allowed(token),
        denied_argument(token),
        denied_pull(),
        denied_pull_one(),
        denied_prior_dates(),
        caught_refusal_returns_nothing(),
        BashOperator(task_id="allowed_template", bash_command=f"test {template} = {len(CANARY)}"),
        BashOperator(task_id="denied_template", bash_command=f"echo {template}"),
    ]

    writers = [denied_set(), denied_delete()]
    made >> [*after, *writers]
    [made, mapped] >> denied_among_many()
    allowed_mapped(mapped)
    denied_lazy_item(mapped)
    denied_lazy_slice(mapped)
    mapped >> denied_mapped_pull()
    denied_each.expand(value=mapped)


with DAG("elsewhere", schedule=None, catchup=False, params={"run_id": "none"}):

    @task
    def welcome() -> None:
        ti = get_current_context()["ti"]
        run_id = get_current_context()["params"]["run_id"]
        assert ti.xcom_pull(task_ids="produce", key="token", dag_id="refusals", run_id=run_id) == CANARY

    @task
    def denied_stranger() -> None:
        ti = get_current_context()["ti"]
        run_id = get_current_context()["params"]["run_id"]
        ti.xcom_pull(task_ids="produce", key="token", dag_id="refusals", run_id=run_id)

    @task(task_id="allowed")
    def denied_namesake() -> None:
        """The same task id as a consumer's, in another DAG."""
        ti = get_current_context()["ti"]
        run_id = get_current_context()["params"]["run_id"]
        ti.xcom_pull(task_ids="produce", key="token", dag_id="refusals", run_id=run_id)

    [welcome(), denied_stranger(), denied_namesake()]


with DAG("expiry", schedule=None, catchup=False):

    @task
    def short_lived() -> str:
        return CANARY

    @task
    def too_late() -> None:
        time.sleep(2.5)
        get_current_context()["ti"].xcom_pull(task_ids="short_lived")

    value = short_lived()
    late = too_late()
    value >> late
    exclusive(value, to=[late], ttl=timedelta(seconds=1))


with DAG("same_run", schedule=None, catchup=False, params={"other_run": "none"}):

    @task
    def source() -> str:
        return CANARY

    @task
    def reader() -> None:
        assert get_current_context()["ti"].xcom_pull(task_ids="source") == CANARY

    @task
    def reader_of_other_runs() -> None:
        """Refused when `other_run` names another run; nothing to pull where it names none."""
        ti, params = get_current_context()["ti"], get_current_context()["params"]
        ti.xcom_pull(task_ids="source", run_id=params["other_run"])

    made_here = source()
    here, there = reader(), reader_of_other_runs()
    made_here >> [here, there]
    exclusive(made_here, to=[here, there], same_run=True)
