"""A real, throw-away Airflow on this machine, with real components, SQLite, LocalExecutor and free ports.

    with AirflowStack(home, dags_folder, env={"AIRFLOW__CORE__XCOM_BACKEND": BACKEND, ...}) as airflow:
        run_id = airflow.trigger("my_dag")
        assert airflow.wait_run("my_dag", run_id) == "success"

A start takes about as long as four imports of Airflow. `.stack/` keeps a migrated, empty database for each version of
Airflow. A start copies it.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from devtools import components, processes
from devtools.airflow_api import ApiError, wait_until
from devtools.airflow_home import ROOT, airflow_version, empty_database, environment
from devtools.local_airflow import LocalAirflow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from types import FrameType, TracebackType

__all__ = ["ROOT", "AirflowStack", "ApiError", "StackError", "airflow_version", "wait_until"]

#: Components that have a heartbeat, and their names in table `job`.
JOB_TYPES = {"scheduler": "SchedulerJob", "dag-processor": "DagProcessorJob", "triggerer": "TriggererJob"}


class StackError(RuntimeError):
    """Airflow did not come up. The text has the ends of the logs."""


class AirflowStack(LocalAirflow):
    """Airflow's components as processes, and its REST API as methods.

    Args:
        home: AIRFLOW_HOME. The directory must exist, and whoever made it removes it.
        dags_folder: Where DAG files are.
        env: Further environment, also settings that win over those of `devtools.components`.
        components: Which components to start; see `devtools.components.COMPONENTS`.
        component_env: Component -> what it alone gets on top of `env`. Commands and other components do not get it.
        port: The API server's port; a free one by default.
        base_path: The path that the API server's URLs begin with, such as `/airflow`.
        outlive: Whether the processes go on when this one ends (`make up`).
    """

    def __init__(
        self,
        home: Path,
        dags_folder: Path,
        env: Mapping[str, str] | None = None,
        components: Sequence[str] = tuple(components.COMPONENTS),
        *,
        component_env: Mapping[str, Mapping[str, str]] | None = None,
        port: int | None = None,
        base_path: str = "",
        outlive: bool = False,
    ) -> None:
        self.components = tuple(components)
        self.port = port or free_port()
        self.env = environment(home, dags_folder, self.port, base_path, env or {})
        self._component_env = dict(component_env or {})
        self.programs: list[processes.Program] = []
        self._outlive = outlive
        url = f"http://127.0.0.1:{self.port}{base_path}"
        super().__init__(url, home=home, dags_folder=dags_folder, logs=home / "stack-logs")

    def __enter__(self) -> AirflowStack:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, timeout: float = 180) -> AirflowStack:
        """Start the components at once and wait until all report as healthy.

        Raises:
            StackError: A component ended, or they are not healthy within `timeout` seconds. All are stopped then.
        """
        self.dags_folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(empty_database(), self.home / "airflow.db")
        if not self._outlive:
            atexit.register(self.stop)
            stop_on_signals()
        deadline = time.monotonic() + timeout
        try:
            self._start_in_turn(deadline)
            self._wait_healthy(deadline)
        except BaseException:
            self.stop()
            raise
        return self

    def start_component(self, name: str) -> processes.Program:
        """Start one component, without waiting for it."""
        command = [sys.executable, "-m", "airflow", *components.COMPONENTS[name]]
        log = self.logs / f"{name}.log"
        env = {**self.env, **self._component_env.get(name, {})}
        program = processes.start(name, command, env=env, log=log, outlive=self._outlive)
        self.programs.append(program)
        return program

    def stop(self) -> None:
        """Stop all components and everything they started. A second call does nothing."""
        atexit.unregister(self.stop)
        programs, self.programs = self.programs, []
        processes.stop(programs)
        self.close()

    def run_cli(self, *arguments: str, timeout: float = 240) -> subprocess.CompletedProcess[str]:
        """Run an `airflow` command in this stack's environment, and capture its output."""
        return subprocess.run(
            [sys.executable, "-m", "airflow", *arguments],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def rows(self, query: str, *arguments: object) -> list[dict[str, Any]]:
        """Run a query on Airflow's database, opened read-only, and return the rows.

        Several stacks may share the database of one of them.
        """
        path = self.env["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].removeprefix("sqlite:///")
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as db:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute(query, arguments)]

    def _start_in_turn(self, deadline: float) -> None:
        """Start all components. At any time, as many import Airflow as there are cores.

        The API server takes longest by far, so it goes first. If it shared its core with three others, all would wait.
        """
        cores = len(os.sched_getaffinity(0))
        for name in self.components:
            self._wait(lambda: len(self._importing()) < cores, deadline)
            self.start_component(name)

    def _wait_healthy(self, deadline: float) -> None:
        if not self.components:
            return  # a home and a database, for commands and dag.test()
        # The first request to the execution API builds it. That takes seconds, and the first task must not pay for it.
        self._wait(lambda: not self.unhealthy(self.components) and self.execution_api_answers(), deadline)

    def _wait(self, ready: Callable[[], bool], deadline: float) -> None:
        def checked() -> bool:
            for program in self.programs:
                if program.exit_code() is not None:
                    raise StackError(f"{program.name} ended with {program.exit_code()}\n{self.log_tails()}")
            return ready()

        try:
            wait_until(checked, deadline - time.monotonic(), str)
        except TimeoutError:
            waiting = self.unhealthy(self.components)
            raise StackError(f"Airflow did not come up in time, waiting for {waiting}\n{self.log_tails()}") from None

    def _importing(self) -> list[str]:
        """Return the started components that have not yet begun their work."""
        up = {row["job_type"] for row in self.rows("SELECT job_type FROM job")}
        return [program.name for program in self.programs if JOB_TYPES.get(program.name) not in up]


def free_port(wanted: int = 0) -> int:
    """Return a TCP port of 127.0.0.1 that nobody listens on at the moment. It is the wanted one if that is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return free_port()
        return int(probe.getsockname()[1])


def stop_on_signals() -> None:
    """Let SIGTERM end this process as Ctrl-C does, through `finally` and `atexit`."""
    in_main = threading.current_thread() is threading.main_thread()
    if in_main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _exit)


def _exit(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
