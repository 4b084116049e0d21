"""What decides which tasks run: branches, short circuits, trigger rules, groups, setup and teardown."""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.python import BranchPythonOperator, ShortCircuitOperator
from airflow.sdk import DAG, setup, task, task_group, teardown
from airflow.sdk.exceptions import AirflowException

from tests.acceptance.parity.seen import see

try:
    from airflow.sdk.exceptions import AirflowSkipException
except ImportError:  # Airflow 3.1
    from airflow.exceptions import AirflowSkipException

with DAG("parity_flow", schedule=None, catchup=False):

    @task
    def decide() -> Any:
        return {"follow": ["taken"], "stop": False, "nothing": []}

    @task.branch
    def branch(decision: Any) -> Any:
        return decision["follow"]

    @task
    def taken() -> Any:
        return ("taken",)

    @task
    def not_taken() -> Any:
        return ("not taken",)

    @task(trigger_rule="none_failed_min_one_success")
    def join(one: Any, other: Any, ti: Any) -> None:
        see("join", [one, other])
        see("what the branch said", ti.xcom_pull(task_ids="branch"))
        see("what the scheduler reads", ti.xcom_pull(task_ids="branch", key="skipmixin_key"))

    decision = decide()
    one, other = taken(), not_taken()
    branch(decision) >> [one, other]
    join(one, other)

    ShortCircuitOperator(
        task_id="closed", python_callable=lambda decision: decision["stop"], op_args=[decision]
    ) >> EmptyOperator(task_id="behind_closed")
    BranchPythonOperator(task_id="classic_branch", python_callable=lambda: "classic_taken") >> [
        EmptyOperator(task_id="classic_taken"),
        EmptyOperator(task_id="classic_not_taken"),
    ]

    @task
    def fails(ti: Any) -> None:
        ti.xcom_push("before", (1,))
        raise AirflowException("fails on purpose")

    @task
    def skips(ti: Any) -> None:
        ti.xcom_push("before", (2,))
        raise AirflowSkipException("skips on purpose")

    @task(trigger_rule="all_done")
    def anyway(ti: Any) -> None:
        see("of tasks that did not succeed", ti.xcom_pull(task_ids=["fails", "skips"], key="before"))
        see("they return nothing", ti.xcom_pull(task_ids="fails"))

    @task(trigger_rule="one_failed")
    def on_failure() -> None:
        see("ran", True)

    ended = [fails(), skips()]
    ended >> anyway()
    ended >> on_failure()

    @task_group
    def group(value: Any) -> Any:
        @task
        def inner(value: Any) -> Any:
            return [value]

        return inner(value)

    @task
    def after_group(value: Any, ti: Any) -> None:
        see("of a group", [value, ti.xcom_pull(task_ids="group.inner")])

    after_group(group(decision))

    @setup
    def create() -> Any:
        return {"cluster": (1, 2)}

    @task
    def work(resource: Any) -> Any:
        see("resource", resource)
        return "worked"

    @teardown
    def destroy(resource: Any, ti: Any) -> None:
        see("resource", [resource, ti.xcom_pull(task_ids="work")])

    resource = create()
    destroy(resource) << work(resource)
