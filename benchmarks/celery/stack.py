"""One Airflow on PostgreSQL with an API server of each kind, and a Celery worker for each backend.

Every worker has a queue of its own. So one scheduler serves all, and no worker has to be paused.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.airflows import BACKEND_VARIABLE, HERE
from devtools import components, processes
from devtools.airflow_api import AirflowApi
from devtools.airflow_home import ROOT, environment
from devtools.airflow_stack import StackError, free_port, wait_until
from devtools.components import BACKEND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from benchmarks.airflows import Kind, Variant

_TIMEOUT = 480


class CeleryStack:
    """The servers. `workers` adds what depends on a broker. Use as a context manager.

    Args:
        home: An empty folder.
        found: The kinds of API server to start, by name.
        database_url: An empty PostgreSQL.
        queues: The queues of all workers to come.
    """

    def __init__(self, home: Path, found: Mapping[str, Kind], database_url: str, queues: Sequence[str]) -> None:
        self.home = home
        self._kinds = found
        self._ports = {name: free_port() for name in found}
        self._servers = {name: AirflowApi(f"http://127.0.0.1:{port}") for name, port in self._ports.items()}
        self._env = {
            **environment(home, HERE / "dags", 0, "", {}),
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(HERE / "plugins"),
            "AIRFLOW__CELERY__WORKER_CONCURRENCY": "1",  # one task at a time
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database_url,
            "BENCH_QUEUES": ",".join(queues),
        }
        self._programs: list[processes.Program] = []

    def __enter__(self) -> CeleryStack:
        with contextlib.ExitStack() as undo:
            undo.callback(self._stop)
            self._start()
            undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    @contextlib.contextmanager
    def workers(
        self, broker_url: str, variants: Sequence[Variant], env: Mapping[str, Mapping[str, str]]
    ) -> Iterator[None]:
        """Run a scheduler, and a worker for each variant, on one broker.

        Args:
            broker_url: Celery's broker.
            variants: The name of each is the name of its queue.
            env: The name of a variant -> further environment of its worker and tasks.
        """
        broker = {"AIRFLOW__CELERY__BROKER_URL": broker_url}
        begun = len(self._programs)
        try:
            self._of_tasks("scheduler", variants[0], components.COMPONENTS["scheduler"], broker)
            for variant in variants:
                command = (*components.WORKER, "--queues", variant.name, "--celery-hostname", f"{variant.name}@%h")
                own = {**broker, **env[variant.name], "BENCH_QUEUES": variant.name}
                self._of_tasks(f"worker-{variant.name}", variant, command, own)
            workers = self._programs[begun + 1 :]
            self._wait(lambda: all(b" ready." in worker.log.read_bytes() for worker in workers))
            self._wait(lambda: not self._servers[variants[0].kind].unhealthy(["scheduler"]))
            yield
        finally:
            programs, self._programs = self._programs[begun:], self._programs[:begun]
            processes.stop(programs, grace=20)
            for program in programs:
                program.log.rename(program.log.with_suffix(f".{broker_url.partition(':')[0]}"))

    def run(self, variant: Variant, dag_id: str) -> None:
        """Run a DAG of the variant's queue to its end.

        Raises:
            StackError: It failed; the text has the ends of the logs of the failed tasks.
        """
        api = self._servers[variant.kind]
        api.wait_dag(dag_id, _TIMEOUT)
        run_id = api.trigger(dag_id)
        state = api.wait_run(dag_id, run_id, _TIMEOUT)
        if state != "success":
            failed = [name for name, found in api.task_states(dag_id, run_id).items() if found == "failed"][:3]
            logs = "\n".join(api.task_log(dag_id, run_id, name, map_index=index)[-3000:] for name, index in failed)
            raise StackError(f"run of {dag_id}: {state}\n{logs}")

    def _start(self) -> None:
        first = next(iter(self._kinds.values()))
        env = self._environment(first, {})
        migrate = [sys.executable, "-m", "airflow", *components.MIGRATE]
        done = subprocess.run(migrate, env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise StackError(f"airflow db migrate failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
        for name, kind in self._kinds.items():
            own = {**kind.server_env, "AIRFLOW__API__PORT": str(self._ports[name])}
            self._component(f"api-{name}", kind, components.COMPONENTS["api-server"], own)
        self._component("dag-processor", first, components.COMPONENTS["dag-processor"], {BACKEND_VARIABLE: BACKEND})
        for server in self._servers.values():
            self._wait(partial(_is_up, server))

    def _of_tasks(self, name: str, variant: Variant, command: Sequence[str], env: Mapping[str, str]) -> None:
        """Start what runs the tasks of a variant."""
        own = {BACKEND_VARIABLE: variant.backend, **variant.env, **env}
        self._component(name, self._kinds[variant.kind], command, own)

    def _component(self, name: str, kind: Kind, command: Sequence[str], env: Mapping[str, str]) -> None:
        log = self.home / "stack-logs" / f"{name}.log"
        whole = self._environment(kind, env)
        # `python -m airflow` looks for packages in its folder first, before PYTHONPATH.
        program = [sys.executable, "-m", "airflow", *command]
        self._programs.append(processes.start(name, program, env=whole, log=log, folder=self.home))

    def _environment(self, kind: Kind, env: Mapping[str, str]) -> dict[str, str]:
        return {
            **self._env,
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{self._ports[kind.name]}/execution/",
            "BENCH_PACKAGE": kind.package,
            "PYTHONPATH": os.pathsep.join([str(HERE / "site"), str(ROOT)]),
            **kind.env,
            **env,
        }

    def _wait(self, ready: Callable[[], bool]) -> None:
        def checked() -> bool:
            for program in self._programs:
                if program.exit_code() is not None:
                    raise StackError(f"{program.name} ended with {program.exit_code()}\n{program.tail()}")
            return ready()

        wait_until(checked, _TIMEOUT, lambda: "\n".join(program.tail() for program in self._programs))

    def _stop(self) -> None:
        programs, self._programs = self._programs, []
        processes.stop(programs)
        for server in self._servers.values():
            server.close()


def _is_up(server: AirflowApi) -> bool:
    return not server.unhealthy(["api-server", "dag-processor"]) and server.execution_api_answers()
