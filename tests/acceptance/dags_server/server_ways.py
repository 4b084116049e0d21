"""Every way to pull one XCom in server mode, and its strangers.

Each task named `denied_*` must fail with XComAccessDenied, all others succeed. Values are ones that JSON would
change, so that a value that took another way than ours cannot pass.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.python import PythonOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, BaseOperator, BaseOperatorLink, get_current_context, setup, task, teardown

VALUE = {"pair": (1, 2), "raw": b"\x00\xff", "at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)}
SIDE = ["plain", {1: "int key"}, {"a", "b"}]
CONSUMERS = ["by_pull", "by_argument", "by_template", "by_bash_template", "server_elsewhere/welcome"]


class Link(BaseOperatorLink):
    """Airflow asks for it in the task's process, after `execute`, and keeps it as an XCom of the task."""

    name = "a link"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        return "http://localhost/a/link"


class Linked(BaseOperator):
    operator_extra_links = (Link(),)

    def execute(self, context: Any) -> None:
        if context["ti"].try_number == 1:
            raise RuntimeError("the first try fails")


def expect(found: Any, expected: Any) -> None:
    assert type(found) is type(expected), f"got a {type(found).__name__}"
    assert found == expected, "got another value"


with DAG(
    "server_ways",
    schedule=None,
    catchup=False,
    params={
        "xcom_acl": {
            "produce": {"return_value": CONSUMERS, "side": CONSUMERS},
            "outputs": {"first": ["of_outputs"], "second": ["of_outputs", "of_second"]},
            "trigger": {"trigger_run_id": ["after_trigger"]},
            "create": {"return_value": ["work", "destroy"]},
        }
    },
):

    @task
    def produce() -> Any:
        ti = get_current_context()["ti"]
        ti.xcom_push("side", VALUE)
        expect(ti.xcom_pull(key="side"), VALUE)
        ti.xcom_push("side", SIDE)
        expect(ti.xcom_pull(key="side"), SIDE)
        return VALUE

    @task
    def by_argument(value: Any, nested: Any) -> None:
        expect(value, VALUE)
        expect(nested, {"inner": [SIDE]})

    @task
    def by_pull() -> None:
        ti = get_current_context()["ti"]
        expect(ti.xcom_pull("produce"), VALUE)
        expect(ti.xcom_pull(task_ids=["produce"]), [VALUE])
        expect(ti.xcom_pull(task_ids="produce", key="side", map_indexes=-1), SIDE)
        expect(ti.xcom_pull(task_ids="produce", map_indexes=[-1]), [VALUE])
        expect(ti.xcom_pull(task_ids="produce", dag_id=ti.dag_id, run_id=ti.run_id), VALUE)
        assert ti.xcom_pull(task_ids="produce", key="never pushed") is None
        expect(ti.xcom_pull(task_ids="produce", key="never pushed", map_indexes=-1, default="default"), "default")

    def in_template(raw: Any, pair: str) -> None:
        expect(raw, str(VALUE["raw"]))
        expect(pair, "(1, 2)")

    @task
    def denied_argument(value: Any) -> None: ...

    @task
    def denied_pull() -> None:
        get_current_context()["ti"].xcom_pull(task_ids="produce")

    @task
    def denied_pull_one() -> None:
        get_current_context()["ti"].xcom_pull(task_ids="produce", map_indexes=-1)

    @task
    def denied_among_many() -> None:
        get_current_context()["ti"].xcom_pull(task_ids=["produce", "outputs"], map_indexes=-1)

    @task
    def caught_refusal_returns_nothing() -> None:
        from exclusive_redis_xcom import XComAccessDenied

        caught, found = None, None
        try:
            found = get_current_context()["ti"].xcom_pull(task_ids="produce")
        except PermissionError as error:
            caught = error
        assert isinstance(caught, XComAccessDenied)
        assert found is None

    @task(multiple_outputs=True)
    def outputs() -> dict[str, Any]:
        return {"first": VALUE, "second": SIDE}

    @task
    def of_outputs(first: Any, second: Any, whole: Any) -> None:
        expect(first, VALUE)
        expect(second, SIDE)
        expect(whole, {"first": VALUE, "second": SIDE})

    @task
    def of_second(second: Any) -> None:
        expect(second, SIDE)

    @task
    def denied_whole(whole: Any) -> None: ...

    @task
    def after_trigger(triggered_run_id: str) -> None:
        assert triggered_run_id == f"by-{get_current_context()['ti'].run_id}"

    made = produce()
    by_argument(made, {"inner": [made["side"]]})
    denied_argument(made)
    several = outputs()
    of_outputs(several["first"], several["second"], several)
    of_second(several["second"])
    denied_whole(several)
    [made, several] >> denied_among_many()
    made >> [
        by_pull(),
        denied_pull(),
        denied_pull_one(),
        caught_refusal_returns_nothing(),
        PythonOperator(
            task_id="by_template",
            python_callable=in_template,
            op_kwargs={
                "raw": "{{ ti.xcom_pull(task_ids='produce')['raw'] }}",
                "pair": f"{{{{ {str(made).strip('{} ')}['pair'] }}}}",
            },
        ),
        BashOperator(
            task_id="by_bash_template",
            bash_command="test '{{ ti.xcom_pull(task_ids='produce', key='side')[0] }}' = plain",
        ),
        BashOperator(
            task_id="denied_template", bash_command="echo {{ ti.xcom_pull(task_ids='produce', key='side')[0] }}"
        ),
    ]
    trigger = TriggerDagRunOperator(
        task_id="trigger",
        trigger_dag_id="server_elsewhere",
        trigger_run_id="by-{{ run_id }}",
        conf={"run_id": "{{ run_id }}"},
        logical_date=None,
    )
    made >> trigger
    after_trigger(trigger.output["trigger_run_id"])

    Linked(task_id="linked", retries=1, retry_delay=timedelta(seconds=1))

    @setup
    def create() -> Any:
        return VALUE

    @task
    def work(resource: Any) -> None:
        expect(resource, VALUE)

    @teardown
    def destroy(resource: Any) -> None:
        expect(resource, VALUE)

    resource = create()
    destroy(resource) << work(resource)


def pull_from_ways() -> Any:
    context = get_current_context()
    run_id = context["params"]["run_id"]
    return context["ti"].xcom_pull(task_ids="produce", dag_id="server_ways", run_id=run_id, map_indexes=-1)


with DAG("server_elsewhere", schedule=None, catchup=False, params={"run_id": "none"}):

    @task
    def welcome() -> None:
        expect(pull_from_ways(), VALUE)

    @task
    def denied_stranger() -> None:
        pull_from_ways()

    @task(task_id="by_pull")
    def denied_namesake() -> None:
        """The task id of a consumer, in another DAG."""
        pull_from_ways()

    [welcome(), denied_stranger(), denied_namesake()]
