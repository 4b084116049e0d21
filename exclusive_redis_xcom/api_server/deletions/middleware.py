"""The middleware that carries deletions on to Redis with `enforcement = worker`, whether tasks pull directly or not.

It stands outside the watch. So the watch has told Redis of the deletion before the first value goes.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from exclusive_redis_xcom.api_server.deletions.deletions import EFFECTS, Deletions
from exclusive_redis_xcom.api_server.requests import rest_routes
from exclusive_redis_xcom.api_server.requests.routes import SAFE_METHODS
from exclusive_redis_xcom.api_server.requests.store_source import StoreSource
from exclusive_redis_xcom.errors import ConfigurationError
from exclusive_redis_xcom.settings import Settings, load_settings
from exclusive_redis_xcom.tracebacks import errors_without_locals, errors_without_own_locals

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

    from exclusive_redis_xcom.store import Store

log = logging.getLogger("exclusive_redis_xcom")


class Removals:
    """Removes from Redis what is deleted over REST. With `enforcement = server` it passes every request through.

    Args:
        app: What answers inside.
        settings: Read from Airflow's configuration unless given.
        store: Gives the Redis store. It is the one that the settings name unless given.
    """

    @errors_without_locals
    def __init__(
        self, app: ASGIApp, *, settings: Settings | None = None, store: Callable[[], Store] | None = None
    ) -> None:
        self._app = app
        self._deletions: Deletions | None = None
        try:
            settings = settings or load_settings()
            if not settings.by_server:
                self._deletions = Deletions(app, store or StoreSource(settings).checked())
        except ConfigurationError as error:
            log.error("What is deleted over REST stays in Redis until its TTL ends: %s", error)

    @property
    def is_active(self) -> bool:
        """Whether it removes anything."""
        return self._deletions is not None

    @errors_without_own_locals
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if self._deletions is None or scope["type"] != "http" or scope["method"] in SAFE_METHODS:
            await self._app(scope, receive, send)
            return
        call = rest_routes.rest_call(scope)
        if call is not None and call.effect in EFFECTS:
            await self._deletions.answer(call, scope, receive, send)
        else:
            await self._app(scope, receive, send)
