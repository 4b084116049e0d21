"""The parity DAGs of tests/acceptance do here what they do under Airflow's default backend, but for its differences."""

from __future__ import annotations

import pytest

from tests.acceptance.parity.conftest import Run
from tests.acceptance.parity.facts import Fact
from tests.acceptance.parity.test_parity_dags import DAG_IDS, MEANT_TO_FAIL, changes, intended
from tests.production.conftest import Installation

# The first test waits for installations, which have time limits of their own.
pytestmark = [pytest.mark.timeout(900, func_only=True), pytest.mark.in_full]


@pytest.mark.parametrize("dag_id", DAG_IDS)
def test_a_dag_does_what_it_does_under_the_default_backend(
    default_facts: dict[Fact, str], installation: Installation, dag_id: str
) -> None:
    found = changes(Run({}, default_facts), Run({}, installation.facts), dag_id)

    assert found == intended(dag_id, installation.mode)


def test_nothing_fails_under_the_default_backend_but_what_is_meant_to(default_facts: dict[Fact, str]) -> None:
    states = {fact: state for fact, state in default_facts.items() if fact.what == "state"}

    assert {fact.dag_id for fact in states} == set(DAG_IDS)
    failed = {(fact.dag_id, fact.task_id) for fact, state in states.items() if state not in ("success", "skipped")}
    assert failed == MEANT_TO_FAIL
