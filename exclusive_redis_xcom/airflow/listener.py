"""Airflow's listener: it tells `identity` which task instance this process runs, and bounds what tasks may log."""

from __future__ import annotations

import contextlib
import logging
from typing import Any

from airflow.listeners import hookimpl

from exclusive_redis_xcom.airflow import quiet_returns
from exclusive_redis_xcom.declaration import frozen_acl, handed_on
from exclusive_redis_xcom.errors import ConfigurationError, InvalidAcl
from exclusive_redis_xcom.process import identity, inherited, kind
from exclusive_redis_xcom.settings import load_settings

log = logging.getLogger("exclusive_redis_xcom")


@hookimpl(tryfirst=True)
def on_starting(component: Any) -> None:
    """Read the settings. Airflow calls this before it parses the DAG file (`task_runner.startup`).

    So code in the DAG file cannot change the settings through the environment.
    """
    if type(component).__name__ == "TaskRunnerMarker":
        kind.remember_task_process()
        with contextlib.suppress(ConfigurationError):  # the first push or pull raises it again, where people see it
            settings = load_settings()
            if settings.by_server and settings.seal_private_keys:
                _warn_of_private_keys()


# It goes first, since a listener of another plugin that raises would keep it from being called.
@hookimpl(tryfirst=True)
def on_task_instance_running(previous_state: Any, task_instance: Any) -> None:  # noqa: ARG001 - hook's signature
    """Remember the running task. Airflow calls this after rendering and before `execute` (`task_runner._prepare`)."""
    identity.remember_running(task_instance)
    _hand_on()
    task = getattr(identity.running_task_instance(), "task", None)
    if task is None:
        return
    run_conf = identity.run_conf_of(task_instance)
    quiet_returns.shorten(task, run_conf)
    if kind.of_this_process() == "dag_test":  # there no policy has seen the DAG
        with contextlib.suppress(ConfigurationError, InvalidAcl):  # the push of the value raises it
            quiet_returns.hide_restricted(task, run_conf)


def _hand_on() -> None:
    """Tell the processes that the task will start which task they belong to, and the rules for its XComs."""
    task_instance, rules = identity.running_task_instance(), ""
    dag = getattr(getattr(task_instance, "task", None), "dag", None)
    if dag is not None:
        with contextlib.suppress(ConfigurationError, InvalidAcl):  # a push in the task itself raises it
            # Under dag.test(), this comes before a later run of the process can change the DAG's params.
            frozen = frozen_acl(dag, identity.run_conf_of(task_instance))
            rules = handed_on.dumps(frozen, task_instance.task_id)
    principal = None if task_instance is None else identity.principal_of(task_instance)
    inherited.hand_on(principal, rules=rules, in_process=kind.of_this_process() == "dag_test")


def _warn_of_private_keys() -> None:
    log.warning(
        "This worker holds seal_private_keys, so every task on it can open every sealed XCom.\n"
        "Configure seal_private_keys on API servers alone. Workers need only seal_public_key."
    )
