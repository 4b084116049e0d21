"""Run one Airflow database with an API server of each kind and one scheduler at a time.

A scheduler with LocalExecutor forks the tasks. It decides which backend its tasks use and which API server they ask.
So all backends share a machine, a database and a DAG processor. A change of backend costs the start of a scheduler.
With paused schedulers it costs next to nothing: see schedulers.py.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.plan import PRIVATE_KEYS
from devtools.airflow_home import ROOT
from devtools.airflow_stack import AirflowStack, StackError, wait_until
from devtools.components import BACKEND, OURS
from exclusive_redis_xcom.crypto import generate_seal_keys

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from benchmarks.base.trees import Tree
    from devtools.airflow_api import AirflowApi

HERE = ROOT / "benchmarks"
BACKEND_VARIABLE = "AIRFLOW__CORE__XCOM_BACKEND"
BASE_XCOM = "airflow.sdk.bases.xcom.BaseXCom"
OBJECT_STORAGE = "airflow.providers.common.io.xcom.backend.XComObjectStorageBackend"

#: Settings on which servers and schedulers must agree if they share a database.
_SHARED = (
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
    "AIRFLOW__API_AUTH__JWT_SECRET",
    "AIRFLOW__API__SECRET_KEY",
    "AIRFLOW__LOGGING__BASE_LOG_FOLDER",
)


@dataclass(frozen=True)
class Kind:
    """A kind of API server.

    `package` says which parts of our package Airflow finds installed: see site/sitecustomize.py.
    """

    name: str
    package: str = "whole"
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    server_env: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Variant:
    """The backend, the kind of API server and the further environment of the tasks of one scheduler."""

    name: str
    backend: str
    kind: str
    env: Mapping[str, str] = field(default_factory=dict)


def kinds(redis_url: str, prefix: str, tree: Tree | None = None, suffix: str = "") -> dict[str, Kind]:
    """Return the kinds of API server: one without this package, and one for each `enforcement`.

    Args:
        redis_url: The Redis of all.
        prefix: What their keys begin with.
        tree: Whose package they run; by default, this tree's.
        suffix: What the names of the kinds end with.
    """
    public_key, private_key = generate_seal_keys()
    ours = {f"{OURS}REDIS_URL": redis_url, **(python_path(tree) if tree else {})}
    worker = {**ours, f"{OURS}KEY_PREFIX": f"{prefix}:worker"}
    server = {
        **ours,
        f"{OURS}KEY_PREFIX": f"{prefix}:server",
        f"{OURS}ENFORCEMENT": "server",
        f"{OURS}SEAL_PUBLIC_KEY": public_key,
        PRIVATE_KEYS: private_key,
    }
    found = (
        Kind(f"absent{suffix}", "absent"),
        Kind(f"worker{suffix}", env=worker),
        Kind(f"server{suffix}", env=server, server_env={f"{OURS}SEAL_PRIVATE_KEYS": private_key}),
    )
    return {kind.name: kind for kind in found}


def python_path(tree: Tree) -> dict[str, str]:
    """Return the environment in which any Python finds a tree's package."""
    return {"PYTHONPATH": os.pathsep.join([str(HERE / "site"), *tree.python_path()])}


class Airflows:
    """The API servers, a DAG processor and a database. Use as a context manager.

    Args:
        home: An empty folder.
        found: The kinds of API server to start, by name.
        env: The further environment of all.
    """

    def __init__(self, home: Path, found: Sequence[Kind], env: Mapping[str, str]) -> None:
        self.home = home
        self._kinds = {kind.name: kind for kind in found}
        self._env = {
            "AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_PATH": f"file://{home}/objects",
            "AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_THRESHOLD": "0",
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(HERE / "plugins"),
            "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "120",
            **env,
        }
        self._servers: dict[str, AirflowStack] = {}
        self._cleanup = contextlib.ExitStack()

    def __enter__(self) -> Airflows:
        with contextlib.ExitStack() as undo:
            undo.callback(self._cleanup.close)
            self._start()
            undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._cleanup.close()

    @property
    def database(self) -> Path:
        """The SQLite file that all share."""
        return next(iter(self._servers.values())).home / "airflow.db"

    @contextlib.contextmanager
    def scheduler(self, variant: Variant, env: Mapping[str, str] | None = None) -> Iterator[AirflowApi]:
        """Run a scheduler for the tasks of a variant; yield the API of the tasks' API server."""
        with self.scheduler_stack(variant, env or {}):
            yield self.server(variant)

    def scheduler_stack(self, variant: Variant, env: Mapping[str, str]) -> AirflowStack:
        """Return the stack that starts and stops a scheduler for the tasks of a variant."""
        own = {BACKEND_VARIABLE: variant.backend, **variant.env, **env}
        port = self._servers[variant.kind].port
        return self._stack(f"scheduler-{variant.name}", self._kinds[variant.kind], own, ("scheduler",), port=port)

    def server(self, variant: Variant) -> AirflowStack:
        """Return the API server that the variant's tasks talk to."""
        return self._servers[variant.kind]

    def run(self, api: AirflowApi, dag_id: str, timeout: float) -> None:
        """Run a DAG to its end, as `finish` does."""
        self.finish(api, dag_id, api.trigger(dag_id), timeout)

    def finish(self, api: AirflowApi, dag_id: str, run_id: str, timeout: float) -> None:
        """Wait for the end of a run.

        Raises:
            StackError: A task failed; the text has the ends of the failed tasks' logs.
            TimeoutError: The run took too long.
        """
        state = api.wait_run(dag_id, run_id, timeout)
        if state != "success":
            states = api.task_states(dag_id, run_id)
            failed = [name for name, found in states.items() if found == "failed"][:3]
            logs = "\n".join(api.task_log(dag_id, run_id, name, map_index=index)[-3000:] for name, index in failed)
            raise StackError(f"run of {dag_id}: {state}\n{logs}")

    def _start(self) -> None:
        first, *others = self._kinds.values()
        main = self._stack(f"api-{first.name}", first, {BACKEND_VARIABLE: BACKEND}, ("api-server", "dag-processor"))
        self._servers[first.name] = self._cleanup.enter_context(main)
        for kind in others:
            server = self._stack(f"api-{kind.name}", kind, {}, ("api-server",))
            self._servers[kind.name] = server
            self._cleanup.callback(server.stop)
            server.start_component("api-server")
        for server in self._servers.values():
            wait_until(partial(_is_up, server), 180, server.log_tails)

    def _stack(
        self, name: str, kind: Kind, env: Mapping[str, str], components: Sequence[str], port: int | None = None
    ) -> AirflowStack:
        home = self.home / name
        home.mkdir(exist_ok=True)
        shared = {}
        if self._servers:
            first = next(iter(self._servers.values()))
            shared = {name: first.env[name] for name in _SHARED}
        whole = {
            **self._env,
            "BENCH_PACKAGE": kind.package,
            "PYTHONPATH": os.pathsep.join([str(HERE / "site"), str(ROOT)]),
            **kind.env,
            **shared,
            **env,
        }
        own = {"api-server": kind.server_env}
        return AirflowStack(home, HERE / "dags", whole, components, component_env=own, port=port)


def _is_up(server: AirflowStack) -> bool:
    return not server.unhealthy(["api-server"]) and server.execution_api_answers()
