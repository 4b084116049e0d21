"""An Airflow plugin that stamps when a task's process got its order, and when it began to execute."""

from __future__ import annotations

import sys
import time
from typing import Any

from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

#: Phase -> time.monotonic_ns() in this process; dags/bench_cold.py adds its own.
stamps: dict[str, int] = {}


class Stamps:
    """A listener that writes stamps."""

    @hookimpl
    def on_starting(self, component: Any) -> None:  # noqa: ARG002 - the hook's signature
        stamps["started"] = time.monotonic_ns()

    @hookimpl
    def on_task_instance_running(self, previous_state: Any, task_instance: Any) -> None:  # noqa: ARG002 - as above
        stamps["rendered"] = time.monotonic_ns()


sys.modules.setdefault("bench_stamps", sys.modules[__name__])


class BenchStamps(AirflowPlugin):
    """The plugin."""

    name = "bench_stamps"
    listeners = [Stamps()]  # noqa: RUF012 - Airflow's plugin interface
