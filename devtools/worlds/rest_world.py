"""Airflow's public REST API with our middlewares around it, in this process, on real tables and a real Redis.

    with open_rest_world(redis_url, "worker") as world:
        world.put([Coordinate("sales", "run-1", "extract", "token")])
        world.call("DELETE", "/dags/sales/dagRuns/run-1")

uvicorn serves it in a thread. There is no scheduler. Rows are written past the API, as many at once as a test needs.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import socket
import sqlite3
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from devtools.components import OURS
from devtools.worlds.execution_world import airflow_tables
from devtools.worlds.fresh_process import start_afresh
from devtools.worlds.sealed import Keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import httpx

    from exclusive_redis_xcom.model import Coordinate
    from exclusive_redis_xcom.store import Store

PREFIX = "exclusive_redis_xcom"
_SECRET = "AIRFLOW__API_AUTH__JWT_SECRET"  # noqa: S105 - the name of a variable
_NOW = "2026-01-01 00:00:00"
_TABLES = ("xcom", "task_instance", "dag_run", "dag", "log")
#: The event loop is looked at so often, in seconds.
_LOOK = 0.002
#: What stands in each row. A reference is about as long.
_ROW = json.dumps({"exclusive_redis_xcom": {"about": "x" * 400}})


@dataclass
class Lag:
    """How long the event loop kept others waiting, in ms: the longest time, while the context lasted."""

    longest: float = 0.0
    looks: int = 0
    _over: threading.Event = field(default_factory=threading.Event, repr=False)

    async def watch(self) -> None:
        """Look at the event loop again and again."""
        while not self._over.is_set():
            before = time.perf_counter()
            await asyncio.sleep(_LOOK)
            self.longest = max(self.longest, (time.perf_counter() - before - _LOOK) * 1000)
            self.looks += 1


class RestWorld:
    """The server, its database and a store on its Redis. `open_rest_world` makes it."""

    def __init__(self, database: Path, store: Store, client: httpx.Client, loop: asyncio.AbstractEventLoop) -> None:
        self.database = database
        self.store = store
        self._client = client
        self._loop = loop

    def call(self, method: str, path: str, *, anonymous: bool = False, **options: Any) -> httpx.Response:
        """Send a request to `/api/v2`, as an administrator unless `anonymous`."""
        headers = {"Authorization": ""} if anonymous else {}
        return self._client.request(method, f"/api/v2{path}", headers=headers, **options)

    def put(self, coordinates: Iterable[Coordinate], *, state: str = "success", run_state: str = "success") -> None:
        """Write the rows of some XComs, and of the DAGs, runs and task instances that they belong to."""
        found = list(coordinates)
        runs = dict.fromkeys((at.dag_id, at.run_id) for at in found)
        producers = dict.fromkeys((at.dag_id, at.run_id, at.task_id, at.map_index) for at in found)
        with self.opened() as database:
            self._insert(database, "dag", [_dag(dag_id) for dag_id in dict.fromkeys(dag_id for dag_id, _ in runs)])
            first = database.execute("SELECT coalesce(max(id), 0) + 1 FROM dag_run").fetchone()[0]
            self._insert(
                database, "dag_run", [_run(number, *ids, run_state) for number, ids in enumerate(runs, start=first)]
            )
            asked = database.execute("SELECT id, dag_id, run_id FROM dag_run")
            numbers = {(dag_id, run_id): number for number, dag_id, run_id in asked}
            self._insert(database, "task_instance", [_task_instance(*ids, state) for ids in producers])
            self._insert(database, "xcom", [_xcom(at, numbers[at.dag_id, at.run_id]) for at in found])

    def rows(self) -> int:
        """Return how many rows table `xcom` has."""
        with self.opened() as database:
            return int(database.execute("SELECT count(*) FROM xcom").fetchone()[0])

    @contextlib.contextmanager
    def opened(self) -> Iterator[sqlite3.Connection]:
        """Open Airflow's database for writing, and commit at the end. Foreign keys are not enforced here."""
        with contextlib.closing(sqlite3.connect(self.database, timeout=60)) as database, database:
            yield database

    @contextlib.contextmanager
    def lag(self) -> Iterator[Lag]:
        """Watch the server's event loop while the context lasts."""
        found = Lag()
        watching = asyncio.run_coroutine_threadsafe(found.watch(), self._loop)
        try:
            yield found
        finally:
            found._over.set()
            watching.result(timeout=60)

    def _insert(self, database: sqlite3.Connection, table: str, rows: list[dict[str, Any]]) -> None:
        known = {column[1]: column for column in database.execute(f"PRAGMA table_info({table})")}
        # Columns that another Airflow has, and that must have a value.
        needed = {name: 0 for name, column in known.items() if column[3] and column[4] is None}
        values = [{name: text for name, text in {**needed, **row}.items() if name in known} for row in rows]
        if values:
            names, marks = ", ".join(values[0]), ", ".join("?" * len(values[0]))
            database.executemany(
                f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})",  # noqa: S608 - names of columns
                [list(row.values()) for row in values],
            )


