"""All results of a mapped task of 1,000: what dags/bench_many.py does.

A thousand processes would take a quarter of an hour. So the mapped task's instances exist in Airflow's database, but
are skipped, and one task plays them one after the other: it takes on the identity of each (map_index) and pushes
through its own supervisor to the real API server. That is accepted where tasks are not hindered from writing for each
other, i.e. not with `enforcement = server`; there the values are sealed and stored as always, and the rows written
into the database by hand. What is measured, the pull, is the same as after a thousand processes.
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
    """Push one result as each mapped instance of a task, by each contender."""
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
    """Measure the pull of them all, and write `many.json`."""
    pull_all(Plan.load(), "many", Address(running.dag_id, running.run_id, task_id), _LABEL, count, ROUNDS)


@contextlib.contextmanager
def playing(running: Any, task_id: str, map_index: int) -> Iterator[Any]:
    """Be another task instance of the same run, as far as this process can tell."""
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
