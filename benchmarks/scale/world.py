"""One run of one DAG in the database of this process: the rows, the tokens, and tasks that are played."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import httpx

from devtools.components import OURS
from devtools.worlds import airflow_rows
from devtools.worlds.api_world_rows import task_token
from devtools.worlds.execution_world import airflow_tables
from devtools.worlds.fresh_process import start_afresh
from devtools.worlds.running_task import executing
from devtools.worlds.sealed import Keys
from devtools.worlds.served_rows import ServedRows
from exclusive_redis_xcom.model import Coordinate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DAG_ID, RUN_ID, KEY = "bench", "manual__2026-01-01T00:00:00+00:00", "return_value"
_POSTING = 4
_DAY = 24 * 3600


class TasksWorld:
    """The database and the DAG: `produce`, `produce_many` (mapped), `plain_many` (mapped) and `consume`."""

    def __init__(self) -> None:
        self.started = datetime.now(timezone.utc)
        self.dag = _dag()
        self._tokens: dict[Coordinate, str] = {}

    def at(self, task_id: str, map_index: int = -1, key: str = KEY) -> Coordinate:
        """Return the coordinate of an XCom."""
        return Coordinate(DAG_ID, RUN_ID, task_id, key, map_index)

    def put_plain(self, task_id: str, values: Sequence[Any]) -> None:
        """Write rows as Airflow's default backend has them."""
        found = {self.at(task_id, index): value for index, value in enumerate(values)}
        airflow_rows.put(list(found), values=found, run_state="running")

    def token(self, task_id: str, map_index: int = -1) -> str:
        """Let a task instance run, and return its token."""
        return self.tokens([self.at(task_id, map_index)])[0]

    def tokens(self, instances: Sequence[Coordinate]) -> list[str]:
        """Let task instances run, unless they do, and return their tokens."""
        new = {at: uuid.uuid4() for at in instances if at not in self._tokens}
        airflow_rows.put_instances(new)
        self._tokens.update({at: task_token({}, str(ti_id), None, _DAY) for at, ti_id in new.items()})
        return [self._tokens[at] for at in instances]

    def push(self, urls: Sequence[str], backend: Any, values: dict[Coordinate, Any]) -> None:
        """Push values with a backend, each as its own task instance. Servers get the rows in turn."""
        rows = []
        for at, value in values.items():
            with self.executing(at.task_id, at.map_index):
                ids = {"dag_id": at.dag_id, "run_id": at.run_id, "task_id": at.task_id, "key": at.key}
                rows.append((at, backend.serialize_value(value, map_index=at.map_index, **ids)))
        producers = list(dict.fromkeys(self.at(at.task_id, at.map_index) for at in values))
        tokens = dict(zip(producers, self.tokens(producers), strict=True))

        with ThreadPoolExecutor(_POSTING) as threads, httpx.Client(timeout=600, trust_env=False) as client:

            def post(number: int, at: Coordinate, row: Any) -> None:
                path = f"/execution/xcoms/{at.dag_id}/{at.run_id}/{at.task_id}/{at.key}"
                token = tokens[self.at(at.task_id, at.map_index)]
                client.post(
                    urls[number % len(urls)] + path,
                    params={"map_index": at.map_index},
                    content=json.dumps(row),
                    headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
                ).raise_for_status()

            for each in [threads.submit(post, number, *row) for number, row in enumerate(rows)]:
                each.result()

    def executing(self, task_id: str, map_index: int = -1) -> Any:
        """Play a task instance."""
        task = self.dag.get_task(task_id)
        return executing(task, run_id=RUN_ID, map_index=map_index, run_started=self.started)

    @contextlib.contextmanager
    def asking(self, url: str, token: str) -> Iterator[ServedRows]:
        """Ask a server as the task instance of a token."""
        rows = ServedRows(url, token, timeout=600)
        try:
            yield rows
        finally:
            rows.close()


@contextlib.contextmanager
def tasks_world() -> Iterator[TasksWorld]:
    """Make the tables and the run in the database of this process."""
    with patch.dict(os.environ, {"AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(48)}):
        airflow_tables()
        world = TasksWorld()
        airflow_rows.put([world.at("before", key="first")], run_state="running")
        yield world


@contextlib.contextmanager
def settings(redis_url: str, prefix: str, **options: str) -> Iterator[None]:
    """Give this process, and those that it starts, settings of our package."""
    keys = Keys.generate()
    given = {
        **{"redis_url": redis_url, "key_prefix": prefix},
        **{"seal_public_key": keys.public, "seal_private_keys": keys.private},
        **options,
    }
    with patch.dict(os.environ, {f"{OURS}{name.upper()}": text for name, text in given.items()}):
        start_afresh()
        yield
        start_afresh()


def _dag() -> Any:
    from airflow.sdk import DAG, task

    with DAG(DAG_ID, schedule=None) as dag:
        producers = [task(task_id="produce")(lambda: None)()]
        producers += [
            task(task_id=name)(lambda number: number).expand(number=[0, 1]) for name in ("produce_many", "plain_many")
        ]
        producers >> task(task_id="consume")(lambda: None)()
    return dag
