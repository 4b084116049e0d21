"""Airflow listener: tells ``identity`` which task instance this process runs."""

from __future__ import annotations

from typing import Any

from airflow.listeners import hookimpl

from exclusive_redis_xcom import identity


@hookimpl
def on_task_instance_running(previous_state: Any, task_instance: Any) -> None:  # noqa: ARG001 - hook's signature
    """Fires after templates are rendered and before ``execute`` (``task_runner._prepare``)."""
    identity.remember_running(task_instance)
