"""Pulls that need a history, a policy or an operator of their own. See pulls.py for what is expected of whom."""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, get_current_context, task

from exclusive_redis_xcom import pull

VALUE = {"pair": (1, 2), "raw": b"\x00\xff"}


def expect(found: Any, expected: Any) -> None:
    assert type(found) is type(expected), f"got a {type(found).__name__}"
    assert found == expected, "got another value"


with DAG("pulls_prior_dates", schedule=None, catchup=False, params={"pushes": True}):

    @task
    def sometimes() -> None:
        context = get_current_context()
        if context["params"]["pushes"]:
            context["ti"].xcom_push("once", VALUE)

    @task
    def pull_prior() -> None:
        context = get_current_context()
        if context["params"]["pushes"]:
            return
        ti = context["ti"]
        assert ti.xcom_pull(task_ids="sometimes", key="once") is None, "this run pushed it"
        expect(ti.xcom_pull(task_ids="sometimes", key="once", include_prior_dates=True), VALUE)
        expect(ti.xcom_pull(task_ids="sometimes", key="once", include_prior_dates=True, map_indexes=-1), VALUE)

    sometimes() >> pull_prior()


with DAG("pulls_watermark", schedule=None, catchup=False, params={"day": 0, "expected": []}):

    @task
    def advance() -> Any:
        ti, day = get_current_context()["ti"], get_current_context()["params"]["day"]
        ti.xcom_push("mark", (day, b"\x00"))
        return None

    @task
    def look_back() -> None:
        context = get_current_context()
        ti, expected = context["ti"], [(day, b"\x00") for day in context["params"]["expected"]]
        if not expected:
            return
        found = ti.xcom_pull(task_ids="advance", key="mark", include_prior_dates=True)
        # Airflow does not order runs, and 3.1 repeats rows of earlier runs.
        expect(sorted(set(found)), expected)
        expect(ti.xcom_pull(task_ids="advance", key="mark", include_prior_dates=True, map_indexes=-1), expected[-1])
        expect(pull("advance", key="mark", required=True), expected[-1])

    @task
    def misspell() -> None:
        pull("advance", key="marks", required=True)

    @task
    def forget_a_name() -> None:
        pull("advnce", key="mark", required=True)

    advance() >> [look_back(), misspell(), forget_a_name()]


with DAG("pulls_linked", schedule=None, catchup=False, params={"xcom_acl": {"*": "linked"}}):

    @task
    def produce() -> Any:
        return VALUE

    @task
    def takes_it(value: Any) -> None:
        expect(value, VALUE)
        expect(get_current_context()["ti"].xcom_pull(task_ids="produce"), VALUE)

    @task
    def only_pulls_it() -> None:
        get_current_context()["ti"].xcom_pull(task_ids="produce")

    produced = produce()
    takes_it(produced)
    produced >> only_pulls_it()


with DAG("pulls_extra_link", schedule=None, catchup=False):

    @task
    def after_trigger(triggered_run_id: str) -> None:
        assert triggered_run_id == f"by-{get_current_context()['ti'].run_id}"

    trigger = TriggerDagRunOperator(
        task_id="trigger", trigger_dag_id="pulls_triggered", trigger_run_id="by-{{ run_id }}", logical_date=None
    )
    after_trigger(trigger.output["trigger_run_id"])


with DAG("pulls_triggered", schedule=None, catchup=False):

    @task
    def nothing() -> None: ...

    nothing()


with DAG("pulls_expand_kwargs", schedule=None, catchup=False):
    ITEMS = [{"item": (i, bytes([i])), "label": f"label {i}"} for i in range(3)]

    @task
    def arguments() -> Any:
        return ITEMS

    @task
    def each(item: Any, label: str) -> Any:
        assert isinstance(item, tuple)
        return (label, *item)

    @task
    def whole(results: Any, changed: Any) -> None:
        expect(list(results), [(f"label {i}", i, bytes([i])) for i in range(3)])
        expect(list(changed), [("changed", i, bytes([i])) for i in range(3)])

    made = arguments()
    changed = each.override(task_id="each_changed").expand_kwargs(made.map(lambda item: {**item, "label": "changed"}))
    whole(each.expand_kwargs(made), changed)
