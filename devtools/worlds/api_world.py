"""Airflow's real API server with the ring in it, and a small world of DAGs, runs and task instances.

    with open_world(home, redis_url) as world:
        pushed = world.push(at("extract"), ["load"])
        answer = world.caller.xcom("stranger", "GET", pushed.reference.coordinate)

There is no scheduler. `devtools.worlds.api_plan` says exactly who runs, who has finished and who holds which token.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
import uuid
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import httpx

from devtools.airflow_home import ROOT
from devtools.airflow_stack import AirflowStack, wait_until
from devtools.components import OURS, server_mode
from devtools.worlds.api_caller import Caller
from devtools.worlds.api_plan import DAGS, INSTANCES, Instance, Plan
from devtools.worlds.sealed import Keys, Pushed, seal
from exclusive_redis_xcom.connection import RedisClient, Timeouts
from exclusive_redis_xcom.connection.url import options_from_url
from exclusive_redis_xcom.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from exclusive_redis_xcom.model import Coordinate

PREFIX = "exclusive_redis_xcom"
CORE = "AIRFLOW__CORE__"
ADMIN = "admin"

#: Servers that share a database must agree on these.
_SHARED = (
    "AIRFLOW__API_AUTH__JWT_SECRET",
    "AIRFLOW__API__SECRET_KEY",
    "AIRFLOW__CORE__XCOM_BACKEND",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
)


class World:
    """One database and one Redis, and the API servers that work on them. `open_world` makes it.

    `keys` are in force. `older_keys` were in force before, and the servers still hold them. `tokens` has the names of
    `devtools.worlds.api_plan.TOKENS`.
    """

    def __init__(
        self, airflow: AirflowStack, store: Store, keys: Keys, older_keys: Keys, filled: Mapping[str, Any]
    ) -> None:
        self.airflow = airflow
        self.store = store
        self.keys = keys
        self.older_keys = older_keys
        self.ids: dict[str, str] = filled["ids"]
        self.tokens: dict[str, str] = {**filled["tokens"], "ui": _log_in(airflow.url), "garbage": "not.a.token"}
        self.caller = Caller(airflow.url, self.tokens)

    def close(self) -> None:
        """Close the connections."""
        self.caller.close()

    def push(
        self,
        at: Coordinate,
        consumers: Sequence[str],
        *,
        keys: Keys | None = None,
        payload: bytes = b"canary",
        **rule: Any,
    ) -> Pushed:
        """Seal a value, and put the ciphertext into Redis and the reference into the database.

        Args:
            at: Where the value goes.
            consumers: Who may read besides the producer.
            keys: The keys that it is sealed to. By default, these are the keys of this world's servers.
            payload: The plain value, encoded.
            rule: Further fields of `exclusive_redis_xcom.acl.Rule`.
        """
        pushed = seal(at, consumers, keys=keys or self.keys, payload=payload, store=self.store, **rule)
        self.put_row(at, pushed.reference.to_json())
        return pushed

    def push_results(self, at: Coordinate, count: int, consumers: Sequence[str]) -> None:
        """Do what `push` does for the results of a mapped task, and write their rows together: each commit takes long.

        Args:
            at: The XCom of the task. Its map_index does not count.
            count: How many results there are.
            consumers: Who may read besides the producer.
        """
        places = [replace(at, map_index=index) for index in range(count)]
        pushed = [seal(one, consumers, keys=self.keys, payload=b"canary", store=self.store) for one in places]
        self._put_rows([(one.reference.coordinate, one.reference.to_json()) for one in pushed])

    def put_row(self, at: Coordinate, value: Any) -> None:
        """Write a row of table `xcom` past the API, in the place of an intruder or a REST user."""
        self._put_rows([(at, value)])

    def rows(self) -> list[tuple[Any, ...]]:
        """Return all rows of table `xcom`: address and value, as they lie in the database."""
        with self.database() as database:
            query = "SELECT dag_id, run_id, task_id, map_index, key, value FROM xcom ORDER BY 1, 2, 3, 4, 5"
            return database.execute(query).fetchall()

    def row(self, at: Coordinate) -> Any:
        """Return the decoded value in the row of one XCom; None if there is no row."""
        address = (at.dag_id, at.run_id, at.task_id, at.map_index, at.key)
        texts = (found[5] for found in self.rows() if found[:5] == address)
        return json.loads(str(next(texts, "null")))  # SQLite makes a number of a text that looks like one

    @contextlib.contextmanager
    def serve(
        self, home: Path, env: Mapping[str, str], *, base_path: str = "", healthy: bool = True
    ) -> Iterator[Caller]:
        """Start another API server on the same database, with settings of its own.

        Args:
            home: An empty directory.
            env: The settings of the server. Besides these, the settings of the first server's tasks hold. The first
                server's private keys do not.
            base_path: The path that its URLs begin with.
            healthy: Whether to wait until it is healthy, or only until it answers at all.
        """
        shared = {name: self.airflow.env[name] for name in _SHARED}
        ours = {name: text for name, text in self.airflow.env.items() if name.startswith(OURS)}
        server = AirflowStack(home, home / "dags", {**shared, **ours, **env}, ("api-server",), base_path=base_path)
        caller = Caller(server.url, self.tokens)
        with contextlib.closing(caller), contextlib.ExitStack() as cleanup:
            cleanup.callback(server.stop)
            if healthy:
                server.start()
            else:
                server.start_component("api-server")
                wait_until(caller.answers, 120, server.log_tails)
            yield caller

    def set_state(self, name: str, state: str | None) -> None:
        """Change the state of a task instance past the API, as the scheduler does."""
        with self.database() as database:
            database.execute(
                "UPDATE task_instance SET state = ? WHERE replace(id, '-', '') = ?", (state, self._hex(name))
            )

    @contextlib.contextmanager
    def table_gone(self, name: str = "task_instance") -> Iterator[None]:
        """Make a table unreadable while the context lasts."""
        with self.database() as database:
            database.execute("PRAGMA legacy_alter_table = ON")  # references to the table stay as they are
            database.execute(f"ALTER TABLE {name} RENAME TO {name}_gone")
        try:
            yield
        finally:
            with self.database() as database:
                database.execute("PRAGMA legacy_alter_table = ON")
                database.execute(f"ALTER TABLE {name}_gone RENAME TO {name}")

    @contextlib.contextmanager
    def database(self) -> Iterator[sqlite3.Connection]:
        """Open Airflow's database for writing, and commit at the end."""
        path = self.airflow.home / "airflow.db"
        with contextlib.closing(sqlite3.connect(path, timeout=20)) as database, database:
            yield database

    def _put_rows(self, rows: Sequence[tuple[Coordinate, Any]]) -> None:
        now = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%S.%f")
        with self.database() as database:
            database.executemany(
                "INSERT OR REPLACE INTO xcom (dag_run_id, dag_id, run_id, task_id, map_index, key, value, timestamp) "
                "SELECT id, dag_id, run_id, ?, ?, ?, ?, ? FROM dag_run WHERE dag_id = ? AND run_id = ?",
                [
                    (at.task_id, at.map_index, at.key, json.dumps(value), now, at.dag_id, at.run_id)
                    for at, value in rows
                ],
            )

    def _hex(self, name: str) -> str:
        return uuid.UUID(self.ids[name]).hex


