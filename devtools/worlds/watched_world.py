"""One API server that watches over XCom rows, its database and one Redis. Tasks are played in the caller's process.

    with open_watched_world(home, redis_url) as world:
        run = world.run("run-1")
        run.push("extract", "token", "a value")
        assert run.pull("extract", "token") == Pulled("a value", direct=True)

There is no scheduler. `devtools.airflow_inside.Inside` does to runs what a scheduler would do. The caller's process has
the settings of a worker; see `open_watched_world`.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from devtools.airflow_inside import Inside
from devtools.airflow_stack import AirflowStack
from devtools.components import BACKEND, OURS
from devtools.worlds.running_task import executing
from devtools.worlds.served_rows import ServedRows, served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

DAG_ID = "watched"

#: The DAG, for the database and for the tasks that are played here. `load` reads what the others push.
SOURCE = """
from airflow.sdk import DAG, task

RULES = {"denied": ["somebody_else"], "once": {"consumers": ["*"], "once": True}}

with DAG("watched", schedule=None, params={"xcom_acl": {"extract": RULES, "parts": RULES}}) as dag:

    @task
    def extract(): ...

    @task
    def numbers(): ...

    @task
    def parts(number): ...

    @task
    def load(): ...

    @task
    def somebody_else(): ...

    [extract(), parts.expand(number=numbers())] >> load() >> somebody_else()
"""

#: A pull that asked Airflow for none of these has asked Redis alone.
_ROWS = frozenset({"GetXCom", "GetXComSequenceSlice", "GetXComSequenceItem"})


@dataclass(frozen=True)
class Pulled:
    """The result of a pull: the value or the type of the error, and whether Redis alone answered."""

    value: Any = None
    error: type[BaseException] | None = None
    direct: bool = False

    def same_as(self, other: Pulled) -> bool:
        """Tell whether a task would notice no difference."""
        return (self.error, repr(self.value)) == (other.error, repr(other.value))


class WatchedWorld:
    """The servers, and runs of the one DAG. `open_watched_world` makes it."""

    def __init__(self, airflow: AirflowStack, inside: Inside, rows: ServedRows) -> None:
        self.airflow = airflow
        self.inside = inside
        self.rows = rows
        names: dict[str, Any] = {}
        exec(SOURCE, names)  # noqa: S102 - our own source
        self.dag = names["dag"]

    def run(self, run_id: str) -> Run:
        """Make a run that has just been started."""
        self.inside.make_run(DAG_ID, run_id)
        return Run(self, run_id)

    @contextlib.contextmanager
    def database(self) -> Iterator[sqlite3.Connection]:
        """Open Airflow's database for writing, and commit at the end."""
        with contextlib.closing(sqlite3.connect(self.airflow.home / "airflow.db", timeout=20)) as database, database:
            yield database


