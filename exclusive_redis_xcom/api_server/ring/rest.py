"""The ring around Airflow's public REST API: it refuses edits of our XComs, and removes from Redis what is deleted.

Only the task that pushed a value writes its reference. Anybody else who could edit a reference would choose what
consumers receive. Reads need no guard, because a reference opens nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.api_server.requests import rest_routes
from exclusive_redis_xcom.api_server.requests.rest_routes import Effect
from exclusive_redis_xcom.api_server.ring.rest_deletions import with_records
from exclusive_redis_xcom.api_server.ring.rest_edits import Edits

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

    from exclusive_redis_xcom.api_server.ring.audit import Audit
    from exclusive_redis_xcom.store import Store


class RestGuard:
    """An ASGI app in front of another one, for the requests that `concerns` names.

    Args:
        app: What answers inside.
        audit: Where refused edits and removals go on record.
        store: Gives the Redis store. It is called in worker threads.
    """

    def __init__(self, app: ASGIApp, *, audit: Audit, store: Callable[[], Store]) -> None:
        self._app = app
        self._edits = Edits(app, audit)
        self._deletions = with_records(app, audit, store)

    def concerns(self, scope: Scope) -> bool:
        """Return whether a request may write or remove XCom rows over the public REST API."""
        return rest_routes.rest_call(scope) is not None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or let Airflow answer it."""
        call = rest_routes.rest_call(scope)
        if call is None:
            await self._app(scope, receive, send)
        elif call.effect in (Effect.EDIT, Effect.UNKNOWN):
            await self._edits.answer(call, scope, receive, send)
        else:
            await self._deletions.answer(call, scope, receive, send)
