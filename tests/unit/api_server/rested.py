"""The guard of the public REST API in front of a small ASGI app that works on Airflow's own tables."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zlib import crc32

import fakeredis

from exclusive_redis_xcom.api_server.deletions.middleware import Removals
from exclusive_redis_xcom.api_server.ring.audit import Audit
from exclusive_redis_xcom.api_server.ring.rest import RestGuard
from exclusive_redis_xcom.connection import RedisClient, RedisOptions, Timeouts
from exclusive_redis_xcom.connection.server import ServerSession
from exclusive_redis_xcom.errors import StoreUnavailable
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.formats.reference import MARK
from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.settings import load_settings
from exclusive_redis_xcom.store import Store

RUN = "/api/v2/dags/sales/dagRuns/run-1"
TASK = f"{RUN}/taskInstances/extract"
XCOMS = f"{TASK}/xcomEntries"
AT = Coordinate("sales", "run-1", "extract", "token")
REFERENCE = {MARK: {"v": 1}}
BULK_TASKS = f"{RUN}/taskInstances"
BULK_RUNS = "/api/v2/dags/sales/dagRuns"


@dataclass
class Airflow:
    """What stands in for Airflow's app: notes what reaches it, and runs SQL on the table in place of deleting."""

    database: Path
    status: int = 200
    sql: str = ""
    paths: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.paths.append(scope["path"])
        self.bodies.append((await receive())["body"])
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": b"airflow"})
        if self.sql:
            self.run(self.sql)

    def run(self, statement: str, *values: Any) -> None:
        with closing(sqlite3.connect(self.database)) as connection, connection:
            connection.execute(statement, values)

    def put(self, at: Coordinate, value: Any) -> None:
        self.run(
            "INSERT INTO xcom (dag_run_id, dag_id, run_id, task_id, key, map_index, value, timestamp) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, '2026-01-01 00:00:00')",
            crc32(f"{at.dag_id} {at.run_id}".encode()),
            *(at.dag_id, at.run_id, at.task_id, at.key, at.map_index, json.dumps(value)),
        )


def deleting(*entities: Any) -> dict[str, Any]:
    return {"actions": [{"action": "delete", "entities": list(entities)}]}


@dataclass
class Answer:
    status: int
    body: bytes

    @property
    def detail(self) -> Any:
        return json.loads(self.body)["detail"]


def ask(
    app: Any,
    method: str,
    path: str,
    body: Any = None,
    *,
    token: str | None = None,
    cookie: bool = False,
    root_path: str = "",
    query: bytes = b"",
) -> Answer:
    headers = [] if token is None else [(b"authorization", f"Bearer {token}".encode())]
    if cookie:
        headers = [(b"cookie", f"_token={token}".encode())]
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    scope = {
        "type": "http",
        "method": method,
        "path": root_path + path,
        "root_path": root_path,
        "query_string": query,
        "headers": headers,
        "state": {},
    }
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": data, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    if isinstance(app, RestGuard):
        assert app.concerns(scope)
    asyncio.run(app(scope, receive, send))
    return Answer(sent[0]["status"], b"".join(message["body"] for message in sent[1:]))


def removing_app(airflow: Any, store: Callable[[], Store], audited: list[dict[str, Any]], enforcement: str) -> Any:
    """What carries deletions on to Redis with this `enforcement`."""
    if enforcement == "server":
        return RestGuard(airflow, audit=Audit("all", write=audited.extend), store=store)
    made = Removals(airflow, settings=replace(load_settings(), redis_url="redis://127.0.0.1:1"), store=store)
    assert made.is_active
    return made


class Redis:
    """An in-memory Redis with some hashes, and an app that removes from it."""

    def __init__(self, airflow: Airflow, audited: list[dict[str, Any]], enforcement: str) -> None:
        self.airflow = airflow
        self.fake = fakeredis.FakeRedis()
        client = RedisClient(RedisOptions(), Timeouts(), open_session=lambda budget: ServerSession(self.fake, budget))
        store = Store(client, key_prefix="x")
        self.store = store
        self.answers = 10_000
        self.app = removing_app(airflow, self._store, audited, enforcement)

    def _store(self) -> Store:
        """The store, as many times as it answers."""
        self.answers -= 1
        if self.answers < 0:
            raise StoreUnavailable("redis://:canary@host")
        return self.store

    def put(self, *coordinates: Coordinate) -> None:
        for at in coordinates:
            self.airflow.put(at, REFERENCE)
            self.fake.hset(
                redis_names.hash_name("x", at),
                mapping={redis_names.ACL_FIELD: b"{}", redis_names.field_name(at.map_index): b"v"},
            )

    def values(self, at: Coordinate) -> set[int]:
        """The map indexes at which an XCom's hash holds a value."""
        return {
            index
            for index in range(-1, 10)
            if self.fake.hexists(redis_names.hash_name("x", at), redis_names.field_name(index))
        }

    def left(self) -> int:
        """How many values are there."""
        return sum(self.fake.hlen(name) - 1 for name in self.fake.scan_iter(count=10_000))
