"""Airflow's own example DAGs end in the same task states and XCom values as under Airflow's default backend.

Every selected DAG is run once in each of two Airflows (`conftest.py`). One has Airflow's default backend.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from devtools.redis_server import RedisServer
from exclusive_redis_xcom.connection import RedisClient, Timeouts
from exclusive_redis_xcom.connection.url import options_from_url
from exclusive_redis_xcom.formats import reference
from exclusive_redis_xcom.store import Store
from tests.acceptance.parity import example_files
from tests.acceptance.parity.conftest import Run
from tests.acceptance.parity.outcome import (
    TIME,
    Address,
    Outcome,
    default_round_trip,
    default_value,
    our_value,
    typed,
    without,
)

# The first test waits for the Airflows.
pytestmark = pytest.mark.timeout(2400)

#: (DAG id, task id) that fails under any backend.
MEANT_TO_FAIL = {
    ("example_failed_dag", "fail_task"),
    # Airflow 3.1's looks for files of Airflow's own source tree.
    ("example_bash_decorator", "get_file_stats"),
}

#: Keys that stay plain values in Airflow's database, since its scheduler reads them there.
AIRFLOW_KEYS = {"skipmixin_key", "past_depends_met"}

#: (DAG id, task id) whose values hold the time of the run: what `stat` says of the DAG file, `datetime.now()`.
TELL_THE_TIME = {("example_bash_decorator", "get_file_stats"), ("example_task_state_store_mapped", "process_table")}

#: (DAG id, task id) whose values hold the path of AIRFLOW_HOME.
TELL_THE_HOME = {
    (dag_id, task_id)
    for dag_id in ("example_bash_decorator", "example_bash_operator")
    for task_id in ("describe_dag_folder", "show_dag_folder_stats")
}

FILES = example_files.to_run()


@dataclass(frozen=True)
class Outcomes:
    """By DAG id, under Airflow's default backend and under ours."""

    default: dict[str, Outcome]
    ours: dict[str, Outcome]

    def of(self, file: str) -> list[tuple[str, Outcome, Outcome]]:
        return [(dag_id, found, self.ours[dag_id]) for dag_id, found in self.default.items() if found.file == file]


@pytest.fixture(scope="module")
def outcomes(default_run: Run, worker_run: Run) -> Outcomes:
    return Outcomes(default=default_run.examples, ours=worker_run.examples)


@pytest.fixture(scope="module")
def store(redis_server: RedisServer) -> Iterator[Store]:
    client = RedisClient(options_from_url(redis_server.url), Timeouts(connect=2, read=5, deadline=10))
    yield Store(client, key_prefix="exclusive_redis_xcom")
    client.close()


@pytest.mark.parametrize("topic", example_files.TOPICS)
def test_there_are_examples_about_every_topic(topic: str) -> None:
    texts = {name: path.read_text() for name, path in example_files.selected().items() if name in FILES}

    assert len([name for name, text in texts.items() if topic in example_files.topics(name, text)]) > 1


def test_every_example_about_these_topics_is_run_or_left_out_for_a_reason(outcomes: Outcomes) -> None:
    run = {outcome.file for outcome in outcomes.ours.values()}

    assert set(example_files.selected()) - run - set(example_files.LEFT_OUT) == set()


def test_nothing_fails_under_the_default_backend_but_what_is_meant_to(outcomes: Outcomes) -> None:
    failed = {
        (dag_id, task_id)
        for dag_id, outcome in outcomes.default.items()
        for (task_id, _), state in outcome.states.items()
        if state not in ("success", "skipped")
    }

    assert failed - MEANT_TO_FAIL == set()


@pytest.mark.parametrize("file", FILES)
def test_tasks_end_in_the_states_they_have_under_the_default_backend(outcomes: Outcomes, file: str) -> None:
    pairs = outcomes.of(file)

    assert pairs
    for dag_id, default, ours in pairs:
        assert (dag_id, ours.run_state, ours.states) == (dag_id, default.run_state, default.states)


@pytest.mark.parametrize("file", FILES)
def test_xcoms_have_the_values_they_have_under_the_default_backend(outcomes: Outcomes, store: Store, file: str) -> None:
    for dag_id, default, ours in outcomes.of(file):
        expected = {address: default_value(row) for address, row in default.rows.items()}
        found = {address: pulled(address, row, store) for address, row in ours.rows.items()}
        # The default backend changes some types on the way, such as keys of a dict that are no strings.
        carried = {address: default_round_trip(value) for address, value in found.items()}
        assert comparable(dag_id, ours, carried) == comparable(dag_id, default, expected)


def pulled(address: Address, row: Any, store: Store) -> Any:
    return default_value(row) if address[2] in AIRFLOW_KEYS else our_value(row, store)


def comparable(dag_id: str, outcome: Outcome, values: dict[Address, Any]) -> dict[Address, Any]:
    home = re.compile(re.escape(os.fspath(outcome.home)))
    return {
        address: typed(without_what_is_the_runs_own(value, home, (dag_id, address[0])))
        for address, value in values.items()
    }


def without_what_is_the_runs_own(value: Any, home: re.Pattern[str], task: tuple[str, str]) -> Any:
    if task in TELL_THE_HOME:
        value = without(home, value)
    if task in TELL_THE_TIME:
        value = without(TIME, value)
    return value


def test_the_database_holds_references_but_for_what_airflows_scheduler_reads(outcomes: Outcomes) -> None:
    rows = [(address[2], row) for outcome in outcomes.ours.values() for address, row in outcome.rows.items()]

    plain = {key for key, row in rows if not reference.is_reference(row)}

    assert len(rows) > 100
    assert plain == {"skipmixin_key"}
