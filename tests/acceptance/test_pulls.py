"""All of Airflow's ways to push and pull, in a real run. What is expected is asserted inside the tasks: dags/."""

from __future__ import annotations

import json

import pytest

from devtools.airflow_stack import AirflowStack, airflow_version
from tests.acceptance.conftest import Proofs

VERSION = tuple(int(part) for part in airflow_version().split(".")[:2])


def states_of(airflow: AirflowStack, dag_id: str, run_id: str) -> dict[str, set[str | None]]:
    states: dict[str, set[str | None]] = {}
    for (task_id, _), state in airflow.task_states(dag_id, run_id).items():
        states.setdefault(task_id, set()).add(state)
    return states


@pytest.mark.parametrize(
    "dag_id", ["pulls_plain", "pulls_mapped", "pulls_setup_teardown", "flow_sensors", "flow_deferrable", "flow_retries"]
)
def test_every_way_of_pulling_gets_what_was_pushed(airflow: AirflowStack, dag_id: str) -> None:
    run_id = airflow.trigger(dag_id)

    assert airflow.wait_run(dag_id, run_id, timeout=240) == "success", airflow.task_states(dag_id, run_id)


@pytest.mark.skipif(VERSION < (3, 3), reason="Airflow has asynchronous XCom calls from 3.3")
def test_the_asynchronous_pulls_get_what_was_pushed(airflow: AirflowStack) -> None:
    run_id = airflow.trigger("pulls_async")

    assert airflow.wait_run("pulls_async", run_id, timeout=240) == "success"


def test_branches_and_short_circuits_skip_what_they_should(airflow: AirflowStack) -> None:
    run_id = airflow.trigger("flow_branching")

    assert airflow.wait_run("flow_branching", run_id, timeout=240) == "success"
    states = states_of(airflow, "flow_branching", run_id)
    skipped = {task_id for task_id, found in states.items() if found == {"skipped"}}
    assert skipped == {"not_taken", "behind_short_circuit"}


def test_a_cleared_skipped_branch_is_skipped_again(airflow: AirflowStack) -> None:
    run_id = airflow.trigger("flow_branching")
    airflow.wait_run("flow_branching", run_id, timeout=240)

    airflow.clear("flow_branching", run_id, ["not_taken"])

    assert airflow.wait_run("flow_branching", run_id, timeout=240) == "success"
    assert states_of(airflow, "flow_branching", run_id)["not_taken"] == {"skipped"}


def test_the_keys_that_the_scheduler_reads_stay_plain_in_the_database(airflow: AirflowStack) -> None:
    run_id = airflow.trigger("flow_branching")
    airflow.wait_run("flow_branching", run_id, timeout=240)

    rows = {row["key"]: json.loads(row["value"]) for row in airflow.xcom_rows("flow_branching", run_id)}

    assert rows["skipmixin_key"] in ({"followed": ["taken"]}, {"skipped": ["behind_short_circuit"]})


def test_callbacks_pull_and_push_as_their_task(airflow: AirflowStack, proofs: Proofs) -> None:
    run_id = airflow.trigger("flow_callbacks")
    airflow.wait_run("flow_callbacks", run_id, timeout=240)

    expected = {"success-own", "success-upstream", "failure-own", "failure-upstream", "failure-pushed"}
    assert proofs.of(run_id) == expected
