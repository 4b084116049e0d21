"""A task that returns far too much fails at once, and says why. Airflow's own line about the value is short."""

from __future__ import annotations

from typing import Any

import pytest

from devtools.airflow_stack import AirflowStack

TOO_LARGE = {
    "decorated": "bytes, 140000000 bytes",
    "classic": "str, 140000000 characters",
    "nested": "dict of 1",
    "short_circuit": "bytes, 140000000 bytes",
    "external": "bytes, 140000000 bytes",
    "asynchronous": "bytes, 140000000 bytes",
}


@pytest.fixture(scope="module")
def run_id(airflow: AirflowStack) -> str:
    run_id = airflow.trigger("returns")
    airflow.wait_run("returns", run_id, timeout=300)
    return run_id


@pytest.fixture(scope="module")
def states(airflow: AirflowStack, run_id: str) -> dict[str, Any]:
    return {task_id: state for (task_id, _), state in airflow.task_states("returns", run_id).items()}


def lines_with(log: str, words: str) -> list[str]:
    return [line for line in log.splitlines() if words in line]


@pytest.mark.parametrize("task_id", TOO_LARGE)
def test_what_is_too_large_is_refused_and_not_logged(
    airflow: AirflowStack, run_id: str, states: dict[str, Any], task_id: str
) -> None:
    if task_id not in states:
        pytest.skip("this Airflow has no asynchronous Python tasks")
    log = airflow.task_log("returns", run_id, task_id)

    assert states[task_id] == "failed"
    assert "XComTooLarge" in log
    (line,) = lines_with(log, "Returned value was")
    assert f"Done. Returned value was: <{TOO_LARGE[task_id]}: too long for the log>" in line
    assert len(log) < 100_000


def test_a_condition_is_not_logged_either(airflow: AirflowStack, run_id: str) -> None:
    (line,) = lines_with(airflow.task_log("returns", run_id, "short_circuit"), "Condition result")

    assert "Condition result is <bytes, 140000000 bytes: too long for the log>" in line


@pytest.mark.parametrize("task_id", ["restricted", "restricted_condition"])
def test_a_value_that_has_a_rule_is_not_logged(
    airflow: AirflowStack, run_id: str, states: dict[str, Any], task_id: str
) -> None:
    assert states[task_id] == "success"
    assert "s3cr3t" not in airflow.task_log("returns", run_id, task_id)


def test_a_small_value_is_logged_as_ever(airflow: AirflowStack, run_id: str, states: dict[str, Any]) -> None:
    assert states["small"] == "success"
    assert "Done. Returned value was: ['a', 'value']" in airflow.task_log("returns", run_id, "small")
