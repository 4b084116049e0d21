"""Airflow plugin (entry point `airflow.plugins`): what the API server and the processes that run tasks need of us.

Airflow loads plugins in nearly every process, and in each task of a Celery worker. So what only an API server needs is
imported when the API server asks for it. What tasks need is loaded by the process that forks them (`parents.py`).

Where this package is installed and not in use, the plugin is empty and imports nothing more.
"""

from __future__ import annotations

import functools
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from exclusive_redis_xcom.settings import is_in_use


def _listeners() -> list[Any]:
    if not is_in_use():
        return []
    from exclusive_redis_xcom.airflow import listener

    return [listener]


def _middlewares() -> list[dict[str, Any]]:
    if not is_in_use():
        return []
    from exclusive_redis_xcom.airflow.preloading import preload
    from exclusive_redis_xcom.api_server.deletions.middleware import Removals
    from exclusive_redis_xcom.api_server.ring.middleware import Ring
    from exclusive_redis_xcom.api_server.slices.middleware import ShortSlices
    from exclusive_redis_xcom.api_server.watch.middleware import Watch

    preload()  # no request waits for an import of redis
    return [
        # With `enforcement = server`, only the ring does anything; otherwise the others do. The last is the outermost.
        {"name": "exclusive_redis_xcom", "middleware": Ring, "args": [], "kwargs": {}},
        {"name": "exclusive_redis_xcom_slices", "middleware": ShortSlices, "args": [], "kwargs": {}},
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
    """The plugin. See `airflow/listener.py` and the packages in `api_server/`.

    Airflow makes one object of it, and takes the lists from there.
    """

    name = "exclusive_redis_xcom"
    listeners = _listeners()

    @functools.cached_property
    def fastapi_root_middlewares(self) -> list[dict[str, Any]]:
        """The ring, short slices, the watch, and what carries deletions on to Redis."""
        return _middlewares()

    @functools.cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:
        """The app that serves our pages."""
        return self._pages[0]

    @functools.cached_property
    def external_views(self) -> list[dict[str, Any]]:
        """Where Airflow shows the pages."""
        return self._pages[1]

    @functools.cached_property
    def _pages(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        return _pages()
