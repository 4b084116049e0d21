"""Pulls that need no API call, in a real run. What is expected is asserted inside the tasks: dags/direct.py."""

from __future__ import annotations

import pytest

from devtools.airflow_stack import AirflowStack


@pytest.fixture(scope="module")
def run_id(airflow: AirflowStack) -> str:
    triggered = airflow.trigger("pulls_direct")
    airflow.wait_run("pulls_direct", triggered, timeout=240)
    return triggered


def test_tasks_get_what_was_pushed_without_asking_airflow_for_it(airflow: AirflowStack, run_id: str) -> None:
    states = airflow.task_states("pulls_direct", run_id)

    assert {state: key for key, state in states.items() if state != "success"} == {}


def test_so_do_callbacks(airflow: AirflowStack, run_id: str) -> None:
    rows = {(row["task_id"], row["key"]) for row in airflow.xcom_rows("pulls_direct", run_id)}

    assert ("with_a_callback", "called back") in rows
