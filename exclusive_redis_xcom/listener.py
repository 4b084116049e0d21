"""Airflow listener: tells ``identity`` which task instance this process runs."""

from __future__ import annotations

import contextlib
from typing import Any

from airflow.listeners import hookimpl

from exclusive_redis_xcom import identity
from exclusive_redis_xcom.errors import ConfigurationError
from exclusive_redis_xcom.settings import load_settings


@hookimpl(tryfirst=True)
def on_starting(component: Any) -> None:
    """Fires before the DAG file is parsed (``task_runner.startup``).

    The settings are read here, so that code in the DAG file cannot change them by the environment.
    """
    if type(component).__name__ == "TaskRunnerMarker":
        identity.remember_task_process()
        with contextlib.suppress(ConfigurationError):  # raised again at first use, where it reaches people
            load_settings()


# First, since a listener of another plugin that raises keeps the rest from being called.
@hookimpl(tryfirst=True)
def on_task_instance_running(previous_state: Any, task_instance: Any) -> None:  # noqa: ARG001 - hook's signature
    """Fires after templates are rendered and before ``execute`` (``task_runner._prepare``)."""
    identity.remember_running(task_instance)
