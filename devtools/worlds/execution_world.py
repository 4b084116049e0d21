"""Airflow's Execution API with the ring in it, in this process, and one run whose mapped task has many results.

    with open_execution_world(redis_url, "server") as world:
        world.push("parts", 10_000)
        with world.running("load"):
            values = ExclusiveRedisXCom.get_all(**world.request("parts"))

The routes, the tokens, the tables and Airflow's client are the real ones. uvicorn serves them in a
thread of this process. There is no scheduler and no supervisor; `ServedRows` takes the place of the latter.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import sqlite3
import threading
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from uuid import UUID

import httpx

from devtools.airflow_home import airflow_version
from devtools.components import OURS
from devtools.worlds.fresh_process import start_afresh
from devtools.worlds.running_task import RUN_ID, executing
from devtools.worlds.sealed import Keys, as_the_ring_stores
from devtools.worlds.served_rows import ServedRows, served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime


DAG_ID, KEY = "many", "return_value"

_READER = UUID(int=1)
_SECRET = "AIRFLOW__API_AUTH__JWT_SECRET"  # noqa: S105 - the name of a variable


class ExecutionWorld:
    """The server and the run. `open_execution_world` makes it.

    `rows` are what the running task gets from the server. `is_sealed` says whether the ring opens values.
    `is_wrapped` says whether rows hold wrapped keys, as the ring makes them at a push. It may be changed.
    """

    def __init__(
        self, database: Path, dag: Any, rows: ServedRows, private_keys: str, url: str, *, is_sealed: bool
    ) -> None:
        self.is_sealed = is_sealed
        self.is_wrapped = is_sealed
        self._private_keys = private_keys
        self._database = database
        self.dag = dag
        self.rows = rows
        self.url = url

    def request(self, task_id: str) -> dict[str, str]:
        """Return the arguments of `get_all` for a task's results."""
        return {"dag_id": DAG_ID, "run_id": RUN_ID, "task_id": task_id, "key": KEY}

    def push(self, task_id: str, indexes: Any, value: Callable[[int], Any] = int) -> None:
        """Push a result as each instance of a mapped task.

        Rows are written past the API, all at once, as the ring would write them.
        """
        from exclusive_redis_xcom import ExclusiveRedisXCom

        rows = {}
        task = self.dag.get_task(task_id)
        for index in indexes:
            with executing(task, map_index=index):
                row = ExclusiveRedisXCom.serialize_value(value(index), **self.request(task_id), map_index=index)
            rows[index] = as_the_ring_stores(row, self._private_keys) if self.is_wrapped else row
        self.put(task_id, rows)

    def put(self, task_id: str, rows: Mapping[int, Any]) -> None:
        """Write rows of a mapped task, by map_index."""
        found = [(task_id, index, KEY, json.dumps(row), DAG_ID) for index, row in rows.items()]
        with self._opened() as database:
            database.executemany(
                "INSERT OR REPLACE INTO xcom (dag_run_id, dag_id, run_id, task_id, map_index, key, value, timestamp) "
                "SELECT id, dag_id, run_id, ?, ?, ?, ?, '2026-01-01 00:00:00' FROM dag_run WHERE dag_id = ?",
                found,
            )

    def row(self, task_id: str, index: int) -> Any:
        """Return the row of a result."""
        return self._value(task_id, index)

    def delete(self, task_id: str, index: int) -> None:
        """Remove a result as Airflow does when an instance starts again: the value, then the row."""
        from exclusive_redis_xcom import ExclusiveRedisXCom

        class Row:
            value = self._value(task_id, index)

        with executing(self.dag.get_task(task_id), map_index=index):
            ExclusiveRedisXCom.purge(Row)
        with self._opened() as database:
            database.execute("DELETE FROM xcom WHERE task_id = ? AND map_index = ?", (task_id, index))

    def edit(self, task_id: str, index: int, text: str | None) -> str:
        """Write JSON, or SQL's NULL, into the row of a result, past the API; return what was there."""
        with self._opened() as database:
            at = (task_id, index)
            (before,) = database.execute("SELECT value FROM xcom WHERE task_id = ? AND map_index = ?", at).fetchone()
            database.execute("UPDATE xcom SET value = ? WHERE task_id = ? AND map_index = ?", (text, *at))
        return str(before)

    def edit_all(self, task_id: str, text: Callable[[int], str]) -> None:
        """Write JSON into the rows of all results of a task, past the API."""
        with self._opened() as database:
            indexes = database.execute("SELECT map_index FROM xcom WHERE task_id = ?", (task_id,)).fetchall()
            found = [(text(index), task_id, index) for (index,) in indexes]
            database.executemany("UPDATE xcom SET value = ? WHERE task_id = ? AND map_index = ?", found)

    def get_slice(
        self, task_id: str, query: dict[str, Any], token: str | None = None, run_id: str = RUN_ID
    ) -> httpx.Response:
        """Ask for a slice of a task's results, with the token of the task that pulls unless another is given."""
        token = _token() if token is None else token
        url = f"{self.url}/execution/xcoms/{DAG_ID}/{run_id}/{task_id}/{KEY}/slice"
        return httpx.get(url, params=query, headers={"Authorization": f"Bearer {token}"}, timeout=120, trust_env=False)

    def running(self, task_id: str, run_started: datetime | None = None) -> Any:
        """Play a task that pulls. Only where it is known when the run was started, can it pull directly."""
        return executing(self.dag.get_task(task_id), run_started=run_started)

    def _value(self, task_id: str, index: int) -> Any:
        with self._opened() as database:
            query = "SELECT value FROM xcom WHERE task_id = ? AND map_index = ?"
            return json.loads(database.execute(query, (task_id, index)).fetchone()[0])

    @contextlib.contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        with contextlib.closing(sqlite3.connect(self._database, timeout=20)) as database, database:
            yield database


