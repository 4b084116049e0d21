"""Everybody who may ask for an XCom with `enforcement = server`: docs/reference/who-asks.md, row by row."""

from __future__ import annotations

import pytest

from devtools.airflow_stack import AirflowStack
from tests.acceptance import who_asks
from tests.acceptance.conftest import Proofs

pytestmark = pytest.mark.timeout(900)
CELLS = who_asks.cells("server")


@pytest.fixture(scope="module")
def asked(server_airflow: AirflowStack, proofs: Proofs) -> who_asks.Asked:
    return who_asks.ask(server_airflow, proofs)


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
        "raw_message": "InvalidReference",
        "without_environment": "InvalidReference",
    }
    assert {"execute", "external_python", "virtualenv", "bash", "fork"} <= found.keys()


def test_a_process_that_claims_to_be_another_task_is_told_by_the_api_server(asked: who_asks.Asked) -> None:
    assert asked.note("named")["pull"] == "value"
    assert "The API server knows this task by another identity" in asked.note("forged")["pull"]
    assert "A task instance may write and remove only its own XComs." in asked.note("forged")["push"]
