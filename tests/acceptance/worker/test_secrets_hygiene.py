"""A restricted value is shown by no log, rendered field or row of Airflow's, whatever its consumers do with it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from devtools.airflow_stack import AirflowStack
from tests.acceptance.conftest import Proofs

CONSUMERS = ["argument", "output_argument", "pulls", "one_of_many", "failing", "op_kwargs", "template"]


@pytest.fixture(scope="module")
def run_id(airflow: AirflowStack) -> str:
    run_id = airflow.trigger("hygiene")
    airflow.wait_run("hygiene", run_id, timeout=300)
    return run_id


@pytest.fixture(scope="module")
def canary(run_id: str, proofs: Proofs) -> str:
    canary = (proofs.folder / f"canary-{run_id}").read_text()
    assert len(canary) == 24
    return canary


def test_consumers_get_the_value_itself(airflow: AirflowStack, run_id: str) -> None:
    states = airflow.task_states("hygiene", run_id)

    wrong = {key: state for key, state in states.items() if state != ("failed" if key[0] == "failing" else "success")}
    assert len(states) == 16
    assert wrong == {}


def test_no_file_of_airflow_has_the_value(airflow: AirflowStack, canary: str) -> None:
    """All logs of tasks and components, and the database: rendered fields, XComs, audit log, whatever else it has.

    One log is left out. From 3.2, LocalExecutor repeats what tasks log on the scheduler's standard output. Its logger
    masks nothing, not even passwords of connections (`executors/local_executor.py`, `subprocess_logs_to_stdout`).
    docs/explanation/security.md says so.
    """
    files = [path for path in airflow.home.rglob("*") if path.is_file() and path.name != "scheduler.log"]

    assert any(path.name == "airflow.db" for path in files)
    assert len([path for path in files if path.suffix == ".log"]) > 15
    assert [str(path) for path in files if canary.encode() in path.read_bytes()] == []


@pytest.mark.parametrize("task_id", CONSUMERS)
def test_what_a_consumer_prints_is_starred(airflow: AirflowStack, run_id: str, canary: str, task_id: str) -> None:
    log = airflow.task_log("hygiene", run_id, task_id, map_index=1 if task_id == "one_of_many" else -1)

    assert canary not in log
    assert ("rendered ***" if task_id == "template" else "printed ***") in log or "printed {" in log
    assert "***" in log


def test_an_exception_that_quotes_the_value_is_starred(airflow: AirflowStack, run_id: str) -> None:
    assert "the service refused ***" in airflow.task_log("hygiene", run_id, "failing")


@pytest.mark.parametrize(("task_id", "map_index"), [("make", -1), ("each", 1), ("outputs", -1), ("classic", -1)])
def test_a_producer_does_not_log_what_it_returns(
    airflow: AirflowStack, run_id: str, canary: str, task_id: str, map_index: int
) -> None:
    log = airflow.task_log("hygiene", run_id, task_id, map_index=map_index)

    assert canary not in log
    assert "Returned value not shown" in log


@pytest.mark.parametrize(
    ("task_id", "field"),
    [("argument", "op_args"), ("op_kwargs", "op_kwargs"), ("template", "bash_command"), ("template", "env")],
)
def test_a_rendered_field_is_starred(airflow: AirflowStack, run_id: str, task_id: str, field: str) -> None:
    assert "***" in str(rendered_fields(airflow, run_id, task_id)[field])


def test_a_frame_is_not_shown(airflow: AirflowStack, run_id: str) -> None:
    assert rendered_fields(airflow, run_id, "frame")["op_args"] == ["<DataFrame 100x2, restricted>"]


def rendered_fields(airflow: AirflowStack, run_id: str, task_id: str) -> dict[str, Any]:
    query = "SELECT rendered_fields FROM rendered_task_instance_fields WHERE dag_id = ? AND run_id = ? AND task_id = ?"
    (row,) = airflow.rows(query, "hygiene", run_id, task_id)
    fields: dict[str, Any] = json.loads(row["rendered_fields"])
    return fields


def test_the_audit_log_has_the_run_and_no_value(airflow: AirflowStack, run_id: str, canary: str) -> None:
    rows = airflow.rows("SELECT * FROM log WHERE dag_id = ?", "hygiene")

    assert rows
    assert not [row for row in rows if canary in str(row)]