class Run:
    """One run of the DAG: what its tasks do, and what people do to it over REST."""

    def __init__(self, world: WatchedWorld, run_id: str) -> None:
        self._world = world
        self.run_id = run_id

    def push(
        self, task_id: str, key: str, value: Any, map_index: int = -1, *, mapped_length: int | None = None
    ) -> None:
        """Push as the task instance."""
        from exclusive_redis_xcom import ExclusiveRedisXCom

        with self._executing(task_id, map_index):
            options = {} if mapped_length is None else {"_mapped_length": mapped_length}
            ExclusiveRedisXCom.set(key, value, **self._address(task_id), map_index=map_index, **options)

    def push_to_redis_only(self, task_id: str, key: str, value: Any, map_index: int = -1) -> Any:
        """Push as a task instance that dies before the API server hears of it. Return what the row would hold."""
        from exclusive_redis_xcom import ExclusiveRedisXCom

        with self._executing(task_id, map_index):
            address = self._address(task_id)
            return ExclusiveRedisXCom.serialize_value(value, key=key, **address, map_index=map_index)

    def write_row(self, task_id: str, key: str, row: Any, map_index: int = -1) -> None:
        """Write a row past the backend, as a task can."""
        from airflow.sdk.bases.xcom import BaseXCom

        BaseXCom._set_xcom_in_db(key, row, **self._address(task_id), map_index=map_index)

    def delete(self, task_id: str, key: str, map_index: int = -1) -> None:
        """Delete an XCom as Airflow does when the task instance starts again."""
        from exclusive_redis_xcom import ExclusiveRedisXCom

        with self._executing(task_id, map_index):
            ExclusiveRedisXCom.delete(key, **self._address(task_id), map_index=map_index)

    def delete_row(self, task_id: str, key: str, map_index: int = -1) -> None:
        """Delete a row past the backend, as a task can."""
        from airflow.sdk.execution_time.comms import DeleteXCom

        self._world.rows.send(DeleteXCom(key=key, **self._address(task_id), map_index=map_index))

    def pull(self, task_id: str, key: str, map_index: int = -1, *, direct: bool = True) -> Pulled:
        """Call `get_one` as the task `load`, with `direct_pulls` on or off."""
        from exclusive_redis_xcom import ExclusiveRedisXCom

        request = {"key": key, **self._address(task_id), "map_index": map_index}
        return self._pulled(lambda: ExclusiveRedisXCom.get_one(**request), direct=direct)

    def pull_all(self, task_id: str, key: str, *, direct: bool = True) -> Pulled:
        """Call `get_all` as the task `load`, with `direct_pulls` on or off."""
        from exclusive_redis_xcom import ExclusiveRedisXCom

        request = {"key": key, **self._address(task_id)}
        return self._pulled(lambda: ExclusiveRedisXCom.get_all(**request), direct=direct)

    def rest(self, method: str, path: str, json: Any = None, **params: Any) -> httpx.Response:
        """Send a request to the public REST API. `path` begins after the path of the run."""
        return self._world.airflow.request(
            method, f"/dags/{DAG_ID}/dagRuns/{self.run_id}{path}", json=json, params=params
        )

    def clear(self, *task_ids: str) -> httpx.Response:
        """Clear tasks, as people do in the UI."""
        body = {"dry_run": False, "task_ids": list(task_ids), "dag_run_id": self.run_id, "only_failed": False}
        return self._world.airflow.request("POST", f"/dags/{DAG_ID}/clearTaskInstances", json=body)

    def expand(self, count: int) -> None:
        """Let `parts` have so many instances. Surplus ones of before are removed, but their rows stay."""
        self.push("numbers", "return_value", list(range(count)), mapped_length=count)
        self._world.inside.succeed(DAG_ID, self.run_id, "numbers")
        self.schedule()

    def schedule(self) -> None:
        """Let the scheduler handle the run once, and start the run again if it was cleared."""
        with self._world.database() as database:
            database.execute("UPDATE dag_run SET state = 'running' WHERE run_id = ?", (self.run_id,))
        self._world.inside.schedule(DAG_ID, self.run_id)

    def end(self) -> None:
        """End the run, because Airflow deletes no running run."""
        with self._world.database() as database:
            database.execute("UPDATE dag_run SET state = 'failed' WHERE run_id = ?", (self.run_id,))

    def delete_past_the_api(self) -> None:
        """Delete the run with all that belongs to it. `dag.test()` does so with a run that it makes again."""
        with self._world.database() as database:
            database.execute("PRAGMA foreign_keys = ON")
            database.execute("DELETE FROM task_instance WHERE run_id = ?", (self.run_id,))
            database.execute("DELETE FROM dag_run WHERE run_id = ?", (self.run_id,))

    def start_date(self) -> datetime | None:
        """Return the start of the run that the API server would tell a task that starts now."""
        with self._world.database() as database:
            query = "SELECT start_date FROM dag_run WHERE dag_id = ? AND run_id = ?"
            found = database.execute(query, (DAG_ID, self.run_id)).fetchone()
        return datetime.fromisoformat(found[0]).replace(tzinfo=timezone.utc) if found and found[0] else None

    def rows(self) -> dict[tuple[str, str, int], Any]:
        """Return what the database holds for the run: (task_id, key, map_index) -> decoded JSON."""
        with self._world.database() as database:
            query = "SELECT task_id, key, map_index, value FROM xcom WHERE dag_id = ? AND run_id = ?"
            found = database.execute(query, (DAG_ID, self.run_id)).fetchall()
        return {(task_id, key, index): json.loads(str(value)) for task_id, key, index, value in found}

    def _pulled(self, pull: Any, *, direct: bool) -> Pulled:
        messages = self._world.rows.messages
        messages.clear()
        with self._executing("load", -1), _direct_pulls("auto" if direct else "off"):
            try:
                value = pull()
            except Exception as error:
                return Pulled(error=type(error))
        return Pulled(value, direct=not _ROWS & set(messages))

    def _executing(self, task_id: str, map_index: int) -> Any:
        task = self._world.dag.get_task(task_id)
        return executing(task, run_id=self.run_id, map_index=map_index, run_started=self.start_date())

    def _address(self, task_id: str) -> dict[str, Any]:
        return {"dag_id": DAG_ID, "run_id": self.run_id, "task_id": task_id}


@contextlib.contextmanager
def open_watched_world(home: Path, redis_url: str) -> Iterator[WatchedWorld]:
    """Start an API server that watches, and play workers in this process while it is open.

    Args:
        home: An empty directory, for AIRFLOW_HOME.
        redis_url: The URL of a Redis that is running.
    """
    env = {"AIRFLOW__CORE__XCOM_BACKEND": BACKEND, f"{OURS}REDIS_URL": redis_url, f"{OURS}RETRY_DEADLINE": "5"}
    (home / "dags").mkdir()
    (home / "dags" / "watched.py").write_text(SOURCE)
    with contextlib.ExitStack() as cleanup:
        airflow = cleanup.enter_context(AirflowStack(home, home / "dags", env, ("api-server",)))
        inside = cleanup.enter_context(Inside(airflow))
        inside.serialize()
        rows = cleanup.enter_context(served(ServedRows(airflow.url, inside.token())))
        cleanup.callback(rows.close)
        cleanup.enter_context(patch.dict(os.environ, {name: text for name, text in env.items() if OURS in name}))
        yield WatchedWorld(airflow, inside, rows)


@contextlib.contextmanager
def _direct_pulls(setting: str) -> Iterator[None]:
    from exclusive_redis_xcom.settings import load_settings

    load_settings.cache_clear()
    with patch.dict(os.environ, {f"{OURS}DIRECT_PULLS": setting}):
        yield
    load_settings.cache_clear()
