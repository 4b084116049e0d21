"""The parity DAGs of tests/acceptance do here what they do under Airflow's default backend, but for its differences."""

from __future__ import annotations

import pytest

from tests.acceptance.parity.conftest import Run
from tests.acceptance.parity.facts import Fact
from tests.acceptance.parity.test_parity_dags import DAG_IDS, MEANT_TO_FAIL, Changes, changes, intended
from tests.production.conftest import Installation
from tests.production.dict_order import without_order

# The first test waits for installations, which have time limits of their own.
pytestmark = [pytest.mark.timeout(900, func_only=True), pytest.mark.in_full]


@pytest.mark.parametrize("dag_id", DAG_IDS)
def test_a_dag_does_what_it_does_under_the_default_backend(
    default_facts: dict[Fact, str], installation: Installation, dag_id: str
) -> None:
    found = changes(Run({}, default_facts), Run({}, installation.facts), dag_id)

    assert without_orders(found) == without_orders(intended(dag_id, installation.mode))


def without_orders(found: Changes) -> Changes:
    """Leave out what differs in the order of keys alone."""
    changed: Changes = {}
    for where, pairs in found.items():
        for pair in pairs:
            default, ours = (None if text is None else without_order(text) for text in pair)
            if default != ours:
                changed.setdefault(where, set()).add((default, ours))
    return changed


def test_the_order_of_keys_stays_as_pushed(default_facts: dict[Fact, str], installation: Installation) -> None:
    """On PostgreSQL, the default backend gives the keys back in the order of JSONB."""

    def pulled(found: dict[Fact, str]) -> set[str]:
        return {text for fact, text in found.items() if fact.what == "saw pull OrderedDict"}

    assert pulled(default_facts) == {"dict{'a': 2, 'b': 1}"}
    assert pulled(installation.facts) == {"collections.OrderedDict{'b': 1, 'a': 2}"}


def test_nothing_fails_under_the_default_backend_but_what_is_meant_to(default_facts: dict[Fact, str]) -> None:
    states = {fact: state for fact, state in default_facts.items() if fact.what == "state"}

    assert {fact.dag_id for fact in states} == set(DAG_IDS)
    failed = {(fact.dag_id, fact.task_id) for fact, state in states.items() if state not in ("success", "skipped")}
    assert failed == MEANT_TO_FAIL
