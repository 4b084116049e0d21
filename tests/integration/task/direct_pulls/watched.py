"""A played API server that watches, and the tasks that pull past it."""

from __future__ import annotations

import secrets
import time
from datetime import datetime, timedelta, timezone
from typing import Any

import redis

from devtools.worlds.rows import Address, Rows
from devtools.worlds.running_task import RUN_ID, executing
from exclusive_redis_xcom import ExclusiveRedisXCom
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.formats import reference as references
from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.store import Store
from tests.integration.task.sales import address

PREFIX = "exclusive_redis_xcom"
STARTED = datetime.now(timezone.utc) - timedelta(hours=1)
MASKING = "MaskSecret"  # the first pull of a process sends this message
SERVERS = redis_names.servers_name(PREFIX)


class ApiServer:
    """Plays an API server that watches: it tells Redis about each row that Airflow takes."""

    def __init__(self, rows: Rows, store: Store, raw: redis.Redis) -> None:
        self.rows = rows
        self.store = store
        self.lists_rows = True
        self._raw = raw
        rows.accepted = self._committed
        self.watches_since_long_ago()

    def watches_since_long_ago(self) -> None:
        self.store.beat(secrets.token_hex(16), missed=False)
        self._raw.hset(SERVERS, "epoch", "0")

    def stops(self) -> None:
        self._raw.delete(SERVERS)

    def _committed(self, address: Address, value: Any) -> None:
        dag_id, run_id, task_id, key, map_index = address
        version = references.parse(value).version if references.is_reference(value) else None
        coordinate = Coordinate(dag_id, run_id, task_id, key, map_index)
        self.store.commit(coordinate, version, lambda: self._map_indexes(address))

    def _map_indexes(self, address: Address) -> list[int] | None:
        if not self.lists_rows:
            return None
        return self.rows.map_indexes(address)


class Tasks:
    """Plays the tasks of a DAG one after the other. `calls` are the latest pull's calls to the API server."""

    def __init__(self, dag: Any, rows: Rows) -> None:
        self.dag = dag
        self._rows = rows
        self.started = STARTED

    @property
    def calls(self) -> list[str]:
        return [name for name in self._rows.messages if name != MASKING]

    def executing(self, task_id: str, map_index: int = -1) -> Any:
        self._rows.messages.clear()
        return executing(self.dag.get_task(task_id), map_index=map_index, run_started=self.started)

    def push(self, value: Any, key: str = "token", *, task_id: str = "extract", map_index: int = -1) -> None:
        with self.executing(task_id, map_index):
            ExclusiveRedisXCom.set(key, value, **address(task_id), map_index=map_index)

    def pull(self, key: str = "token", *, by: str = "load", **request: Any) -> Any:
        with self.executing(by):
            return ExclusiveRedisXCom.get_one(key=key, **{**address("extract"), **request})

    def pull_all(self, key: str = "token", *, by: str = "load", **request: Any) -> Any:
        with self.executing(by):
            return ExclusiveRedisXCom.get_all(key=key, **{**address("extract"), **request})


def hash_of(key: str = "token", task_id: str = "extract") -> str:
    return redis_names.hash_name(PREFIX, Coordinate("sales", RUN_ID, task_id, key))


def names(counted: list[Any], start: str) -> list[str]:
    return [short for name, *_ in counted if (short := name.removeprefix(f"{PREFIX}.")).startswith(start)]


def a_moment_passes() -> None:
    """Wait for Redis' clock, which counts commits in milliseconds; real readers start later."""
    time.sleep(0.002)
