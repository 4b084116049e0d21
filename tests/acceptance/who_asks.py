"""The tables of docs/reference/who-asks.md, and one run in which everybody asks (dags_both/who_asks.py)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from devtools.airflow_stack import ROOT, AirflowStack, airflow_version, wait_until
from tests.acceptance.conftest import Proofs

VERSION = tuple(int(part) for part in airflow_version().split(".")[:2])

#: What the first column of a table says, and the note of the row.
NAMES = {
    "the task itself, in `execute`": "execute",
    "a thread of the task": "thread",
    "an argument of a TaskFlow task": "argument",
    "a template": "template",
    "a setup or teardown task": "tearing_down",
    "a sensor in reschedule mode": "rescheduled",
    "a deferrable operator that resumes": "resumed",
    "`on_execute_callback`": "on_execute",
    "`on_failure_callback`": "on_failure",
    "`on_skipped_callback`": "on_skipped",
    "`on_success_callback`": "on_success",
    "`on_retry_callback`": "on_retry",
    "a listener, `on_task_instance_success`": "listener",
    "`on_kill` after `execution_timeout`": "on_kill_timeout",
    "`on_kill` after somebody ended the task": "on_kill_stopped",
    "`@task.external_python`": "external_python",
    "`@task.virtualenv`": "virtualenv",
    "the same, by a task that the rule does not name": "not_named",
    "the same, with a forged claim to be another task": "forged",
    "the same, with `inherit_env=False`": "without_environment",
    "the same, where Airflow is installed and this package is not": "without_us",
    "`os.fork()`": "fork",
    "`multiprocessing`, start method `fork`": "multiprocessing_fork",
    "`ProcessPoolExecutor`, start method `fork`": "process_pool",
    "`multiprocessing`, start method `spawn`": "multiprocessing_spawn",
    "`subprocess`: a Python that imports Airflow": "subprocess_plain",
    "`subprocess`: a Python that reconnects": "subprocess_reconnected",
    "`BashOperator`: a Python that reconnects": "bash",
    "a trigger": "trigger",
    "the callback of a deadline, `AsyncCallback`": "deadline_async",
    "the callback of a deadline, `SyncCallback`, on an executor": "deadline_sync",
    "a callback of the DAG, in the DAG processor": "dag_callback",
    "a message to the supervisor (`GetXCom`, `SetXCom`)": "raw_message",
}

#: What Airflow itself says where it serves nobody.
AIRFLOWS = {
    "multiprocessing_fork": "OSError: [Errno 88] Socket operation on non-socket",
    "process_pool": "OSError: [Errno 88] Socket operation on non-socket",
    "multiprocessing_spawn": "the process ended with 1",
    "subprocess_plain": "sqlalchemy.exc.ArgumentError: Could not parse SQLAlchemy URL from given URL string",
}

#: On Airflow 3.1 nothing tells for which task a trigger works.
ON_3_1 = {("trigger", "worker", "pull"): "`XComAccessDenied`"}
DEADLINES = {"deadline_async", "deadline_sync"}


class Cell(NamedTuple):
    """One cell: what a row gets for an action in a mode."""

    row: str
    mode: str
    action: str
    said: str


def cells(mode: str) -> list[Cell]:
    """All cells of the tables that are about a mode, as they hold on this version of Airflow."""
    found = []
    for who, *said in _rows():
        pairs = {"worker": said[:2], "server": said[2:]}
        if NAMES[who] == "deadline_sync" and VERSION < (3, 2):
            continue
        for action, text in zip(("pull", "push"), pairs[mode], strict=True):
            changed = ON_3_1.get((NAMES[who], mode, action)) if VERSION == (3, 1) else None
            found.append(Cell(NAMES[who], mode, action, changed or text))
    return found


def _rows() -> Iterator[list[str]]:
    for line in (ROOT / "docs/reference/who-asks.md").read_text().splitlines():
        columns = [column.strip() for column in line.strip("|").split(" | ")]
        if line.startswith("| ") and len(columns) == 5 and columns[0] != "Who asks":
            yield columns


@dataclass(frozen=True)
class Asked:
    """A run of both DAGs that is over, but for callbacks that other components run after it."""

    airflow: AirflowStack
    proofs: Proofs
    runs: dict[str, str]

    def note(self, row: str) -> dict[str, str]:
        run_id = self.runs["who_asks_deadline" if row in DEADLINES else "who_asks"]
        path = self.proofs.folder / f"{row}-{run_id}"
        wait_until(path.exists, 60, lambda: f"{row} left no note\n{self._states()}")
        notes: dict[str, str] = json.loads(path.read_text())
        return notes

    def _states(self) -> str:
        run_id = self.runs["who_asks"]
        states = self.airflow.task_states("who_asks", run_id)
        failed = [task_id for (task_id, _), state in states.items() if state == "failed"]
        logs = [f"--- {task_id}\n{self.airflow.task_log('who_asks', run_id, task_id)[-3000:]}" for task_id in failed]
        return "\n".join([str(states), *logs])

    def state(self, task_id: str) -> str | None:
        return self.airflow.task_states("who_asks", self.runs["who_asks"])[task_id, -1]

    def row_of(self, key: str) -> Any:
        """The value of a row of table `xcom`."""
        rows = self.airflow.xcom_rows("who_asks", self.runs["who_asks"])
        (value,) = [json.loads(row["value"]) for row in rows if row["key"] == key]
        return value


def ask(airflow: AirflowStack, proofs: Proofs) -> Asked:
    """Run both DAGs, and end the task that waits for that."""
    runs = {dag_id: airflow.trigger(dag_id) for dag_id in ("who_asks", "who_asks_deadline")}
    instance = ("who_asks", runs["who_asks"])

    def sleeps() -> bool:
        return "sleeps until it is killed" in airflow.task_log(*instance, "on_kill_stopped")

    running = ("on_kill_stopped", -1)
    wait_until(lambda: airflow.task_states(*instance).get(running) == "running" and sleeps(), 400, airflow.log_tails)
    path = f"/dags/who_asks/dagRuns/{runs['who_asks']}/taskInstances/on_kill_stopped"
    # SQLite has one lock, and a busy API server may not get it at once.
    wait_until(lambda: airflow.request("PATCH", path, json={"new_state": "failed"}).is_success, 60, airflow.log_tails)
    for dag_id, run_id in runs.items():
        airflow.wait_run(dag_id, run_id, timeout=600)
    return Asked(airflow, proofs, runs)


def problem(asked: Asked, cell: Cell) -> str:
    """Say in what way a run differs from a cell; nothing if it does not."""
    if cell.said == "the task fails":
        state = asked.state(cell.row)
        return "" if state == "failed" else f"the task is {state}"
    outcome = asked.note(cell.row).get(cell.action)
    if cell.said == "—":
        return "" if outcome is None else f"it got: {outcome}"
    if outcome is None:
        return "it left no note of that"
    if cell.said in ("pushed", "a plain row"):
        return _problem_of_push(asked, cell, outcome)
    if cell.said == "Airflow's error":
        expected = AIRFLOWS[cell.row]
    else:
        expected = cell.said.strip("`") + (": " if "`" in cell.said else "")
    exact = cell.said in ("value", "reference", "Airflow's error")
    fits = outcome == expected if exact else outcome.startswith(expected)
    return "" if fits else f"it got: {outcome}"


def _problem_of_push(asked: Asked, cell: Cell, outcome: str) -> str:
    if outcome != "pushed":
        return f"it got: {outcome}"
    if cell.row == "on_retry":
        return ""  # the next try has removed it
    value = asked.row_of(f"by {cell.row}")
    is_reference = isinstance(value, dict) and list(value) == ["exclusive_redis_xcom"]
    return "" if is_reference == (cell.said == "pushed") else f"the row holds {value}"
