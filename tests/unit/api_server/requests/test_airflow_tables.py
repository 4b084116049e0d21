"""What the ring reads from and writes to Airflow's database, with Airflow's own tables."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from devtools.airflow_home import airflow_version
from exclusive_redis_xcom.api_server.requests.caller import Caller, Callers
from exclusive_redis_xcom.api_server.ring.audit import DENIED, Audit, Record
from exclusive_redis_xcom.model import Coordinate, Principal
from tests.unit.api_server.ringed import GONE, OWNER, STRANGER, Person


@pytest.fixture
def put(database: Path) -> Iterator[Any]:
    """Writes rows of task instances, without the DAG and run that they belong to."""
    from airflow.models.taskinstance import TaskInstance
    from sqlalchemy import create_engine, insert

    engine = create_engine(f"sqlite:///{database}")

    def write(person: Person, **columns: Any) -> None:
        key = person.ti_id if airflow_version().startswith("3.1.") else UUID(person.ti_id)  # text until 3.1
        at = person.principal
        ids = {"dag_id": at.dag_id, "task_id": at.task_id, "run_id": at.run_id, "map_index": at.map_index}
        row = {**ids, "state": person.state, "try_number": 1, "pool": "default_pool", "id": key, **columns}
        with engine.begin() as connection:
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
            connection.execute(insert(TaskInstance.__table__).values(**row))

    yield write
    engine.dispose()
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DELETE FROM task_instance")


def find(ti_id: str) -> Caller | None:
    return asyncio.run(Callers().find(ti_id))


def test_a_task_instance_is_found_by_its_id(put: Any) -> None:
    mapped = Person(Principal("sales", "load", "run_1", 3), 7)
    put(OWNER)
    put(mapped, try_number=2)

    assert find(OWNER.ti_id) == OWNER.caller
    assert find(mapped.ti_id) == Caller(mapped.principal, "running", 2)


@pytest.mark.parametrize("state", ["success", "deferred", None])
def test_its_state_is_as_in_the_database(put: Any, state: str | None) -> None:
    put(STRANGER, state=state)

    found = find(STRANGER.ti_id)

    assert found is not None
    assert (found.state, found.running) == (state, False)


def test_an_earlier_try_is_found_and_is_over_whatever_its_state_says(put: Any, database: Path) -> None:
    """Airflow moves the row of a try to another table when the task is cleared or tried again."""
    put(OWNER, try_number=2)
    earlier = Person(OWNER.principal, 8)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        _keep_as_earlier_try(connection, earlier)

    try:
        found = find(earlier.ti_id)
    finally:
        with closing(sqlite3.connect(database)) as connection, connection:
            connection.execute("DELETE FROM task_instance_history")

    assert found == Caller(OWNER.principal, "running", 1, is_over=True)
    assert not found.running


def _keep_as_earlier_try(connection: sqlite3.Connection, person: Person) -> None:
    """Copy the only row of `task_instance` to the history under another id, as Airflow does."""
    connection.row_factory = sqlite3.Row
    row = dict(connection.execute("SELECT * FROM task_instance").fetchone())
    row["task_instance_id"] = person.ti_id if "-" in row["id"] else UUID(person.ti_id).hex
    columns = [name for _, name, *_ in connection.execute("PRAGMA table_info(task_instance_history)")]
    kept = {name: row[name] for name in columns if name in row} | {"try_number": 1}
    names, marks = ", ".join(kept), ", ".join("?" * len(kept))
    connection.execute(
        f"INSERT INTO task_instance_history ({names}) VALUES ({marks})",  # noqa: S608 - the names are Airflow's columns
        list(kept.values()),
    )


def test_an_id_that_the_database_does_not_have_is_nobodys(put: Any) -> None:
    put(OWNER)

    assert find(GONE.ti_id) is None


def test_records_become_rows_of_airflows_audit_log(database: Path) -> None:
    at = Coordinate("sales", "run_1", "extract", "token", 4)
    trail = Audit("denied")

    asyncio.run(trail.record([Record(DENIED, at, "sales/load", {"why": "no"}), Record(DENIED, None, "ann")]))

    with closing(sqlite3.connect(database)) as connection, connection:
        columns = "event, owner, dag_id, run_id, task_id, map_index, extra"
        rows = connection.execute(f"SELECT {columns} FROM log ORDER BY id").fetchall()  # noqa: S608 - a constant
        connection.execute("DELETE FROM log")
    assert rows == [
        (DENIED, "sales/load", "sales", "run_1", "extract", 4, json.dumps({"why": "no"})),
        (DENIED, "ann", None, None, None, None, "{}"),
    ]


def test_a_refusal_becomes_a_row_where_each_task_instances_own_tab_looks(database: Path) -> None:
    at = Coordinate("sales", "run_1", "extract", "token", 4)
    asker = Caller(Principal("bi", "daily", "run_9", -1), "running", 3)

    asyncio.run(Audit("denied").record([Record(DENIED, at, "bi/daily", {"why": "no"}, asker)]))

    with closing(sqlite3.connect(database)) as connection, connection:
        columns = "event, owner, dag_id, run_id, task_id, map_index, try_number, extra"
        rows = connection.execute(f"SELECT {columns} FROM log ORDER BY id").fetchall()  # noqa: S608 - a constant
        connection.execute("DELETE FROM log")
    assert rows == [
        (DENIED, "bi/daily", "sales", "run_1", "extract", 4, None, json.dumps({"why": "no", "under": "producer"})),
        (DENIED, "bi/daily", "bi", "run_9", "daily", -1, 3, json.dumps({"why": "no", "under": "asker"})),
    ]
