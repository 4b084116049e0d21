"""Airflow plugin (entry point `airflow.plugins`): the listener that `process.identity` needs, the ring and the watch.

Airflow loads plugins in the process that forks its tasks. This is the LocalExecutor's scheduler, or a Celery worker
with `[core] lazy_load_plugins = False`. The modules that a pull needs are imported here once, so that no task pays for
that. An import of redis takes far longer than a pull.

Where Airflow is not configured to use our backend, the plugin is empty and imports nothing more.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import pkgutil
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from exclusive_redis_xcom.errors import ConfigurationError
from exclusive_redis_xcom.process import kind
from exclusive_redis_xcom.settings import SECTION, backend_is_ours, load_settings

log = logging.getLogger("exclusive_redis_xcom")

_PRELOADED = ("airflow.threads", "connection.opener", "connection.url")


def _listeners() -> list[Any]:
    if not backend_is_ours():
        return []
    from exclusive_redis_xcom.airflow import listener

    _preload()
    return [listener]


def _preload() -> None:
    from exclusive_redis_xcom import task

    of_tasks = [f"task.{found.name}" for found in pkgutil.iter_modules(task.__path__)]
    for name in (*of_tasks, *_PRELOADED):
        importlib.import_module(f"exclusive_redis_xcom.{name}")
    with contextlib.suppress(ImportError):  # reporting/metrics.py looks for this first; Airflow has it from 3.2 on
        importlib.import_module("airflow.sdk.observability.stats")


def _middlewares() -> list[dict[str, Any]]:
    if not backend_is_ours():
        _warn_of_an_open_server()
        return []
    from exclusive_redis_xcom.api_server.ring.middleware import Ring
    from exclusive_redis_xcom.api_server.watch.middleware import Watch

    return [
        # At most one of them does anything: the ring with `enforcement = server`, the watch otherwise.
        {"name": "exclusive_redis_xcom", "middleware": Ring, "args": [], "kwargs": {}},
        {"name": "exclusive_redis_xcom_watch", "middleware": Watch, "args": [], "kwargs": {}},
    ]


def _warn_of_an_open_server() -> None:
    with contextlib.suppress(ConfigurationError):
        if kind.of_this_process() == "api_server" and load_settings().by_server:
            log.warning(
                "This API server guards no XComs: [%s] enforcement is 'server', but [core] xcom_backend does not name "
                "ExclusiveRedisXCom here. Set both on every API server.",
                SECTION,
            )


class ExclusiveRedisXComPlugin(AirflowPlugin):
    """The plugin. See `airflow/listener.py`, `api_server/ring/` and `api_server/watch/`."""

    name = "exclusive_redis_xcom"
    listeners = _listeners()
    fastapi_root_middlewares = _middlewares()
