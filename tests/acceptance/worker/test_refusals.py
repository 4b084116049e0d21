"""Who is refused, in a real run: the tasks of dags/refusals.py say by their names what must happen to them."""

from __future__ import annotations

import re

import pytest

from devtools.airflow_stack import AirflowStack

CANARY = "canary-5dd1f5b2"


@pytest.fixture(scope="module")
def run_id(airflow: AirflowStack) -> str:
    run_id = airflow.trigger("refusals")
    airflow.wait_run("refusals", run_id, timeout=300)
    return run_id


@pytest.fixture
def refused_in_a_slice() -> int:
    """How many of three results of a mapped task are refused in a pull of all: here, each of them is asked for."""
    return 3


def test_declared_consumers_succeed_and_others_fail(airflow: AirflowStack, run_id: str) -> None:
    states = airflow.task_states("refusals", run_id)

    wrong = {
        key: state
        for key, state in states.items()
        if state != ("failed" if key[0].startswith("denied_") else "success")
    }
    assert len(states) > 15
    assert wrong == {}


@pytest.mark.parametrize(
    ("task_id", "map_index"),
    [
        ("denied_argument", -1),
        ("denied_pull", -1),
        ("denied_pull_one", -1),
        ("denied_among_many", -1),
        ("denied_prior_dates", -1),
        ("denied_template", -1),
        ("denied_lazy_item", -1),
        ("denied_lazy_slice", -1),
        ("denied_mapped_pull", -1),
        ("denied_each", 1),
    ],
)
def test_the_refusal_names_the_xcom_who_asked_who_may_and_the_remedy(
    airflow: AirflowStack, run_id: str, refused_in_a_slice: int, task_id: str, map_index: int
) -> None:
    log = airflow.task_log("refusals", run_id, task_id, map_index=map_index)

    assert "XComAccessDenied" in log
    asker = task_id if map_index < 0 else f"{task_id}[{map_index}]"
    decision = re.search(rf"\b{re.escape(asker)} may not pull '\w+' of \w+(\[\d+\])?: only allowed.* may\.", log)
    assert decision is not None
    assert len(decision[0]) <= 100
    assert "allows only 'allowed" in log
    assert "To allow it, add " in log
    refused_values = refused_in_a_slice if task_id in ("denied_lazy_slice", "denied_mapped_pull") else 1
    assert log.count("XCom pull refused: key '") == refused_values
    assert log.count(decision[0]) == (2 if task_id in ("denied_argument", "denied_template") else 1)


@pytest.mark.parametrize("task_id", ["denied_set", "denied_delete"])
def test_nobody_writes_or_removes_the_xcom_of_another_task(airflow: AirflowStack, run_id: str, task_id: str) -> None:
    assert "A task instance may write and remove only its own XComs." in airflow.task_log("refusals", run_id, task_id)


def test_no_part_of_the_value_is_in_the_database_or_in_a_refused_tasks_log(airflow: AirflowStack, run_id: str) -> None:
    refused = [key for key, state in airflow.task_states("refusals", run_id).items() if state == "failed"]
    texts = [airflow.task_log("refusals", run_id, task_id, map_index=index) for task_id, index in refused]
    texts += [str(row["value"]) for row in airflow.xcom_rows("refusals", run_id)]

    assert texts
    assert not [text for text in texts if CANARY in text]


def test_another_dag_is_served_only_where_it_is_named(airflow: AirflowStack, run_id: str) -> None:
    elsewhere = airflow.trigger("elsewhere", conf={"run_id": run_id})
    airflow.wait_run("elsewhere", elsewhere, timeout=120)

    states = {task_id: state for (task_id, _), state in airflow.task_states("elsewhere", elsewhere).items()}
    assert states == {"welcome": "success", "denied_stranger": "failed", "allowed": "failed"}
    log = airflow.task_log("elsewhere", elsewhere, "denied_stranger")
    assert "elsewhere/denied_stranger may not pull 'token' of produce: only allowed" in log
    assert (
        "To allow it, add elsewhere/denied_stranger to the consumers of xcom_acl['produce']['token'] at refusals.py:"
        in log
    )


def test_a_value_that_expired_is_a_loud_error_that_is_no_refusal(airflow: AirflowStack) -> None:
    run_id = airflow.trigger("expiry")

    assert airflow.wait_run("expiry", run_id, timeout=120) == "failed"
    log = airflow.task_log("expiry", run_id, "too_late")
    assert "XComExpired" in log
    assert "with a TTL of 1 s" in log
    assert "'return_value' of short_lived is no longer in Redis: it expired." in log
    assert "Clear short_lived to push it again." in log
    assert "XComAccessDenied" not in log


def test_a_rule_of_the_same_run_refuses_its_consumer_from_another_run(airflow: AirflowStack) -> None:
    first = airflow.trigger("same_run", conf={"other_run": "none"})
    airflow.wait_run("same_run", first, timeout=120)
    second = airflow.trigger("same_run", conf={"other_run": first})
    airflow.wait_run("same_run", second, timeout=120)

    states = {task_id: state for (task_id, _), state in airflow.task_states("same_run", second).items()}
    assert states["reader"] == "success"
    assert "XComAccessDenied" in airflow.task_log("same_run", second, "reader_of_other_runs")
