"""Play the same runs in one Airflow after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from devtools.airflow_api import FINAL_STATES, wait_until
from devtools.local_airflow import LocalAirflow
from tests.acceptance.parity.outcome import RUN_ID

#: A Monday, and an even minute: what the examples that branch by the date look at.
LOGICAL_DATE = "2026-01-05T00:00:00Z"
NEXT_DAY = "2026-01-06T00:00:00Z"
NEXT_RUN_ID = "parity-next-day"

#: Parity DAGs whose runs begin by themselves: other DAGs, an asset or a backfill start them.
START_BY_THEMSELVES = {"parity_child", "parity_grandchild", "parity_asset_target", "parity_backfill"}
BACKFILL = {"dag_id": "parity_backfill", "from_date": "2026-01-01T00:00:00Z", "to_date": "2026-01-02T00:00:00Z"}


def play(airflow: LocalAirflow, files: Iterable[str], conf: Mapping[str, dict[str, Any]], seen: Path) -> dict[str, str]:
    """Run every DAG of the files, all at the same time, then what comes after a first run. Return DAG id -> file.

    Args:
        airflow: Whose new DAGs are paused: no run starts before the last has been triggered, so that triggering
            does not wait for SQLite's one lock.
        files: Names of files in its DAGs folder; there are no others with DAGs.
        conf: DAG id -> what its run is triggered with.
        seen: Where the tasks write down what they see.
    """
    file_of = _wait_parsed(airflow, set(files))
    for dag_id in sorted(set(file_of) - START_BY_THEMSELVES):
        airflow.trigger(dag_id, conf.get(dag_id), RUN_ID, LOGICAL_DATE)
    # The backfill is made while its DAG is paused, so that it finds none of its runs begun.
    airflow.backfill({**BACKFILL, "max_active_runs": 2})
    airflow.api("PATCH", "/dags", json={"is_paused": False}, params={"dag_id_pattern": "%", "limit": 100})
    _wait_finished(airflow, set(file_of))
    airflow.clear("parity_cleared", RUN_ID, ["produce", ("each", 1)], include_downstream=True)
    airflow.trigger("parity_earlier_runs", run_id=NEXT_RUN_ID, logical_date=NEXT_DAY)
    _wait_finished(airflow, set(file_of))
    # A callback of a DAG runs after its run, in the DAG processor. It alone sees something in this DAG.
    wait_until(lambda: list(seen.glob("parity_dag_callback-*")), 60, lambda: "the callback of a DAG did not run")
    return file_of


def run_states(airflow: LocalAirflow) -> dict[tuple[str, str], str]:
    """Return (DAG id, run id) -> state."""
    runs = airflow.rows("SELECT dag_id, run_id, state FROM dag_run")
    return {(run["dag_id"], run["run_id"]): str(run["state"]) for run in runs}


def _wait_parsed(airflow: LocalAirflow, files: set[str]) -> dict[str, str]:
    """Return DAG id -> file name, once every file has been parsed.

    Raises:
        TimeoutError: A file brings no DAG; the text has the import errors.
    """

    def parsed() -> dict[str, str] | None:
        found = airflow.files_of_dags()
        return found if set(found.values()) == files else None

    return wait_until(parsed, 180, lambda: f"not all files have DAGs; import errors: {airflow.import_errors()}")


def _wait_finished(airflow: LocalAirflow, dag_ids: set[str]) -> None:
    """Wait until every DAG has a run and all runs are over."""

    def finished() -> bool:
        found = run_states(airflow)
        return {dag_id for dag_id, _ in found} == dag_ids and set(found.values()) <= FINAL_STATES

    wait_until(finished, 1200, _unfinished(airflow, dag_ids), pause=1)


def _unfinished(airflow: LocalAirflow, dag_ids: set[str]) -> Callable[[], str]:
    def explain() -> str:
        found = run_states(airflow)
        waiting = [run for run, state in found.items() if state not in FINAL_STATES]
        states = {run: airflow.task_states(*run) for run in waiting}
        return f"DAGs without a run: {dag_ids - {dag_id for dag_id, _ in found}}; not over: {states}"

    return explain
