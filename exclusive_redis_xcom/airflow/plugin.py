"""Airflow plugin (entry point `airflow.plugins`): the listener that `process.identity` needs, the ring and the watch.

Airflow loads plugins in the process that forks its tasks. This is the LocalExecutor's scheduler, or a Celery worker
with `[core] lazy_load_plugins = False`. The modules that a pull needs are imported here once, so that no task pays for
that. An import of redis takes far longer than a pull.
"""

from __future__ import annotations

import contextlib
import importlib
import pkgutil

from airflow.plugins_manager import AirflowPlugin

from exclusive_redis_xcom import task
from exclusive_redis_xcom.airflow import coroutine_threads, listener
from exclusive_redis_xcom.api_server.ring.middleware import Ring
from exclusive_redis_xcom.api_server.watch.middleware import Watch
from exclusive_redis_xcom.connection import opener, url

PRELOADED = (coroutine_threads, opener, url)
for _module in pkgutil.iter_modules(task.__path__, f"{task.__name__}."):
    importlib.import_module(_module.name)
with contextlib.suppress(ImportError):  # reporting/metrics.py looks for this first; Airflow has it from 3.2 on
    importlib.import_module("airflow.sdk.observability.stats")


class ExclusiveRedisXComPlugin(AirflowPlugin):
    """The plugin. See `airflow/listener.py`, `api_server/ring/` and `api_server/watch/`."""

    name = "exclusive_redis_xcom"
    listeners = [listener]  # noqa: RUF012 - Airflow's plugin interface
    fastapi_root_middlewares = [  # noqa: RUF012 - as above
        # At most one of them does anything: the ring with `enforcement = server`, the watch otherwise.
        {"name": "exclusive_redis_xcom", "middleware": Ring, "args": [], "kwargs": {}},
        {"name": "exclusive_redis_xcom_watch", "middleware": Watch, "args": [], "kwargs": {}},
    ]