@contextlib.contextmanager
def open_world(
    home: Path, redis_url: str, *, env: Mapping[str, str] | None = None, instances: Sequence[Instance] = INSTANCES
) -> Iterator[World]:
    """Start an API server with the ring, and fill its database.

    Args:
        home: An empty directory, for AIRFLOW_HOME.
        redis_url: The URL of a Redis that is running.
        env: Further environment of all processes, such as settings of the ring.
        instances: The task instances to create.
    """
    keys, older = Keys.generate(), Keys.generate()
    public = {**server_mode(redis_url, keys.public), **(env or {})}
    private = {f"{OURS}SEAL_PRIVATE_KEYS": f"{keys.private} {older.private}"}
    client = RedisClient(options_from_url(redis_url), Timeouts(1.0, 2.0, 5.0))
    # With "all admins", every request without a token would get the administrator's token.
    passwords = home / "passwords.json"
    passwords.write_text(json.dumps({ADMIN: ADMIN}))
    public |= {
        f"{CORE}SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
        f"{CORE}SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
    }
    (home / "dags").mkdir()
    (home / "dags" / "world.py").write_text(DAGS)
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(client.close)
        airflow = cleanup.enter_context(
            AirflowStack(home, home / "dags", public, ("api-server",), component_env={"api-server": private})
        )
        store = Store(client, key_prefix=PREFIX)
        world = World(airflow, store, keys, older, _filled(airflow, Plan(instances)))
        cleanup.callback(world.close)
        yield world


def _log_in(url: str) -> str:
    """Get a token of the UI and the public API."""
    credentials = {"username": ADMIN, "password": ADMIN}
    answer = httpx.post(f"{url}/auth/token", json=credentials, trust_env=False).raise_for_status()
    return str(answer.json()["access_token"])


def _filled(airflow: AirflowStack, plan: Plan) -> dict[str, Any]:
    command = [sys.executable, "-m", "devtools.worlds.api_world_rows"]
    done = subprocess.run(
        command,
        env=airflow.env,
        cwd=ROOT,
        input=plan.to_json(),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the world could not be filled:\n{done.stdout}{done.stderr}")
    filled: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return filled
