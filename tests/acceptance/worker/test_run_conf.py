"""What a run's conf says of `xcom_acl`: refused when the run is made, and without effect once the run is there.

Airflow's trigger form posts the values of all params, also of the hidden one. So these tests do.
"""

from __future__ import annotations

from typing import Any

import pytest

from devtools.airflow_stack import AirflowStack, ApiError, airflow_version, wait_until

VERSION = tuple(int(part) for part in airflow_version().split(".")[:2])

DAG_FILE = """
import datetime
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, task

with DAG(
    "{dag_id}", schedule="@daily", start_date=datetime.datetime(2026, 1, 1), catchup=False,
    params={{{acl}"unit": "km"}}, render_template_as_native_obj={native},
):
    @task
    def extract():
        return "the value"

    @task(retries=1, retry_delay=datetime.timedelta(seconds=1))
    def report(before, ti, params):
        if params["unit"] == "fail first" and ti.try_number == 1:
            raise RuntimeError("the first try fails")
        assert ti.xcom_pull(task_ids="extract") == "the value"
        assert params.get("xcom_acl") == {seen}, params

    @task
    def count(number, params):
        assert params.get("xcom_acl") == {seen}, params

    value = extract()
    reported = report.override(task_id="report")(None)
    value >> reported >> count.expand(number=[1, 2])
    value >> BashOperator(task_id="template", bash_command="echo 'RULES {{{{ params.xcom_acl | default(0) }}}}'")
"""

CLOSED: dict[str, Any] = {"extract": {"return_value": []}}
OPEN = {"extract": {"return_value": ["report"]}}

IGNORED = "This run's conf holds other rules in 'xcom_acl' than the DAG file"
UNDECLARED = "This run's conf holds 'xcom_acl'. It is ignored, and the DAG file declares no rules."
FIXED = "Invalid input for param xcom_acl: 'the value that is fixed in the DAG file' was expected"


def deploy(airflow: AirflowStack, dag_id: str, acl: dict[str, Any] | None, *, native: bool = False) -> dict[str, Any]:
    """Write the DAG file with these rules; return the conf that the trigger form posts for it.

    Without a param of the DAG's, Airflow gives its tasks the conf's: CLOSED in these tests.
    """
    declared = "" if acl is None else f'"xcom_acl": {acl}, '
    source = DAG_FILE.format(dag_id=dag_id, acl=declared, seen=CLOSED if acl is None else acl, native=native)
    assert airflow.add_dag(dag_id, source) == [dag_id]
    params = airflow.api("GET", f"/dags/{dag_id}/details")["params"]
    return {name: param["value"] for name, param in params.items()}


@pytest.mark.parametrize("native", [False, True])
def test_a_run_from_the_form_goes_on_after_the_rules_have_changed(airflow: AirflowStack, native: bool) -> None:
    dag_id = f"form_cleared_{native}".lower()
    conf = deploy(airflow, dag_id, CLOSED, native=native)
    assert conf["xcom_acl"] == CLOSED
    run_id = airflow.trigger(dag_id, conf)
    assert airflow.wait_run(dag_id, run_id) == "failed"  # the rule names nobody

    deploy(airflow, dag_id, OPEN, native=native)
    airflow.clear(dag_id, run_id)

    assert airflow.wait_run(dag_id, run_id) == "success"
    log = airflow.task_log(dag_id, run_id, "template", 2)
    assert f"RULES {OPEN}".replace("'", "") in log.replace("'", "")
    assert log.count(IGNORED) == 1
    assert IGNORED not in airflow.task_log(dag_id, run_id, "template", 1)
    by_command = airflow.run_cli("tasks", "test", dag_id, "count", run_id, "--map-index", "0")
    assert by_command.returncode == 0, by_command.stderr


def test_a_retry_goes_on_after_a_deploy(airflow: AirflowStack) -> None:
    conf = deploy(airflow, "form_retried", CLOSED)
    run_id = airflow.trigger("form_retried", {**conf, "unit": "fail first"})
    wait_until(lambda: airflow.task_states("form_retried", run_id)[("extract", -1)] == "success", 60, airflow.log_tails)

    deploy(airflow, "form_retried", OPEN)  # while the run's conf has the other rules

    airflow.wait_run("form_retried", run_id)
    airflow.clear("form_retried", run_id)
    assert airflow.wait_run("form_retried", run_id) == "success"


