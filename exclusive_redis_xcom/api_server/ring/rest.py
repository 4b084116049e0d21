"""The ring around Airflow's public REST API: edits of our XComs are refused, what is deleted goes from Redis too.

A reference is written by the task that pushed the value, and by nobody else: whoever could edit one would choose what
consumers receive. Reads need no guard, since a reference opens nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.api_server.requests import rest_routes
from exclusive_redis_xcom.api_server.requests.rest_routes import Effect
from exclusive_redis_xcom.api_server.ring.rest_deletions import Deletions
from exclusive_redis_xcom.api_server.ring.rest_edits import Edits

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

    from exclusive_redis_xcom.api_server.requests.rest_routes import RestCall
    from exclusive_redis_xcom.api_server.ring.audit import Audit
    from exclusive_redis_xcom.store import Store


class RestGuard:
    """ASGI app in front of another, for the requests that `concerns` names.

    Args:
        app: Airflow's, or the next middleware.
        audit: Where refused edits and removals are recorded.
        store: Gives the Redis store; called in worker threads.
    """

    def __init__(self, app: ASGIApp, *, audit: Audit, store: Callable[[], Store]) -> None:
        self._app = app
        self._edits = Edits(app, audit)
        self._deletions = Deletions(app, audit, store)

    def concerns(self, scope: Scope) -> bool:
        """Whether a request may write or remove XCom rows over the public REST API."""
        return _call(scope) is not None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let Airflow answer."""
        call = _call(scope)
        if call is None:
            await self._app(scope, receive, send)
        elif call.effect in (Effect.EDIT, Effect.UNKNOWN):
            await self._edits.answer(call, scope, receive, send)
        else:
            await self._deletions.answer(call, scope, receive, send)


def _call(scope: Scope) -> RestCall | None:
    from starlette._utils import get_route_path

    if scope["type"] != "http":
        return None
    path = get_route_path(scope)
    return rest_routes.parse(scope["method"], path) if path.startswith(rest_routes.API) else None
