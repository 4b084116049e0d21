"""Recipes of docs/how-to/recipes that need a scheduler: an asset starts a run, and tasks are cleared."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from devtools.airflow_stack import ROOT, AirflowStack, wait_until
from devtools.components import OURS
from devtools.worlds.fresh_process import start_afresh
from exclusive_redis_xcom import cli

RECIPES = ROOT / "examples" / "recipes"
Command = Callable[[str], tuple[int, list[str]]]


@pytest.fixture
def exclusive_xcom(
    airflow: AirflowStack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], warm_parsing: None
) -> Command:
    """Run a command in the folder of `dags`; return its exit status and standard output."""
    for name, text in airflow.env.items():
        if name.startswith(OURS):
            monkeypatch.setenv(name, text)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(airflow.home)
    start_afresh()

    def run(command: str) -> tuple[int, list[str]]:
        capsys.readouterr()
        status = cli.main(command.split())
        return status, capsys.readouterr().out.splitlines()

    return run


def states(airflow: AirflowStack, dag_id: str, run_id: str) -> dict[str, str | None]:
    return {task_id: state for (task_id, _), state in airflow.task_states(dag_id, run_id).items()}


def page(name: str) -> str:
    """A recipe's page, without the indentation of its lists."""
    lines = (ROOT / "docs/how-to/recipes" / name).read_text().splitlines()
    return "\n".join(map(str.strip, lines))


def test_a_report_is_shared_with_one_task_of_another_dag(airflow: AirflowStack) -> None:
    source = (RECIPES / "shared_report.py").read_text()
    assert airflow.add_dag("shared_report", source) == ["mail_report", "sales_report"]

    made = airflow.trigger("sales_report")
    assert airflow.wait_run("sales_report", made) == "success"
    assert "\nGET /api/v2/dags/~/dagRuns?state=running&state=queued\n" in page("moving-backends.md")
    waiting = airflow.api("GET", "/dags/~/dagRuns", params={"state": ["running", "queued"]})
    assert {run["state"] for run in waiting["dag_runs"]} <= {"running", "queued"}
    assert waiting["total_entries"] == len(waiting["dag_runs"])
    (mailed, *_) = wait_until(
        lambda: [run["dag_run_id"] for run in airflow.pages("/dags/mail_report/dagRuns", "dag_runs")],
        60,
        lambda: "the asset started no run",
    )
    assert airflow.wait_run("mail_report", mailed) == "failed"

    assert states(airflow, "mail_report", mailed) == {"send": "success", "archive": "failed"}
    sent, refused = (
        "mail: {'north': 120, 'south': 80}",
        "XComAccessDenied: mail_report/archive may not pull 'return_value' of make_report: "
        "only check and mail_report/send may.",
    )
    assert sent in airflow.task_log("mail_report", mailed, "send")
    assert f"\n{refused}\n" in airflow.task_log("mail_report", mailed, "archive")
    assert f"\n{sent}\n" in page("shared-report.md")
    assert f"\n{refused}\n" in page("shared-report.md")


def test_after_a_change_of_a_rule_the_producer_is_cleared(airflow: AirflowStack, exclusive_xcom: Command) -> None:
    def readers() -> str:
        status, (_, line) = exclusive_xcom(f"ls rule_changed/issue --run {run_id}")
        assert status == 0
        return line.rpartition("  ")[2]

    source = (RECIPES / "rule_changed.py").read_text()
    before = airflow.home / "before"
    before.mkdir()
    (before / "rule_changed.py").write_text(source)
    assert airflow.add_dag("rule_changed", source) == ["rule_changed"]
    run_id = airflow.trigger("rule_changed")
    assert airflow.wait_run("rule_changed", run_id) == "failed"
    assert states(airflow, "rule_changed", run_id) == {"issue": "success", "load": "success", "audit": "failed"}

    status, lines = exclusive_xcom("lint dags/rule_changed.py")
    assert (status, [line for line in lines if "error EX122: DAG 'rule_changed': audit pulls 'token'" in line]) == (
        1,
        lines[:1],
    )
    airflow.add_dag("rule_changed", source.replace('RULE = ["load"]', 'RULE = ["load", "audit"]'))

    assert exclusive_xcom("lint dags/rule_changed.py") == (0, ["No findings."])
    status, lines = exclusive_xcom("diff before dags/rule_changed.py")
    assert (status, lines[:2]) == (1, ["GAINED", "  rule_changed/audit may now read rule_changed/issue:token"])
    assert exclusive_xcom("can-pull rule_changed/audit rule_changed/issue:token --dags dags/rule_changed.py") == (
        0,
        ["yes"],
    )
    assert readers() == "'load'"
    airflow.clear("rule_changed", run_id, ["audit"])
    assert airflow.wait_run("rule_changed", run_id) == "failed"
    refused = (
        "XComAccessDenied: audit may not pull 'token' of issue: only load may.\n"
        "Rule: xcom_acl['issue']['token'] at rule_changed.py allows only 'load'.\n"
        "To allow it, add audit to the consumers of xcom_acl['issue']['token'] at rule_changed.py: "
        "['load', 'audit']. Then clear issue: the rule is stored with the value.\n"
    )
    assert refused in airflow.task_log("rule_changed", run_id, "audit", 2)
    assert refused in page("rule-changed.md")

    airflow.clear("rule_changed", run_id, ["issue", "audit"])
    assert airflow.wait_run("rule_changed", run_id) == "success"
    assert readers() == "'load', 'audit'"
