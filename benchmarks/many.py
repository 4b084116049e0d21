"""Pull all results of a mapped task with 1,000 instances: the code of dags/bench_many.py.

A thousand processes would take a quarter of an hour. So Airflow skips the instances of the mapped task, and one task
plays them one after the other. It takes on the `map_index` of each and pushes through its own supervisor to the real
API server. With `enforcement = server` the API server refuses a push for another task. There the values are sealed and
stored as always. This module writes the rows into the database, with wrapped keys, as the API server writes them.
It also writes rows for the other backends, and where pulls are not direct anyway. The measured pull is the same in all
cases.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from typing import TYPE_CHECKING, Any

from benchmarks.contenders import OURS, Address
from benchmarks.in_task import iterate, part, pull_all
from benchmarks.plan import PRIVATE_KEYS, Plan
from exclusive_redis_xcom.formats.reference import MARK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.contenders import Backend

ROUNDS = (10, 5)
#: Airflow takes more than ten seconds for a thousand.
ITERATE_ROUNDS = (2, 1)
TEN_THOUSAND_ROUNDS = (4, 2)
_LABEL = "many"


def push_as_each(running: Any, task_id: str, count: int) -> None:
    """Push one result as each mapped instance of a task, with each contender. Only our own pushes need an API call."""
    plan = Plan.load()
    bare, contenders = plan.floor(), plan.backends("many")
    ours = contenders[OURS]
    for index in range(count):
        at = Address(running.dag_id, running.run_id, task_id, index)
        bare.push_field(at, _LABEL, part(index).encode())
        if plan.through_api:
            with playing(running, task_id, index):
                ours.push(at, _LABEL, part(index))
    for name, backend in contenders.items():
        if name != OURS or not plan.through_api:
            _put_rows(plan, backend, running, task_id, count)


def pull(running: Any, task_id: str, count: int) -> None:
    """Measure the pull of all results, at once and one by one, and write `many.json`."""
    plan, at = Plan.load(), Address(running.dag_id, running.run_id, task_id)
    with plan.measuring("many") as measuring:
        pull_all(plan, measuring, at, _LABEL, count, ROUNDS)
        iterate(plan, measuring, at, _LABEL, count, ITERATE_ROUNDS, running)


def pull_at_once(running: Any, task_id: str, count: int) -> None:
    """Measure the pull of all results at once, and write `ten-thousand.json`."""
    plan, at = Plan.load(), Address(running.dag_id, running.run_id, task_id)
    with plan.measuring("ten-thousand") as measuring:
        pull_all(plan, measuring, at, _LABEL, count, TEN_THOUSAND_ROUNDS)


@contextlib.contextmanager
def playing(running: Any, task_id: str, map_index: int) -> Iterator[Any]:
    """Play another task instance of the same run in this process."""
    from airflow.sdk.execution_time.context import set_current_context

    task = running.task.dag.get_task(task_id)
    played = running.model_copy(update={"task": task, "task_id": task_id, "map_index": map_index})
    context: Any = {"ti": played, "task_instance": played, "task": task, "dag": task.dag}
    with set_current_context(context):
        yield played


def _put_rows(plan: Plan, backend: Backend, running: Any, task_id: str, count: int) -> None:
    found = []
    for index in range(count):
        with playing(running, task_id, index):
            at = Address(running.dag_id, running.run_id, task_id, index)
            found.append((index, json.dumps(_as_stored(backend.row(at, _LABEL, part(index))))))
    with contextlib.closing(sqlite3.connect(plan.database, timeout=60)) as database, database:
        database.executemany(
            "INSERT INTO xcom (dag_run_id, dag_id, run_id, task_id, map_index, key, value, timestamp) "
            "SELECT id, dag_id, run_id, ?, ?, ?, ?, datetime('now') FROM dag_run WHERE dag_id = ? AND run_id = ?",
            [(task_id, index, backend.key(_LABEL), row, running.dag_id, running.run_id) for index, row in found],
        )


def _as_stored(row: Any) -> Any:
    """Return what Airflow's database holds after a push of a row."""
    private_keys = os.environ.get(PRIVATE_KEYS)
    if private_keys is None or not (isinstance(row, dict) and MARK in row):
        return row
    try:
        from devtools.worlds.sealed import as_the_ring_stores
    except ImportError:  # a build before keys were wrapped
        return row
    return as_the_ring_stores(row, private_keys)