@pytest.mark.parametrize(("acl", "lines"), [({}, [1, 0]), (None, [0, 1])])
def test_a_run_goes_on_after_the_dag_file_has_lost_its_rules(
    airflow: AirflowStack, acl: dict[str, Any] | None, lines: list[int]
) -> None:
    dag_id = "form_without_rules" if acl is None else "form_with_no_rule"
    run_id = airflow.trigger(dag_id, deploy(airflow, dag_id, CLOSED))
    airflow.wait_run(dag_id, run_id)

    deploy(airflow, dag_id, acl)
    airflow.clear(dag_id, run_id)

    assert airflow.wait_run(dag_id, run_id) == "success"
    log = airflow.task_log(dag_id, run_id, "extract", 2)
    assert [log.count(line) for line in (IGNORED, UNDECLARED)] == lines


def backfill(airflow: AirflowStack, dag_id: str, conf: dict[str, Any], day: str) -> str:
    """Backfill one day, and return the id of its run."""
    body = {"dag_id": dag_id, "from_date": day, "to_date": day, "dag_run_conf": conf, "reprocess_behavior": "completed"}
    known = {run["dag_run_id"]: run for run in airflow.pages(f"/dags/{dag_id}/dagRuns", "dag_runs")}

    assert airflow.backfill(body)["dag_run_conf"] == conf

    def started() -> str | None:
        for run in airflow.pages(f"/dags/{dag_id}/dagRuns", "dag_runs"):
            if run["run_type"] == "backfill" and run["queued_at"] != known.get(run["dag_run_id"], {}).get("queued_at"):
                return str(run["dag_run_id"])
        return None

    return wait_until(started, 60, airflow.log_tails)


def wait_backfilled(airflow: AirflowStack, dag_id: str) -> None:
    """Wait until no backfill of the DAG is under way: Airflow makes one at a time, and looks every 30 s."""

    def done() -> bool:
        backfills = airflow.pages("/backfills", "backfills", dag_id=dag_id)
        return bool(backfills) and all(entry["completed_at"] for entry in backfills)

    wait_until(done, 90, airflow.log_tails)


@pytest.mark.skipif(VERSION < (3, 2), reason="Airflow 3.1 on SQLite answers POST /backfills with status 500")
def test_backfills(airflow: AirflowStack) -> None:
    day = "2026-02-03T00:00:00Z"
    old = deploy(airflow, "form_backfilled", CLOSED)
    run_id = backfill(airflow, "form_backfilled", old, day)
    assert airflow.wait_run("form_backfilled", run_id) == "failed"
    wait_backfilled(airflow, "form_backfilled")
    new = deploy(airflow, "form_backfilled", OPEN)

    with pytest.raises(ApiError) as refused:
        backfill(airflow, "form_backfilled", old, day)
    assert "fixed in the DAG file" in refused.value.body

    airflow.clear("form_backfilled", run_id)  # the run has the old conf
    assert airflow.wait_run("form_backfilled", run_id) == "success"
    assert backfill(airflow, "form_backfilled", new, day) == run_id  # the run keeps the old conf
    assert airflow.wait_run("form_backfilled", run_id) == "success"


CHILD = """
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG

with DAG("form_parent", schedule=None):
    TriggerDagRunOperator(task_id="child", trigger_dag_id="form_child", conf={"xcom_acl": {"*": "anyone"}})
"""


def test_every_way_to_make_a_run_refuses_an_override_and_says_why(airflow: AirflowStack) -> None:
    conf = deploy(airflow, "form_child", CLOSED)
    assert airflow.add_dag("form_parent", CHILD) == ["form_parent"]
    override = {**conf, "xcom_acl": {"*": "anyone"}}

    with pytest.raises(ApiError) as refused:
        airflow.trigger("form_child", override)
    assert refused.value.status == 400
    assert FIXED in refused.value.body

    by_command = airflow.run_cli("dags", "trigger", "form_child", "--conf", '{"xcom_acl": {"*": "anyone"}}')
    assert by_command.returncode != 0
    assert "fixed in the DAG file" in " ".join((by_command.stdout + by_command.stderr).split())

    run_id = airflow.trigger("form_parent")
    assert airflow.wait_run("form_parent", run_id) == "failed"
    told = "fixed in the DAG file" in airflow.task_log("form_parent", run_id, "child")
    assert told or VERSION < (3, 3)  # before that, the task's log has only an error of Airflow's own
    assert airflow.pages("/dags/form_child/dagRuns", "dag_runs", run_type="manual") == []
