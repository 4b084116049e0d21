"""Tasks that ask a person. Nobody answers, so that they take their defaults."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import HITLBranchOperator, HITLEntryOperator, HITLOperator
from airflow.sdk import DAG, task

from tests.acceptance.parity.seen import see

SOON = timedelta(seconds=8)

with DAG("parity_people", schedule=None, catchup=False):

    @task
    def question() -> Any:
        return {"text": "ship it?"}

    asked = question()
    choose = HITLOperator(
        task_id="choose",
        subject="{{ ti.xcom_pull(task_ids='question')['text'] }}",
        options=["yes", "no"],
        defaults=["no"],
        response_timeout=SOON,
    )
    enter = HITLEntryOperator(
        task_id="enter", subject="how many?", params={"n": 3}, defaults=["OK"], response_timeout=SOON
    )
    branch = HITLBranchOperator(
        task_id="branch", subject="which?", options=["left", "right"], defaults=["left"], response_timeout=SOON
    )

    @task
    def left(ti: Any) -> None:
        see("chosen", ti.xcom_pull(task_ids="branch"))

    @task
    def right() -> None: ...

    @task
    def take(chosen: Any, entered: Any) -> None:
        see("chosen", [chosen["chosen_options"], chosen["params_input"]])
        see("entered", [entered["chosen_options"], entered["params_input"]])

    take(choose.output, enter.output)
    asked >> [choose, enter]
    branch >> [left(), right()]
