"""Everybody who may ask for an XCom with `enforcement = worker`: docs/reference/who-asks.md, row by row."""

from __future__ import annotations

import pytest

from devtools.airflow_stack import AirflowStack
from tests.acceptance import who_asks
from tests.acceptance.conftest import Proofs

pytestmark = pytest.mark.timeout(900)
CELLS = who_asks.cells("worker")


@pytest.fixture(scope="module")
def asked(airflow: AirflowStack, proofs: Proofs) -> who_asks.Asked:
    return who_asks.ask(airflow, proofs)


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: f"{cell.row}-{cell.action}")
def test_everybody_gets_what_the_table_says(asked: who_asks.Asked, cell: who_asks.Cell) -> None:
    assert who_asks.problem(asked, cell) == ""


def test_the_table_has_every_row_that_was_run() -> None:
    missing = set(who_asks.NAMES.values()) - {cell.row for cell in CELLS}

    assert missing <= who_asks.DEADLINES
    assert len(CELLS) > 60


def test_what_was_pushed_by_whomever_is_pulled_by_the_next_task(asked: who_asks.Asked) -> None:
    found = asked.note("read_back")

    assert {row: outcome for row, outcome in found.items() if outcome != "as pushed"} == {
        "forged": "something else",  # it pushed under another task
        "on_retry": "something else",  # the second try removed it
    }
    assert {"execute", "external_python", "virtualenv", "bash", "fork"} <= found.keys()


def told(asked: who_asks.Asked, row: str, action: str) -> list[str]:
    return asked.note(row)[action].splitlines()


def test_a_deadlines_callback_in_the_triggerer_is_told_what_to_do(asked: who_asks.Asked) -> None:
    assert told(asked, "deadline_async", "pull")[:3] == [
        "XComAccessDenied: 'return_value' of produce may not be pulled: it is not known which task asks.",
        "This code runs in the triggerer, and Airflow does not say for which task. It never does for the callback of a "
        "deadline, and Airflow 3.1 does for no trigger.",
        "Pull in the task before it defers, and hand the value to the trigger.",
    ]


@pytest.mark.skipif(who_asks.VERSION < (3, 2), reason="Airflow runs no callbacks on executors before 3.2")
def test_a_callback_on_an_executor_is_told_what_to_do(asked: who_asks.Asked) -> None:
    assert told(asked, "deadline_sync", "pull")[:2] == [
        "XComAccessDenied: 'return_value' of produce may not be pulled: it is not known which task asks.",
        "This process is no task, and no task that talks to the same supervisor has started it. For example, "
        "Airflow runs callbacks on executors in such processes.",
    ]


def test_a_dags_callback_is_told_what_to_do(asked: who_asks.Asked) -> None:
    assert told(asked, "dag_callback", "push")[:3] == [
        "XComAccessDenied: 'by dag_callback' of execute may not be pushed: it is not known which task asks.",
        "This code runs in the DAG processor, and Airflow does not say for which task.",
        "Push and remove in a task, or in a callback that runs in the task's own process.",
    ]


def test_the_command_that_renders_templates_is_told_what_to_do(asked: who_asks.Asked) -> None:
    done = asked.airflow.run_cli("tasks", "render", "who_asks", "template", asked.runs["who_asks"])

    assert done.returncode == 1
    assert (
        "XComAccessDenied: 'return_value' of produce may not be pulled: it is not known which task asks." in done.stderr
    )
    assert "This process is no task" in done.stderr


@pytest.mark.parametrize("deserialize", ["true", "false"])
def test_rest_returns_the_reference(asked: who_asks.Asked, deserialize: str) -> None:
    path = f"/dags/who_asks/dagRuns/{asked.runs['who_asks']}/taskInstances/produce/xcomEntries/return_value"

    found = asked.airflow.api("GET", path, params={"deserialize": deserialize, "stringify": "false"})["value"]

    assert list(found) == ["exclusive_redis_xcom"]
