"""Recipes of docs/how-to/recipes that need a scheduler: assets, and tasks that are cleared."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from devtools.airflow_stack import ROOT, AirflowStack, wait_until

RECIPES = ROOT / "examples" / "recipes"


def states(airflow: AirflowStack, dag_id: str, run_id: str) -> dict[str, str | None]:
    return {task_id: state for (task_id, _), state in airflow.task_states(dag_id, run_id).items()}


def exclusive_xcom(airflow: AirflowStack, arguments: str) -> tuple[int, list[str]]:
    """Run a command of a page where the folder `dags` is."""
    program = Path(sys.executable).with_name("exclusive-xcom")
    done = subprocess.run(
        [program, *arguments.split()],
        env={**airflow.env, "COLUMNS": "200"},
        cwd=airflow.home,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout.splitlines()


def test_a_report_is_shared_with_one_task_of_another_dag(airflow: AirflowStack) -> None:
    source = (RECIPES / "shared_report.py").read_text()
    assert airflow.add_dag("shared_report", source) == ["mail_report", "sales_report"]

    made = airflow.trigger("sales_report")
    assert airflow.wait_run("sales_report", made) == "success"
    mailed = wait_until(
        lambda: [run["dag_run_id"] for run in airflow.pages("/dags/mail_report/dagRuns", "dag_runs")],
        60,
        lambda: "the asset started no run",
    )[0]
    assert airflow.wait_run("mail_report", mailed) == "failed"

    assert states(airflow, "mail_report", mailed) == {"send": "success", "archive": "failed"}
    assert "mail: {'north': 120, 'south': 80}" in airflow.task_log("mail_report", mailed, "send")
    assert (
        "mail_report/archive may not pull 'return_value' of make_report in DAG 'sales_report': only check and "
        "mail_report/send may."
    ) in airflow.task_log("mail_report", mailed, "archive")


def test_after_a_change_of_a_rule_the_producer_is_cleared(airflow: AirflowStack) -> None:
    source = (RECIPES / "rule_changed.py").read_text()
    assert airflow.add_dag("rule_changed", source) == ["rule_changed"]
    run_id = airflow.trigger("rule_changed")
    assert airflow.wait_run("rule_changed", run_id) == "failed"
    assert states(airflow, "rule_changed", run_id) == {"issue": "success", "load": "success", "audit": "failed"}
    (airflow.home / "before.py").write_text(source)

    airflow.add_dag("rule_changed", source.replace('RULE = ["load"]', 'RULE = ["load", "audit"]'))
    print(
        "CAN",
        exclusive_xcom(airflow, "can-pull rule_changed/audit rule_changed/issue:token --dags dags/rule_changed.py"),
    )
    print("SHOW", exclusive_xcom(airflow, f"show rule_changed/issue:token --run {run_id}"))
    print("LS", exclusive_xcom(airflow, f"ls rule_changed/issue --run {run_id}"))
    print(
        "EXPLAIN",
        exclusive_xcom(airflow, "explain rule_changed/issue:token rule_changed/audit --dags dags/rule_changed.py"),
    )
    print("LINT", exclusive_xcom(airflow, "lint dags/rule_changed.py"))
    print("DIFF", exclusive_xcom(airflow, "diff before.py dags/rule_changed.py"))

    airflow.clear("rule_changed", run_id, ["audit"])
    assert airflow.wait_run("rule_changed", run_id) == "failed"
    print("LOG", airflow.task_log("rule_changed", run_id, "audit", 2))
    assert states(airflow, "rule_changed", run_id)["audit"] == "failed"

    airflow.clear("rule_changed", run_id, ["issue", "audit"])
    assert airflow.wait_run("rule_changed", run_id) == "success"
    print("LS", exclusive_xcom(airflow, f"ls rule_changed/issue --run {run_id}"))
    assert os.environ.get("X")