@contextlib.contextmanager
def open_execution_world(redis_url: str, enforcement: str, **options: str) -> Iterator[ExecutionWorld]:
    """Serve the Execution API from this process' AIRFLOW_HOME, and play a task there while it is open.

    Args:
        redis_url: The URL of a Redis that is running.
        enforcement: The setting of that name.
        options: Further settings of the package.
    """
    keys = Keys.generate()
    options = {
        **{"redis_url": redis_url, "enforcement": enforcement, "direct_pulls": "off"},
        **{"seal_public_key": keys.public, "seal_private_keys": keys.private},
        **options,
    }
    env = {f"{OURS}{name.upper()}": text for name, text in options.items()}
    with contextlib.ExitStack() as cleanup:
        cleanup.enter_context(patch.dict(os.environ, {_SECRET: secrets.token_urlsafe(48), **env}))
        start_afresh()
        cleanup.callback(start_afresh)
        database = airflow_tables()
        _fill(database)
        cleanup.callback(_empty, database)
        url = cleanup.enter_context(_serving())
        # The first answer of an API server takes seconds, and more on a busy machine.
        rows = ServedRows(url, _token(), timeout=120)
        cleanup.callback(rows.close)
        cleanup.enter_context(served(rows))
        yield ExecutionWorld(database, _dag(), rows, keys.private, url, is_sealed=enforcement == "server")


def _dag() -> Any:
    from airflow.sdk import DAG, task

    rules = {name: {KEY: ["load"]} for name in ("parts", "gaps", "sparse", "others")}
    once = {name: {KEY: {"consumers": ["load", "other"], "once": True}} for name in ("once", "tickets")}
    with DAG(DAG_ID, schedule=None, params={"xcom_acl": {**rules, **once}}) as dag:

        @task
        def load() -> None: ...

        @task
        def other() -> None: ...

        mapped = [task(task_id=name)(lambda number: number).expand(number=[0]) for name in (*rules, *once, "nothing")]
        mapped >> load() >> other()
    return dag


def airflow_tables() -> Path:
    """Make Airflow's tables in the database of this process, and return its file."""
    from airflow import settings
    from airflow.models import import_all_models
    from airflow.models.base import Base
    from sqlalchemy.orm import configure_mappers

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Airflow's models on a newer SQLAlchemy
        import_all_models()
        configure_mappers()
    Base.metadata.create_all(settings.engine)
    return Path(settings.engine.url.database or "")


def _fill(path: Path) -> None:
    """Write the run, and the task instance that pulls. Foreign keys are not enforced here."""
    now = "2026-01-01 00:00:00"
    run = {
        **{"id": 1, "dag_id": DAG_ID, "run_id": RUN_ID, "logical_date": now, "run_after": now, "queued_at": now},
        **{"state": "running", "run_type": "manual", "clear_number": 0, "log_template_id": 1, "updated_at": now},
    }
    reader = {
        **{"id": _reader_id(), "dag_id": DAG_ID, "run_id": RUN_ID, "task_id": "load", "map_index": -1},
        **{"state": "running", "try_number": 1, "max_tries": 0, "pool": "default_pool", "pool_slots": 1},
    }
    with contextlib.closing(sqlite3.connect(path, timeout=20)) as database, database:
        for table, row in (("dag_run", run), ("task_instance", reader)):
            known = {column[1]: column for column in database.execute(f"PRAGMA table_info({table})")}
            # Columns that another Airflow has, and that must have a value.
            needed = {name: 0 for name, column in known.items() if column[3] and column[4] is None}
            values = {name: value for name, value in {**needed, **row}.items() if name in known}
            marks = ", ".join("?" * len(values))
            names = ", ".join(values)
            database.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(values.values()))  # noqa: S608


def _reader_id() -> str:
    """Return the id as Airflow writes it into SQLite: text up to Airflow 3.1, and a UUID's digits since then."""
    return str(_READER) if airflow_version().startswith("3.1.") else _READER.hex


def _empty(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path, timeout=20)) as database, database:
        for table in ("xcom", "task_instance", "dag_run", "log"):
            database.execute(f"DELETE FROM {table}")  # noqa: S608


@contextlib.contextmanager
def _serving() -> Iterator[str]:
    import uvicorn
    from airflow.api_fastapi.app import create_app
    from starlette.middleware import Middleware

    from exclusive_redis_xcom.api_server.ring.middleware import Ring
    from exclusive_redis_xcom.api_server.slices.middleware import ShortSlices

    app = create_app("execution")
    app.user_middleware.clear()  # a log line for each request
    app.user_middleware += [Middleware(Ring), Middleware(ShortSlices)]
    app.middleware_stack = app.build_middleware_stack()
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="on"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not server.started:
                if not thread.is_alive():
                    raise RuntimeError("the Execution API did not start")
                time.sleep(0.02)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=30)


def _token() -> str:
    from devtools.worlds.api_world_rows import task_token

    return task_token({}, str(_READER), None, 24 * 3600)