@contextlib.contextmanager
def open_rest_world(redis_url: str, enforcement: str, *, with_ours: bool = True, **options: str) -> Iterator[RestWorld]:
    """Serve the REST API from this process' AIRFLOW_HOME.

    Args:
        redis_url: The URL of a Redis that is running, for the API server.
        enforcement: The setting of that name.
        with_ours: Whether the middlewares of this package are around it.
        options: Further settings of the package.
    """
    import httpx

    from exclusive_redis_xcom.api_server.requests.store_source import StoreSource
    from exclusive_redis_xcom.settings import load_settings

    keys = Keys.generate()
    options = {
        **{"redis_url": redis_url, "enforcement": enforcement, "key_prefix": PREFIX},
        **{"seal_public_key": keys.public, "seal_private_keys": keys.private},
        **options,
    }
    env = {f"{OURS}{name.upper()}": text for name, text in options.items()}
    with contextlib.ExitStack() as cleanup:
        cleanup.enter_context(patch.dict(os.environ, {_SECRET: secrets.token_urlsafe(48), **env}))
        start_afresh()
        cleanup.callback(start_afresh)
        database = airflow_tables()
        cleanup.callback(_empty, database)
        url, loop = cleanup.enter_context(_serving(with_ours=with_ours))
        headers = {"Authorization": f"Bearer {_token()}"}
        client = cleanup.enter_context(httpx.Client(base_url=url, headers=headers, timeout=600, trust_env=False))
        store = StoreSource(load_settings())()
        cleanup.callback(store._client.close)
        yield RestWorld(database, store, client, loop)


@contextlib.contextmanager
def _serving(*, with_ours: bool) -> Iterator[tuple[str, asyncio.AbstractEventLoop]]:
    import uvicorn
    from airflow.api_fastapi.app import create_app, purge_cached_app
    from starlette.middleware import Middleware

    from exclusive_redis_xcom.api_server.deletions.middleware import Removals
    from exclusive_redis_xcom.api_server.ring.middleware import Ring
    from exclusive_redis_xcom.api_server.watch.middleware import Watch

    purge_cached_app()  # its auth manager may hold another secret
    app = create_app("core")
    # Ours as the plugin orders them, whether or not the plugin is installed here.
    app.user_middleware[:] = [each for each in app.user_middleware if each.cls not in (Removals, Watch, Ring)]
    app.user_middleware += [Middleware(each) for each in (Removals, Watch, Ring) if with_ours]
    app.middleware_stack = app.build_middleware_stack()
    loops: list[asyncio.AbstractEventLoop] = []

    async def noting(scope: Any, receive: Any, send: Any) -> None:
        if not loops:
            loops.append(asyncio.get_running_loop())
        await app(scope, receive, send)

    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listening:
        server = uvicorn.Server(uvicorn.Config(noting, log_level="warning", access_log=False, lifespan="on"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not server.started:
                if not thread.is_alive():
                    raise RuntimeError("the REST API did not start")
                time.sleep(0.02)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}", loops[0]
        finally:
            server.should_exit = True
            thread.join(timeout=30)


def _token() -> str:
    from airflow.api_fastapi.app import create_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    return str(create_auth_manager().generate_jwt(SimpleAuthManagerUser(username="ann", role="admin")))


def _empty(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path, timeout=60)) as database, database:
        for table in _TABLES:
            database.execute(f"DELETE FROM {table}")  # noqa: S608 - constants


def _dag(dag_id: str) -> dict[str, Any]:
    return {"dag_id": dag_id, "bundle_name": "bundle", "fileloc": "/x.py", "relative_fileloc": "x.py", "is_paused": 0}


def _run(number: int, dag_id: str, run_id: str, state: str) -> dict[str, Any]:
    return {
        **{"id": number, "dag_id": dag_id, "run_id": run_id, "run_after": _NOW, "queued_at": _NOW, "state": state},
        **{"run_type": "manual", "clear_number": 0, "log_template_id": 1, "updated_at": _NOW, "logical_date": None},
        "start_date": _NOW,
    }


def _task_instance(dag_id: str, run_id: str, task_id: str, map_index: int, state: str) -> dict[str, Any]:
    return {
        **{"id": secrets.token_hex(16), "dag_id": dag_id, "run_id": run_id, "task_id": task_id},
        **{"map_index": map_index, "state": state, "try_number": 1, "max_tries": 0, "pool": "default_pool"},
        **{"pool_slots": 1, "executor_config": None, "start_date": _NOW},
    }


def _xcom(at: Coordinate, run_number: int) -> dict[str, Any]:
    return {
        **{"dag_run_id": run_number, "dag_id": at.dag_id, "run_id": at.run_id, "task_id": at.task_id},
        **{"map_index": at.map_index, "key": at.key, "value": _ROW, "timestamp": _NOW},
    }
