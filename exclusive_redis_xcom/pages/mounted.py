"""The app that the plugin mounts in the API server. It is built when somebody asks for the first page.

Other processes of Airflow load the plugin, too, and build nothing.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from exclusive_redis_xcom.pages.headers import with_headers

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

log = logging.getLogger("exclusive_redis_xcom")


class Pages:
    """All pages, as one ASGI app. What cannot be built answers 403 to everything."""

    def __init__(self) -> None:
        self._app: ASGIApp | None = None
        self._lock = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if self._app is None:
            from starlette.concurrency import run_in_threadpool

            await run_in_threadpool(self._build)
        assert self._app is not None  # noqa: S101 - `_build` sets it, whatever happens
        # The app around this one. Its chain says whether the ring is in it.
        scope["exclusive_redis_xcom.host"] = scope.get("app")
        await self._app(scope, receive, send)

    def _build(self) -> None:
        with self._lock:
            if self._app is None:
                self._app = with_headers(_built())


def _built() -> ASGIApp:
    try:
        from exclusive_redis_xcom.pages.application import application

        return application()
    except Exception as error:
        # An interface of Airflow is not there, or the settings are wrong. Nobody is let in then.
        log.error("The XCom pages are closed and answer 403: %s: %.300s", type(error).__name__, error)
        return _closed


async def _closed(scope: Scope, receive: Receive, send: Send) -> None:
    from starlette.responses import PlainTextResponse

    if scope["type"] != "http":
        return
    text = "The XCom pages could not be built here, so they are closed. The API server's log has the reason.\n"
    await PlainTextResponse(text, status_code=403)(scope, receive, send)
