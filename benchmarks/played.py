"""Play tasks in a process without an Airflow: rows are in memory, and this process makes the API server's marks.

It serves the figures that do not depend on Airflow's API call. Redis and all of our code are real.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import uuid
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from devtools.components import OURS
from devtools.redis_server import RedisServer
from devtools.worlds.rows import rows_in_memory
from devtools.worlds.running_task import RUN_ID, executing

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

    from devtools.worlds.rows import Address, Rows
    from exclusive_redis_xcom.store import Store

PREFIX = "exclusive_redis_xcom:bench"
_DAG_ID, _PRODUCER, _MAPPED, _CONSUMER = "bench", "produce", "produce_many", "consume"
_BEAT_SECONDS = 2.0
#: Marks count from a second after the first beat on (`Store.fetch_current`).
_SETTLED_SECONDS = 1.2


class Played:
    """A DAG with a producer, a mapped producer and a consumer, played in this process and in forks of it."""

    def __init__(self, url: str, rows: Rows) -> None:
        self.url = url
        self.rows = rows
        self.dag = _dag()
        self._started = datetime.now(timezone.utc)
        self._store: Store | None = None

    def push(self, key: str, value: Any, map_index: int = -1) -> None:
        """Push as the producer, or as an instance of the mapped producer if a `map_index` is given."""
        from exclusive_redis_xcom import ExclusiveRedisXCom

        task_id = _PRODUCER if map_index < 0 else _MAPPED
        with self._as(task_id, map_index):
            ExclusiveRedisXCom.set(key=key, value=value, task_id=task_id, map_index=map_index, **_RUN)

    def store_only(self, key: str, value: Any) -> Any:
        """Do all of a push that comes before Airflow's call; return the value of that call."""
        from exclusive_redis_xcom import ExclusiveRedisXCom

        with self._as(_PRODUCER, -1):
            return ExclusiveRedisXCom.serialize_value(value, key=key, task_id=_PRODUCER, map_index=-1, **_RUN)

    def consumer(self) -> contextlib.AbstractContextManager[Any]:
        """Play the consumer, who pulls."""
        return self._as(_CONSUMER, -1)

    def pull(self, key: str) -> Any:
        """Pull one value, inside `consumer`."""
        from exclusive_redis_xcom import ExclusiveRedisXCom

        return ExclusiveRedisXCom.get_one(key=key, task_id=_PRODUCER, map_index=-1, **_RUN)

    def pull_all(self, key: str) -> Any:
        """Pull all results of the mapped producer, inside `consumer`."""
        from exclusive_redis_xcom import ExclusiveRedisXCom

        return ExclusiveRedisXCom.get_all(key=key, task_id=_MAPPED, **_RUN)

    def calls(self) -> int:
        """Return how many messages the tasks have sent so far."""
        return len(self.rows.messages)

    def after_fork(self) -> None:
        """Forget all connections: a fork needs its own."""
        from exclusive_redis_xcom.task.access import current_access

        current_access.cache_clear()
        self._store = None

    @property
    def store(self) -> Store:
        """The API server's store."""
        from exclusive_redis_xcom.connection import RedisClient, Timeouts
        from exclusive_redis_xcom.connection.url import options_from_url
        from exclusive_redis_xcom.store import Store

        if self._store is None:
            client = RedisClient(options_from_url(self.url), Timeouts(2.0, 30.0, 60.0))
            self._store = Store(client, key_prefix=PREFIX)
        return self._store

    def commit(self, address: Address, row: Any) -> None:
        """Do what the API server does after the database has taken a row."""
        from exclusive_redis_xcom.formats import reference

        found = reference.parse(row)
        self.rows.values[address] = row
        self.store.commit(found.coordinate, found.version, lambda: self.rows.map_indexes(address))

    def _as(self, task_id: str, map_index: int) -> contextlib.AbstractContextManager[Any]:
        task = self.dag.get_task(task_id)
        return executing(task, run_id=RUN_ID, map_index=map_index, run_started=self._started)


_RUN: dict[str, Any] = {"dag_id": _DAG_ID, "run_id": RUN_ID}


@contextlib.contextmanager
def played(url: str) -> Iterator[Played]:
    """Set environment variables and play against a Redis; at the end remove the bench's keys, except from a cluster."""
    from exclusive_redis_xcom.settings import load_settings
    from exclusive_redis_xcom.task.access import current_access

    load_settings.cache_clear()
    current_access.cache_clear()
    os.environ[f"{OURS}REDIS_URL"] = url
    os.environ[f"{OURS}KEY_PREFIX"] = PREFIX
    os.environ[f"{OURS}MAX_VALUE_BYTES"] = str(2**30)
    os.environ[f"{OURS}READ_TIMEOUT"] = "60"
    with rows_in_memory() as rows:
        found = Played(url, rows)
        rows.accepted = found.commit
        with _watching(found.store):
            time.sleep(_SETTLED_SECONDS)
            try:
                yield found
            finally:
                if "+" not in urlsplit(url).scheme:
                    clean_up(url)


@contextlib.contextmanager
def redis_for_bench() -> Iterator[str]:
    """Yield REDIS_URL, or the URL of a Redis that this function starts."""
    if url := os.environ.get("REDIS_URL"):
        yield url
        return
    with RedisServer() as server:
        yield server.url


def whereabouts(client: redis.Redis, url: str) -> str:
    """Return the version and host of a Redis, without credentials."""
    facts: Any = client.info("server")
    parts = urlsplit(url)
    name = f"Valkey {facts['valkey_version']}" if "valkey_version" in facts else f"Redis {facts['redis_version']}"
    return f"{name}, {'REDIS_URL' if os.environ.get('REDIS_URL') else 'started by the bench'} at {parts.hostname}"


def clean_up(url: str, prefix: str = PREFIX) -> None:
    """Remove all keys of the bench: others may use the same Redis."""
    import redis

    with redis.Redis.from_url(url) as client:
        for name in client.scan_iter(match=f"{prefix}:*", count=1000):
            client.unlink(name)


@contextlib.contextmanager
def _watching(store: Store) -> Iterator[None]:
    """Send heartbeats as an API server does."""
    server, stop = uuid.uuid4().hex, threading.Event()
    store.beat(server, missed=False)

    def go_on() -> None:
        while not stop.wait(_BEAT_SECONDS):
            store.beat(server, missed=False)

    thread = threading.Thread(target=go_on, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        store.leave(server)


def _dag() -> Any:
    from airflow.sdk import DAG, task

    with DAG(_DAG_ID, schedule=None) as dag:
        producers = [
            task(task_id=_PRODUCER)(lambda: None)(),
            task(task_id=_MAPPED)(lambda number: number).expand(number=[0, 1]),
        ]
        producers >> task(task_id=_CONSUMER)(lambda: None)()
    return dag
