"""What runs of the parity DAGs did, as texts: states, keys of XComs, and what tasks saw."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from devtools.local_airflow import LocalAirflow
from tests.acceptance.parity.outcome import RUN_ID
from tests.acceptance.parity.runs import run_states
from tests.acceptance.parity.seen import read, run_name

PREFIX = "parity_"


class Fact(NamedTuple):
    """Something that two Airflows may disagree about. `run` is what `run_name` makes of the run's id."""

    dag_id: str
    run: str
    task_id: str
    map_index: int
    what: str


def facts(airflow: LocalAirflow, seen: Path) -> dict[Fact, str]:
    """Collect the facts of all finished runs of the parity DAGs."""
    found = {Fact(*sight[:4], f"saw {sight.name}"): " | ".join(sorted(texts)) for sight, texts in read(seen).items()}
    for (dag_id, run_id), state in run_states(airflow).items():
        if dag_id.startswith(PREFIX):
            run = run_name(run_id)
            found[Fact(dag_id, run, "", -1, "state of the run")] = state
            for (task_id, map_index), task_state in airflow.task_states(dag_id, run_id).items():
                found[Fact(dag_id, run, task_id, map_index, "state")] = str(task_state)
            for (task_id, map_index), keys in _keys(airflow, dag_id, run_id).items():
                found[Fact(dag_id, run, task_id, map_index, "keys")] = str(keys)
    links = f"/dags/parity_calls/dagRuns/{RUN_ID}/taskInstances/linked/links"
    found[Fact("parity_calls", RUN_ID, "linked", -1, "links")] = str(airflow.api("GET", links)["extra_links"])
    return found


def _keys(airflow: LocalAirflow, dag_id: str, run_id: str) -> dict[tuple[str, int], list[str]]:
    found: dict[tuple[str, int], list[str]] = defaultdict(list)
    for row in airflow.xcom_rows(dag_id, run_id):
        found[row["task_id"], row["map_index"]].append(row["key"])
    return found
