"""The DAGs of `dags/` do what they do under Airflow's default backend, but for `differences.py`.

Tasks write down what they saw. That, all states and all keys of XComs are compared with the default backend's.
"""

from __future__ import annotations

import re

import pytest

from devtools.airflow_stack import airflow_version
from tests.acceptance.parity.conftest import DAGS, Run
from tests.acceptance.parity.differences import DIFFERENCES

# The first test waits for the Airflows.
pytestmark = pytest.mark.timeout(2400)

VERSION = ".".join(airflow_version().split(".")[:2])
DAG_IDS = sorted(
    dag_id
    for path in DAGS.glob("*.py")
    for dag_id in re.findall(r'^with DAG\(\s*"(\w+)"', path.read_text(), re.MULTILINE)
)

#: (DAG id, task id) that fails under any backend.
MEANT_TO_FAIL = {("parity_flow", "fails"), ("parity_callbacks", "fails")}

Changes = dict[tuple[str, str], set[tuple[str | None, str | None]]]


@pytest.fixture(params=["worker", "server"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def ours(mode: str, request: pytest.FixtureRequest) -> Run:
    run: Run = request.getfixturevalue(f"{mode}_run")
    return run


def changes(default: Run, ours: Run, dag_id: str) -> Changes:
    """Return (task_id, what) -> (under the default backend, under ours), where these differ."""
    found: Changes = {}
    for fact in default.facts.keys() | ours.facts.keys():
        pair = default.facts.get(fact), ours.facts.get(fact)
        if fact.dag_id == dag_id and pair[0] != pair[1]:
            found.setdefault((fact.task_id, fact.what), set()).add(pair)
    return found


def intended(dag_id: str, mode: str) -> Changes:
    found: Changes = {}
    for each in DIFFERENCES:
        if each.dag_id == dag_id and mode in each.modes and VERSION in each.versions:
            found.setdefault((each.task_id, each.what), set()).add((each.default, each.ours))
    return found


@pytest.mark.parametrize("dag_id", DAG_IDS)
def test_a_dag_does_what_it_does_under_the_default_backend(default_run: Run, ours: Run, mode: str, dag_id: str) -> None:
    assert changes(default_run, ours, dag_id) == intended(dag_id, mode)


@pytest.mark.parametrize("dag_id", DAG_IDS)
def test_a_dag_ran_and_its_tasks_saw_something(default_run: Run, dag_id: str) -> None:
    found = {fact.what.partition(" ")[0] for fact in default_run.facts if fact.dag_id == dag_id}

    assert {"state", "saw"} <= found


def test_nothing_fails_under_the_default_backend_but_what_is_meant_to(default_run: Run) -> None:
    failed = {
        (fact.dag_id, fact.task_id)
        for fact, state in default_run.facts.items()
        if fact.what == "state" and state not in ("success", "skipped")
    }

    assert failed == MEANT_TO_FAIL


def test_every_difference_has_a_reason_and_is_of_a_dag_here() -> None:
    assert {each.dag_id for each in DIFFERENCES} <= set(DAG_IDS)
    assert all(each.reason.endswith(".") for each in DIFFERENCES)
