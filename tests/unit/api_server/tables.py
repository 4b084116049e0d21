"""Rows of Airflow's tables, without the rows that they refer to."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, insert, select

from devtools.airflow_home import airflow_version
from tests.unit.api_server.ringed import Person


@contextlib.contextmanager
def unconstrained(engine: Engine) -> Iterator[Connection]:
    """A transaction in which no foreign key is checked."""
    with engine.begin() as connection:
        is_sqlite = engine.dialect.name == "sqlite"
        if is_sqlite:
            connection.detach()  # the pragma holds for the connection, which nobody else may get
        connection.exec_driver_sql(
            "PRAGMA foreign_keys = OFF" if is_sqlite else "SET LOCAL session_replication_role = replica"
        )
        yield connection


def put_task_instance(engine: Engine, person: Person, **columns: Any) -> None:
    """Write the row of a task instance."""
    from airflow.models.taskinstance import TaskInstance

    table = TaskInstance.__table__
    row = {"state": person.state, "try_number": 1, "pool": "default_pool", "id": as_key(person.ti_id)}
    with unconstrained(engine) as connection:
        connection.execute(insert(table).values(**_ids(person), **{**row, **columns}))


def put_earlier_try(engine: Engine, person: Person) -> None:
    """Write the row of a try that is over, as Airflow keeps it."""
    from airflow.models.taskinstancehistory import TaskInstanceHistory

    table = TaskInstanceHistory.__table__
    row = {"state": person.state, "try_number": 1, "pool": "default_pool", "pool_slots": 1, "max_tries": 0}
    key = {"task_instance_id": as_key(person.ti_id)}
    with unconstrained(engine) as connection:
        connection.execute(insert(table).values(**_ids(person), **row, **key))


def log_rows(engine: Engine, *names: str) -> list[tuple[Any, ...]]:
    """Return columns of all rows of the audit log, oldest first."""
    from airflow.models.log import Log

    table = Log.__table__
    with engine.connect() as connection:
        return [
            tuple(row) for row in connection.execute(select(*(table.c[name] for name in names)).order_by(table.c.id))
        ]


def as_key(ti_id: str) -> Any:
    """Return an id as the column takes it: text up to Airflow 3.1, a UUID since."""
    return ti_id if airflow_version().startswith("3.1.") else UUID(ti_id)


def _ids(person: Person) -> dict[str, Any]:
    at = person.principal
    return {"dag_id": at.dag_id, "task_id": at.task_id, "run_id": at.run_id, "map_index": at.map_index}
