"""Rows of Airflow's tables, written past Airflow, as many at once as needed. No foreign key is checked.

They go into the database of this process' Airflow, which may be SQLite or PostgreSQL.
"""

from __future__ import annotations

import contextlib
import uuid
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from devtools.airflow_home import airflow_version

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Connection

    from exclusive_redis_xcom.model import Coordinate

_NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
_TABLES = ("xcom", "task_instance", "dag_run", "dag", "log")
#: What stands in each row. A reference is about as long.
_ROW = {"exclusive_redis_xcom": {"about": "x" * 400}}
_BATCH = 5_000


def put(
    coordinates: Sequence[Coordinate],
    *,
    state: str = "success",
    run_state: str = "success",
    values: Mapping[Coordinate, Any] | None = None,
) -> None:
    """Write the rows of some XComs, and of the DAGs, runs and task instances that they belong to.

    Args:
        coordinates: The XComs.
        state: The state of the task instances.
        run_state: The state of the runs.
        values: What stands in the rows. By default, it is as long as a reference.
    """
    from sqlalchemy import text

    runs = dict.fromkeys((at.dag_id, at.run_id) for at in coordinates)
    producers = dict.fromkeys((at.dag_id, at.run_id, at.task_id, at.map_index) for at in coordinates)
    given = values or {}
    with _unconstrained() as database:
        _insert(database, "dag", [_dag(dag_id) for dag_id in dict.fromkeys(dag_id for dag_id, _ in runs)])
        _insert(database, "dag_run", [_run(*ids, run_state) for ids in runs])
        asked = database.execute(text("SELECT id, dag_id, run_id FROM dag_run"))
        numbers = {(dag_id, run_id): number for number, dag_id, run_id in asked}
        _insert(database, "task_instance", [_task_instance(uuid.uuid4(), *ids, state) for ids in producers])
        rows = [_xcom(at, numbers[at.dag_id, at.run_id], given.get(at, _ROW)) for at in coordinates]
        _insert(database, "xcom", rows)


def put_instances(instances: Mapping[Coordinate, uuid.UUID], state: str = "running") -> None:
    """Write the rows of task instances."""
    rows = [
        _task_instance(ti_id, at.dag_id, at.run_id, at.task_id, at.map_index, state) for at, ti_id in instances.items()
    ]
    with _unconstrained() as database:
        _insert(database, "task_instance", rows)


def count() -> int:
    """Return how many rows table `xcom` has."""
    from sqlalchemy import text

    with _unconstrained() as database:
        return int(database.execute(text("SELECT count(*) FROM xcom")).scalar_one())


def empty() -> None:
    """Remove all rows."""
    with _unconstrained() as database:
        for table in _TABLES:
            database.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608 - constants


@contextlib.contextmanager
def _unconstrained() -> Iterator[Connection]:
    from airflow import settings
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    # Airflow's own connections check foreign keys in SQLite, and others do not.
    engine = create_engine(settings.engine.url, poolclass=NullPool, connect_args=_patience())
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        yield connection


def _patience() -> dict[str, Any]:
    from airflow import settings

    return {"timeout": 60} if settings.engine.dialect.name == "sqlite" else {}


def _insert(database: Connection, name: str, rows: list[dict[str, Any]]) -> None:
    """Insert what is not there yet. Columns that another Airflow has, and that need a value, get one."""
    from airflow.models.base import Base

    if database.dialect.name == "sqlite":
        from sqlalchemy.dialects.sqlite import insert
    else:
        from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment]
    table = Base.metadata.tables[name]
    needed = {
        column.name: column.type.python_type()
        for column in table.columns
        if not (column.nullable or column.default or column.server_default or column.autoincrement is True)
        and column.name not in (rows[0] if rows else ())
        and not column.primary_key
    }
    known = [{key: value for key, value in {**needed, **row}.items() if key in table.columns} for row in rows]
    for first in range(0, len(known), _BATCH):
        database.execute(insert(table).on_conflict_do_nothing(), known[first : first + _BATCH])


def _dag(dag_id: str) -> dict[str, Any]:
    return {"dag_id": dag_id, "bundle_name": "bundle", "fileloc": "/x.py", "relative_fileloc": "x.py"}


def _run(dag_id: str, run_id: str, state: str) -> dict[str, Any]:
    return {
        **{"dag_id": dag_id, "run_id": run_id, "run_after": _NOW, "queued_at": _NOW, "state": state},
        **{"run_type": "manual", "clear_number": 0, "log_template_id": 1, "updated_at": _NOW},
        "start_date": _NOW,
    }


def _task_instance(
    ti_id: uuid.UUID, dag_id: str, run_id: str, task_id: str, map_index: int, state: str
) -> dict[str, Any]:
    return {
        **{"id": str(ti_id) if airflow_version().startswith("3.1.") else ti_id, "dag_id": dag_id, "run_id": run_id},
        **{"task_id": task_id, "map_index": map_index, "state": state, "try_number": 1, "max_tries": 0},
        **{"pool": "default_pool", "pool_slots": 1, "start_date": _NOW},
    }


def _xcom(at: Coordinate, run_number: int, value: Any) -> dict[str, Any]:
    return {
        **{"dag_run_id": run_number, "dag_id": at.dag_id, "run_id": at.run_id, "task_id": at.task_id},
        **{"map_index": at.map_index, "key": at.key, "value": value, "timestamp": _NOW},
    }
