"""Airflow plugin (entry point `airflow.plugins`): what the API server and the processes that run tasks need of us.

Airflow loads plugins in the process that forks its tasks. This is the LocalExecutor's scheduler, or a Celery worker
with `[core] lazy_load_plugins = False`. The modules that a pull needs are imported here once, so that no task pays for
that. An import of redis takes far longer than a pull.

Where this package is installed and not in use, the plugin is empty and imports nothing more.
"""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from exclusive_redis_xcom.settings import is_in_use

_PRELOADED = ("airflow.backend", "connection.opener", "connection.url")


def _listeners() -> list[Any]:
    if not is_in_use():
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
    if not is_in_use():
        return []
    from exclusive_redis_xcom.api_server.deletions.middleware import Removals
    from exclusive_redis_xcom.api_server.ring.middleware import Ring
    from exclusive_redis_xcom.api_server.watch.middleware import Watch

    return [
        # With `enforcement = server`, only the ring does anything; otherwise the others do. The last is the outermost.
        {"name": "exclusive_redis_xcom", "middleware": Ring, "args": [], "kwargs": {}},
        {"name": "exclusive_redis_xcom_watch", "middleware": Watch, "args": [], "kwargs": {}},
        {"name": "exclusive_redis_xcom_deletions", "middleware": Removals, "args": [], "kwargs": {}},
    ]


def _pages() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the app that serves our pages, and where Airflow shows them."""
    if not is_in_use():
        return [], []
    from airflow.configuration import conf

    from exclusive_redis_xcom.pages.mounted import Pages
    from exclusive_redis_xcom.pages.paths import PREFIX, external_views

    app = {"name": "exclusive_redis_xcom", "app": Pages(), "url_prefix": PREFIX}
    return [app], external_views(conf.get("api", "base_url", fallback="") or "")


class ExclusiveRedisXComPlugin(AirflowPlugin):
    """The plugin. See `airflow/listener.py` and the packages in `api_server/`."""

    name = "exclusive_redis_xcom"
    listeners = _listeners()
    fastapi_root_middlewares = _middlewares()
    fastapi_apps, external_views = _pages()
