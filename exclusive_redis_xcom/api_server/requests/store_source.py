"""The API server's access to Redis. It is made at first use, and is far less patient than a task's."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exclusive_redis_xcom.settings import Settings
    from exclusive_redis_xcom.store import Store


class StoreSource:
    """Gives the same store at each call. Call it in a thread: the look-up of an Airflow connection may block.

    The ring needs the store for read-once values, and for deletions through Airflow's REST API. The watch needs it for
    every change of a row. Airflow's commands and the triggerer use it, too.

    Raises:
        ConfigurationError: The settings name no usable Redis.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store: Store | None = None
        self._lock = threading.Lock()

    def checked(self) -> StoreSource:
        """Return this source if the URL in the settings can be a Redis URL. Nothing is connected to.

        Raises:
            ConfigurationError: The URL cannot be one.
        """
        if self._settings.redis_url:
            from exclusive_redis_xcom.settings.redis import redis_options

            redis_options(self._settings)
        return self

    def __call__(self) -> Store:
        """Return the store."""
        with self._lock:
            if self._store is None:
                self._store = _store(self._settings)
            return self._store


def _store(settings: Settings) -> Store:
    from exclusive_redis_xcom.connection import Timeouts
    from exclusive_redis_xcom.settings.redis import redis_client
    from exclusive_redis_xcom.store import Store

    # Airflow's client gives a request 5 seconds and then asks again, so a late "cannot decide" helps nobody.
    timeouts = Timeouts(connect=0.5, read=0.5, deadline=1.5)
    return Store(redis_client(settings, timeouts), key_prefix=settings.key_prefix)
