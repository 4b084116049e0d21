"""Server mode through Airflow's control flow: sensors, deferral, retries, branches. Tasks assert what they get."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, BaseOperator, get_current_context, task
from airflow.sdk.bases.sensor import PokeReturnValue
from pulling_trigger import PullingTrigger

VALUE = {"pair": (1, 2), "raw": b"\x00\xff"}


def expect(found: Any, expected: Any) -> None:
    assert type(found) is type(expected), f"got a {type(found).__name__}"
    assert found == expected, "got another value"


def proof(name: str) -> Path:
    return Path(os.environ["ACCEPTANCE_PROOFS"], f"{name}-{get_current_context()['ti'].run_id}")


class Deferring(BaseOperator):
    """Pulls, pushes, defers to a trigger that pulls, and pulls again when it is back."""

    template_fields = ("before",)

    def __init__(self, *, before: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.before = before

    def execute(self, context: Any) -> None:
        ti = context["ti"]
        expect(self.before, VALUE)
        expect(ti.xcom_pull(task_ids="produce"), VALUE)
        ti.xcom_push("kept", VALUE)
        address = {"dag_id": ti.dag_id, "run_id": ti.run_id, "task_id": "produce", "key": "return_value"}
        self.defer(trigger=PullingTrigger(address), method_name="resume")

    def resume(self, context: Any, event: str) -> Any:
        proof("trigger").write_text(event)
        expect(context["ti"].xcom_pull(key="kept"), VALUE)
        expect(context["ti"].xcom_pull(task_ids="produce"), VALUE)
        return VALUE


with DAG(
    "server_flow",
    schedule=None,
    catchup=False,
    params={
        "xcom_acl": {
            "produce": {
                "return_value": ["rescheduled", "deferring"],
                "once": {"consumers": ["rescheduled"], "once": True},
            },
            "rescheduled": {"return_value": ["sensed"]},
            "deferring": {"*": ["resumed"]},
            "flaky": {"*": ["after_retry"]},
        }
    },
):

    @task
    def produce() -> Any:
        get_current_context()["ti"].xcom_push("once", VALUE)
        return VALUE

    # Retries, for Airflow's scheduler may take the end of a poke for the end of the task ("state mismatch").
    @task.sensor(poke_interval=3, timeout=120, mode="reschedule", retries=2, retry_delay=timedelta(seconds=1))
    def rescheduled() -> Any:
        """Pulls at each poke; what may be read once, too: it is one task instance all along."""
        ti = get_current_context()["ti"]
        expect(ti.xcom_pull(task_ids="produce"), VALUE)
        expect(ti.xcom_pull(task_ids="produce", key="once"), VALUE)
        done = proof("poked").exists()
        proof("poked").touch()
        return PokeReturnValue(is_done=done, xcom_value=VALUE if done else None)

    @task
    def sensed(value: Any) -> None:
        expect(value, VALUE)

    @task
    def resumed(result: Any, kept: Any) -> None:
        expect(result, VALUE)
        expect(kept, VALUE)

    @task(retries=1, retry_delay=timedelta(seconds=1))
    def flaky() -> Any:
        ti = get_current_context()["ti"]
        assert ti.xcom_pull(key="tries") is None, "an earlier try's XCom was read"
        ti.xcom_push("tries", (ti.try_number,))
        expect(ti.xcom_pull(key="tries"), (ti.try_number,))
        if ti.try_number == 1:
            ti.xcom_push("first try only", VALUE)
            raise RuntimeError("the first try fails")
        return (ti.try_number,)

    @task
    def after_retry(result: Any, tries: Any) -> None:
        expect(result, (2,))
        expect(tries, (2,))
        assert get_current_context()["ti"].xcom_pull(task_ids="flaky", key="first try only") is None

    made = produce()
    sensor = rescheduled()
    made >> sensor
    sensed(sensor)
    # Airflow's scheduler may take the end of the process that deferred for the end of the task ("state mismatch").
    deferring = Deferring(task_id="deferring", before=made, retries=2, retry_delay=timedelta(seconds=1))
    resumed(deferring.output, deferring.output["kept"])
    result = flaky()
    after_retry(result, result["tries"])


with DAG(
    "server_branching",
    schedule=None,
    catchup=False,
    params={"xcom_acl": {"decide": {"return_value": ["branch", "closed"]}, "taken": {"*": ["join"]}}},
):

    @task
    def decide() -> Any:
        return {"follow": ("taken",)}

    @task.branch
    def branch(decision: Any) -> Any:
        return decision["follow"][0]

    @task
    def taken() -> Any:
        return VALUE

    @task
    def not_taken() -> Any:
        return VALUE

    @task(trigger_rule="none_failed_min_one_success")
    def join(one: Any, other: Any) -> None:
        expect(one, VALUE)
        assert other is None

    @task.short_circuit
    def closed(decision: Any) -> bool:
        return decision["follow"] == ("not_taken",)

    @task
    def behind_short_circuit() -> None: ...

    decision = decide()
    chosen, other = taken(), not_taken()
    branch(decision) >> [chosen, other]
    join(chosen, other)
    closed(decision) >> behind_short_circuit()
