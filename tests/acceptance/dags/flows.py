"""XComs through Airflow's control flow: sensors, branches, short circuits, deferral, retries, callbacks."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.providers.common.compat.sdk import AirflowSkipException
from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import DAG, BaseOperator, get_current_context, task
from airflow.sdk.bases.sensor import PokeReturnValue

VALUE = {"pair": (1, 2), "raw": b"\x00\xff"}


def expect(found: Any, expected: Any) -> None:
    assert type(found) is type(expected), f"got a {type(found).__name__}"
    assert found == expected, "got another value"


with DAG("flow_branching", schedule=None, catchup=False) as branching:

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


with DAG("flow_sensors", schedule=None, catchup=False):

    @task.sensor(poke_interval=1, timeout=60, mode="poke")
    def poking() -> Any:
        return PokeReturnValue(is_done=True, xcom_value=VALUE)

    @task.sensor(poke_interval=1, timeout=120, mode="reschedule")
    def rescheduled() -> Any:
        proof = Path(os.environ["ACCEPTANCE_PROOFS"], f"poked-{get_current_context()['ti'].run_id}")
        done = proof.exists()
        proof.touch()
        return PokeReturnValue(is_done=done, xcom_value=VALUE if done else None)

    @task
    def sensed(one: Any, two: Any) -> None:
        expect(one, VALUE)
        expect(two, VALUE)

    sensed(poking(), rescheduled())


class Deferring(BaseOperator):
    """Pushes, defers, and pulls its own and its upstream's XComs when it is back."""

    template_fields = ("before",)

    def __init__(self, *, before: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.before = before

    def execute(self, context: Any) -> None:
        expect(self.before, VALUE)
        context["ti"].xcom_push("kept", VALUE)
        self.defer(trigger=TimeDeltaTrigger(timedelta(seconds=1)), method_name="resume")

    def resume(self, context: Any, event: Any = None) -> Any:
        expect(context["ti"].xcom_pull(key="kept"), VALUE)
        expect(context["ti"].xcom_pull(task_ids="upstream"), VALUE)
        return VALUE


with DAG("flow_deferrable", schedule=None, catchup=False):

    @task
    def upstream() -> Any:
        return VALUE

    @task
    def after(result: Any, kept: Any) -> None:
        expect(result, VALUE)
        expect(kept, VALUE)

    deferring = Deferring(task_id="deferring", before=upstream())
    after(deferring.output, deferring.output["kept"])


with DAG("flow_retries", schedule=None, catchup=False):

    @task(retries=1, retry_delay=timedelta(seconds=1))
    def flaky() -> Any:
        ti = get_current_context()["ti"]
        assert ti.xcom_pull(key="tries") is None, "an earlier try's XCom was read"
        ti.xcom_push("tries", (ti.try_number,))
        if ti.try_number == 1:
            ti.xcom_push("first try only", VALUE)
            raise RuntimeError("the first try fails")
        return (ti.try_number,)

    @task
    def after_retry(result: Any, tries: Any) -> None:
        expect(result, (2,))
        expect(tries, (2,))
        assert get_current_context()["ti"].xcom_pull(task_ids="flaky", key="first try only") is None

    result = flaky()
    after_retry(result, result["tries"])


def prove(name: str, context: Any, found: Any) -> None:
    """Leave a file behind, since Airflow only logs what goes wrong in a callback."""
    expect(found, VALUE)
    Path(os.environ["ACCEPTANCE_PROOFS"], f"{name}-{context['ti'].run_id}").touch()


def on_success(context: Any) -> None:
    prove("success-own", context, context["ti"].xcom_pull(task_ids="succeeding"))
    prove("success-upstream", context, context["ti"].xcom_pull(task_ids="produce"))


def on_failure(context: Any) -> None:
    prove("failure-own", context, context["ti"].xcom_pull(key="before failure"))
    prove("failure-upstream", context, context["ti"].xcom_pull(task_ids="produce"))
    context["ti"].xcom_push("in callback", VALUE)
    prove("failure-pushed", context, context["ti"].xcom_pull(key="in callback"))


def on_retry(context: Any) -> None:
    prove("retry-own", context, context["ti"].xcom_pull(key="before retry"))
    prove("retry-upstream", context, context["ti"].xcom_pull(task_ids="produce"))


def on_skipped(context: Any) -> None:
    prove("skipped-own", context, context["ti"].xcom_pull(key="before skip"))
    prove("skipped-upstream", context, context["ti"].xcom_pull(task_ids="produce"))


with DAG("flow_callbacks", schedule=None, catchup=False, params={"xcom_acl": {"*": "downstream"}}):

    @task
    def produce() -> Any:
        return VALUE

    @task(on_success_callback=on_success)
    def succeeding() -> Any:
        return VALUE

    @task(on_failure_callback=on_failure)
    def failing() -> None:
        get_current_context()["ti"].xcom_push("before failure", VALUE)
        raise RuntimeError("fails on purpose")

    @task(on_retry_callback=on_retry, retries=1, retry_delay=timedelta(seconds=1))
    def retrying() -> None:
        ti = get_current_context()["ti"]
        ti.xcom_push("before retry", VALUE)
        if ti.try_number == 1:
            raise RuntimeError("the first try fails")

    @task(on_skipped_callback=on_skipped)
    def skipping() -> None:
        get_current_context()["ti"].xcom_push("before skip", VALUE)
        raise AirflowSkipException("skips itself on purpose")

    @task(trigger_rule="all_done")
    def last() -> None: ...

    produce() >> [succeeding(), failing(), retrying(), skipping()] >> last()
