"""Who is refused in tests/acceptance is refused here, too, with the same texts."""

from __future__ import annotations

import pytest

from tests.acceptance.conftest import DAGS
from tests.acceptance.worker.test_refusals import (  # noqa: F401 - the tests themselves, on this installation
    run_id,
    test_a_rule_of_the_same_run_refuses_its_consumer_from_another_run,
    test_a_value_that_expired_is_a_loud_error_that_is_no_refusal,
    test_another_dag_is_served_only_where_it_is_named,
    test_declared_consumers_succeed_and_others_fail,
    test_no_part_of_the_value_is_in_the_database_or_in_a_refused_tasks_log,
    test_nobody_writes_or_removes_the_xcom_of_another_task,
    test_the_refusal_names_the_xcom_who_asked_who_may_and_the_remedy,
)
from tests.production.conftest import Installation

pytestmark = pytest.mark.timeout(600, func_only=True)


@pytest.fixture
def refused_in_a_slice(mode: str) -> int:
    """How many of three results are refused in a pull of all. In server mode, the first refusal ends the pull."""
    return {"worker": 3, "server": 1}[mode]


@pytest.fixture(scope="module", autouse=True)
def dags(installation: Installation) -> None:
    installation.add_dags(DAGS / "refusals.py")
