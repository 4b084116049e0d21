"""Find the processes that will fork tasks, and let them load what tasks need before they do (`preloading`).

| command                 | what it forks                 | loads                                           |
|-------------------------|-------------------------------|-------------------------------------------------|
| `airflow celery worker` | a pool, which forks tasks     | when Celery asks for modules, before the pool   |
| `airflow edge worker`   | tasks                         | when the command begins                         |
| `airflow scheduler`     | with LocalExecutor, tasks     | when the command begins                         |
| `airflow triggerer`     | the process of all triggers   | when the command begins                         |
| any other               | no tasks                      | nothing                                         |

Where each task has a new Python, nobody can load anything for it: in a pod of Kubernetes, and with `run_as_user`.
Airflow calls `prepare` for every command that it logs (`airflow/utils/cli.py`, `action_cli`).
"""

from __future__ import annotations

import importlib
import logging
import sys
from typing import Any

from exclusive_redis_xcom.settings import is_in_use
from exclusive_redis_xcom.settings.sources import airflow_conf

log = logging.getLogger("exclusive_redis_xcom")

#: Airflow gives the name of the function behind a command. Celery's and Edge's have the same one.
_WORKER, _SCHEDULER, _TRIGGERER = "worker", "scheduler", "triggerer"
_CELERY = "celery"


def register() -> None:
    """Let Airflow call `prepare`. This reads no settings and loads nothing."""
    from airflow.utils import cli_action_loggers

    cli_action_loggers.register_pre_exec_callback(prepare)


def prepare(sub_command: str = "", **_: Any) -> None:
    """Act on a command that is about to begin."""
    if sub_command not in (_WORKER, _SCHEDULER, _TRIGGERER) or not is_in_use():
        return
    if sub_command == _WORKER and sys.argv[1:2] == [_CELERY]:
        _preload_with_celery()
    elif sub_command != _SCHEDULER or _scheduler_forks_tasks():
        _preload()


def _preload_with_celery() -> None:
    """Load when Celery does: after gevent's patches and the daemon's fork, and before the fork of the pool.

    Airflow's own modules are loaded there, too. Airflow then keeps Python's garbage collector from touching them, and
    what was loaded here.
    """
    try:
        importlib.import_module("celery.signals").import_modules.connect(_preload, weak=False)
    except Exception as error:
        log.warning("Celery did not say when its pool forks (%s). Tasks start slower.", type(error).__name__)


def _preload(**_: Any) -> None:
    from exclusive_redis_xcom.airflow.preloading import preload

    preload()


def _scheduler_forks_tasks() -> bool:
    """Tell whether the scheduler runs tasks in processes of its own, as with LocalExecutor and its subclasses."""
    # Executors are separated by commas, and teams by semicolons: `LocalExecutor,alias:path.of.Class;team=...`.
    configured = (airflow_conf().get("core", "executor", fallback="") or "").replace(";", ",").split(",")
    return any(_is_local(name.replace("=", ":").rpartition(":")[2].strip()) for name in configured)


def _is_local(name: str) -> bool:
    if "." not in name:
        return name == "LocalExecutor"
    module, _, attribute = name.rpartition(".")
    try:
        return bool(getattr(importlib.import_module(module), attribute).is_local)
    except Exception:  # the scheduler, which needs it, says what is wrong
        return False
