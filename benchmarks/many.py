"""Pull all results of a mapped task with 1,000 instances: the code of dags/bench_many.py.

A thousand processes would take a quarter of an hour. So Airflow skips the instances of the mapped task, and one task
plays them one after the other. It takes on the `map_index` of each and pushes through its own supervisor to the real
API server. With `enforcement = server` the API server refuses a push for another task. There the values are sealed and
stored as always, and this module writes the rows into the database. The measured pull is the same in both cases.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from typing import TYPE_CHECKING, Any

from benchmarks.contenders import OURS, Address
from benchmarks.in_task import part, pull_all
from benchmarks.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.contenders import Backend

ROUNDS = (10, 5)
_LABEL = "many"
_BATCH = 250


def push_as_each(running: Any, task_id: str, count: int) -> None:
    """Push one result as each mapped instance of a task, with each contender."""
    plan = Plan.load()
    bare, contenders = plan.floor(), plan.backends("many")
    for index in range(count):
        bare.push_field(Address(running.dag_id, running.run_id, task_id, index), _LABEL, part(index).encode())
    if list(contenders) == [OURS]:
        _put_rows(plan, contenders[OURS], running, task_id, count)
        return
    for backend in contenders.values():
        for index in range(count):
            with playing(running, task_id, index):
                backend.push(Address(running.dag_id, running.run_id, task_id, index), _LABEL, part(index))


def pull(running: Any, task_id: str, count: int) -> None:
    """Measure the pull of all results, and write `many.json`."""
    pull_all(Plan.load(), "many", Address(running.dag_id, running.run_id, task_id), _LABEL, count, ROUNDS)


@contextlib.contextmanager
def playing(running: Any, task_id: str, map_index: int) -> Iterator[Any]:
    """Play another task instance of the same run in this process."""
    from airflow.sdk.execution_time.context import set_current_context

    task = running.task.dag.get_task(task_id)
    played = running.model_copy(update={"task": task, "task_id": task_id, "map_index": map_index})
    context: Any = {"ti": played, "task_instance": played, "task": task, "dag": task.dag}
    with set_current_context(context):
        yield played


def _put_rows(plan: Plan, ours: Backend, running: Any, task_id: str, count: int) -> None:
    found = []
    for index in range(count):
        with playing(running, task_id, index):
            at = Address(running.dag_id, running.run_id, task_id, index)
            found.append((index, json.dumps(ours.row(at, _LABEL, part(index)))))
    with contextlib.closing(sqlite3.connect(plan.database, timeout=60)) as database, database:
        database.executemany(
            "INSERT INTO xcom (dag_run_id, dag_id, run_id, task_id, map_index, key, value, timestamp) "
            "SELECT id, dag_id, run_id, ?, ?, ?, ?, datetime('now') FROM dag_run WHERE dag_id = ? AND run_id = ?",
            [(task_id, index, ours.key(_LABEL), row, running.dag_id, running.run_id) for index, row in found],
        )
