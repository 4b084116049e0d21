"""The watch's middleware lets tasks pull directly: it tells Redis what became of XCom rows (`direct_pulls`).

Airflow's database says which value a task is to get. Redis has the value, and a *mark* which says that the database
refers to it. A task that finds the mark need not ask the API server. So the watch acts on each request that changes
rows:

- It sets a value's mark when the database has taken the value's reference, before the pushing task gets its answer.
- It removes a mark *before* a row is changed in any other way. So no task goes back to a value that another task has
  seen replaced.
- It removes the mark again *after* the change, because a push may have been under way. A value without a mark stays
  without one: `commit` sets no mark where none is.
- It holds the answer until Redis knows. Where Redis cannot be told, it holds the answer until no task believes this
  server any more: see `exclusive_redis_xcom.api_server.watch.heartbeat`.

So once somebody has the answer to a change, no task reads directly what was there before. Answers are never altered.

A caller whom Airflow has not let in causes no more work than the reading of a short body and the check of a token.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.api_server.requests import rest_routes, rest_user
from exclusive_redis_xcom.api_server.requests.caller import Tokens
from exclusive_redis_xcom.api_server.requests.delayed_answer import DelayedAnswer
from exclusive_redis_xcom.api_server.requests.rest_body import Peeked
from exclusive_redis_xcom.api_server.requests.rest_routes import Effect
from exclusive_redis_xcom.api_server.requests.routes import SAFE_METHODS, Router, Unknown, Write, is_xcoms
from exclusive_redis_xcom.api_server.requests.store_source import StoreSource
from exclusive_redis_xcom.api_server.watch import plans
from exclusive_redis_xcom.api_server.watch.heartbeat import Heartbeat
from exclusive_redis_xcom.api_server.watch.telling import Teller
from exclusive_redis_xcom.errors import ConfigurationError
from exclusive_redis_xcom.settings import Settings, load_settings
from exclusive_redis_xcom.tracebacks import errors_without_locals, errors_without_own_locals

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from exclusive_redis_xcom.api_server.requests import routes
    from exclusive_redis_xcom.api_server.requests.caller import Validate
    from exclusive_redis_xcom.api_server.requests.rest_routes import RestCall
    from exclusive_redis_xcom.api_server.watch.plans import Plan
    from exclusive_redis_xcom.store import Store

log = logging.getLogger("exclusive_redis_xcom")

#: From this status on nobody knows what Airflow did.
_FAILED = 500


class Watch:
    """Watches over XCom rows. It passes every request through where tasks do not pull directly, or without a Redis.

    Args:
        app: What answers inside.
        settings: Read from Airflow's configuration unless given.
        store: Gives the Redis store. It is the one that the settings name unless given.
        validate: Checks tokens, as Airflow does unless given.
    """

    @errors_without_locals
    def __init__(
        self,
        app: ASGIApp,
        *,
        settings: Settings | None = None,
        store: Callable[[], Store] | None = None,
        validate: Validate | None = None,
    ) -> None:
        self._app = app
        self._inert = True
        try:
            settings = settings or load_settings()
            if not settings.pulls_directly:
                return
            # The heartbeat has its own connection: a beat must not wait until a slow change is told.
            heart = Heartbeat(store or StoreSource(settings).checked())
            self._teller = Teller(store or StoreSource(settings), heart)
            self._router = Router()
        except (ConfigurationError, ImportError) as error:
            log.error(
                "XCom rows are not watched, so each pull asks an API server (direct_pulls has no effect): %s", error
            )
            return
        self._heart = heart
        self._tokens = Tokens(validate)
        self._inert = False

    @property
    def is_active(self) -> bool:
        """Whether it watches over anything."""
        return not self._inert

    @errors_without_own_locals
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if self._inert:
            await self._app(scope, receive, send)
            return
        if not self._heart.started:
            self._heart.start()
        if scope["type"] == "http" and scope["method"] not in SAFE_METHODS:
            await self._serve(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._app(scope, receive, self._leaving(send))
        else:
            await self._app(scope, receive, send)

    def _leaving(self, send: Send) -> Send:
        from anyio import to_thread

        async def leaving(message: Message) -> None:
            if message["type"].startswith("lifespan.shutdown"):
                await to_thread.run_sync(self._heart.stop)
            await send(message)

        return leaving

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._heart.hopeless:
            self._inert = True  # the heartbeat has logged why
        path = self._router.path(scope)
        if self._inert:
            await self._app(scope, receive, send)
        elif is_xcoms(path):
            await self._row(self._parsed(path, scope), scope, receive, send)
        elif (call := rest_routes.parse(scope["method"], path, clears=True)) is not None:
            await self._call(call, scope, receive, send)
        else:
            await self._app(scope, receive, send)
            self._tokens.remember(scope)

    def _parsed(self, path: str, scope: Scope) -> routes.XComCall:
        try:
            return self._router.parse(scope["method"], path, scope.get("query_string", b""))
        except Exception as error:
            return Unknown(type(error).__name__)

    async def _row(self, call: routes.XComCall, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a task that writes or removes one XCom."""
        peeked = Peeked(receive)
        if isinstance(call, Write) and call.action == "push":
            await peeked.read()
        plan = plans.of_row(call, scope, peeked.body)
        if plan.before is not None and await self._is_task(scope):
            await self._teller.warn(plan.before)
        await self._change(plan, scope, peeked.receive, send)

    async def _call(self, call: RestCall, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a person who edits, deletes or clears, or a task that clears."""
        from anyio import to_thread

        peeked = Peeked(receive)
        await peeked.read()
        allowed = call.effect is not Effect.CLEAR and await _is_allowed(call, scope)
        plan = await to_thread.run_sync(_planned, call, scope, peeked.body, allowed)
        if plan is None:
            await self._app(scope, peeked.receive, send)
            return
        if plan.before is not None and allowed:
            await self._teller.warn(plan.before)
        await self._change(plan, scope, peeked.receive, send)

    async def _change(self, plan: Plan, scope: Scope, receive: Receive, send: Send) -> None:
        """Let Airflow answer, and hold its answer until Redis knows."""
        answer = DelayedAnswer(send)
        returned = False
        try:
            # Wait until Airflow returns: it may commit after it has sent its answer.
            await self._app(scope, receive, answer)
            returned = True
        finally:
            if not returned or answer.status is None or answer.status >= _FAILED:
                await self._teller.tell(plan.in_doubt)
            elif answer.successful:
                await self._teller.tell(plan.after, plan.marked)
            await answer.send()

    async def _is_task(self, scope: Scope) -> bool:
        try:
            return await self._tokens.task_instance_id(scope["headers"]) is not None
        except Exception:
            return False  # Airflow finds out for itself


async def _is_allowed(call: RestCall, scope: Scope) -> bool:
    try:
        await rest_user.authorised_user(scope, call)
    except Exception:
        return False  # Airflow finds out for itself
    return True


def _planned(call: RestCall, scope: Scope, body: bytes | None, allowed: bool) -> Any:
    try:
        return plans.of_call(call, scope, body, allowed=allowed)
    except Exception as error:  # of Airflow's database
        log.warning("The XComs that a request changes could not be listed: %s", type(error).__name__)
        return plans.OF_ANYTHING
