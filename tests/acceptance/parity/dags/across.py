"""Several DAGs: runs that wait for runs, pulls from another DAG, params and conf, asset events with extras."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.providers.standard.sensors.external_task import ExternalTaskSensor
from airflow.sdk import DAG, Asset, Metadata, Param, task

from tests.acceptance.parity.seen import attempt, see

CHILD_RUN = "of-parity"
ORDERS = Asset(name="parity_orders", uri="x-parity://orders")
RETURNS = Asset(name="parity_returns", uri="x-parity://returns")

#: Under Airflow's default backend this param has no meaning.
FOR_THE_CHILD = {"xcom_acl": {"produce": {"for the child": ["parity_child/child"]}}}

with DAG(
    "parity_across", schedule=None, catchup=False, params={"n": Param(1, type="integer"), "s": "text", **FOR_THE_CHILD}
):

    @task
    def produce(params: Any, ti: Any) -> Any:
        see("params", [params["n"], params["s"]])
        ti.xcom_push("for the child", (1, 2))
        return {"n": params["n"]}

    @task
    def conf(dag_run: Any) -> None:
        see("conf", dag_run.conf)

    trigger = TriggerDagRunOperator(
        task_id="trigger",
        trigger_dag_id="parity_child",
        trigger_run_id=CHILD_RUN,
        conf={"from": "{{ ti.xcom_pull(task_ids='produce')['n'] }}"},
        wait_for_completion=True,
        poke_interval=1,
        logical_date="2026-01-05T00:00:00+00:00",
    )
    deferred = TriggerDagRunOperator(
        task_id="trigger_deferrable",
        trigger_dag_id="parity_grandchild",
        trigger_run_id=CHILD_RUN,
        wait_for_completion=True,
        poke_interval=8,  # see `A_MOMENT` in waiting.py
        deferrable=True,
        logical_date="2026-01-05T00:00:00+00:00",
    )
    sensor = ExternalTaskSensor(
        task_id="external",
        external_dag_id="parity_child",
        external_task_id="child",
        allowed_states=["success"],
        poke_interval=1,
        timeout=120,
    )

    @task
    def pull_of_child(triggered: Any, ti: Any) -> None:
        see("the triggered run", triggered)
        address = {"task_ids": "child", "dag_id": "parity_child", "run_id": CHILD_RUN}
        attempt("a key with a rule", lambda: ti.xcom_pull(**address, key="for the parent"))
        attempt("a key without a rule", lambda: ti.xcom_pull(**address))

    produced = produce()
    produced >> [conf(), trigger]
    trigger >> [sensor, deferred, pull_of_child(trigger.output["trigger_run_id"])]

with DAG(
    "parity_child",
    schedule=None,
    catchup=False,
    params={"xcom_acl": {"child": {"for the parent": ["parity_across/pull_of_child"]}}},
):

    @task
    def child(dag_run: Any, ti: Any) -> Any:
        see("conf", dag_run.conf)
        ti.xcom_push("for the parent", {"pair": (1, 2)})
        address = {"task_ids": "produce", "dag_id": "parity_across", "run_id": "parity"}
        attempt("a key with a rule", lambda: ti.xcom_pull(**address, key="for the child"))
        attempt("a key without a rule", lambda: ti.xcom_pull(**address))
        attempt("a key with a rule, by index", lambda: ti.xcom_pull(**address, key="for the child", map_indexes=-1))
        return "of the child"

    child()

with DAG("parity_grandchild", schedule=None, catchup=False):

    @task
    def leaf() -> Any:
        see("ran", True)
        return ("leaf",)

    leaf()

with DAG("parity_asset_source", schedule=None, catchup=False):

    @task(outlets=[ORDERS])
    def update(outlet_events: Any) -> Any:
        outlet_events[ORDERS].extra = {"rows": 3, "day": "2026-01-05"}
        return ("updated",)

    @task(outlets=[RETURNS])
    def yields(updated: Any) -> Any:
        see("updated", updated)
        yield Metadata(RETURNS, {"rows": 4})

    yields(update())

with DAG("parity_asset_target", schedule=[ORDERS], start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), catchup=False):

    @task(inlets=[ORDERS])
    def look(triggering_asset_events: Any, inlet_events: Any) -> None:
        see("extras", [event.extra for event in inlet_events[ORDERS]])
        see("triggered by", [event.extra for event in triggering_asset_events[ORDERS]])

    look()
