"""Deletions over the public REST API: of an XCom, or of the task instance, run or DAG to which it belongs."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.api_server.deletions.removal import Removal
from exclusive_redis_xcom.api_server.requests import rest_body, rest_user
from exclusive_redis_xcom.api_server.requests.delayed_answer import DelayedAnswer
from exclusive_redis_xcom.api_server.requests.rest_body import Peeked, RefusedError
from exclusive_redis_xcom.api_server.requests.rest_routes import Effect, map_index
from exclusive_redis_xcom.api_server.requests.threads import SMALL_BYTES, OwnThreads, off_loop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

    from exclusive_redis_xcom.api_server.requests.rest_routes import RestCall
    from exclusive_redis_xcom.store import Store

    #: It is told the request, the user and how many were removed.
    Recorder = Callable[[RestCall, Any, int], Awaitable[None]]
    #: It answers in Airflow's place. It is told the request and the user.
    Refuser = Callable[[Send, RestCall, Any, RefusedError], Awaitable[None]]

log = logging.getLogger("exclusive_redis_xcom")

#: Threads for removals alone: a big removal must not keep reads waiting.
_THREADS = 2

_STAY = "Nobody can reach them without their rows, and they expire with their TTL."

EFFECTS = frozenset({Effect.REMOVE, Effect.BULK_TASKS, Effect.BULK_RUNS})


class Deletions:
    """Lets Airflow delete rows, and then removes the values of the rows that are gone.

    The answer is sent when both are done. It is Airflow's own answer even where Redis fails: a value without a row is
    unreachable and expires with its TTL. A warning then says how many values there are.

    Args:
        app: What answers inside.
        store: Gives the Redis store. It is called in worker threads.
        record: Puts a removal on record.
        refuse: Refuses a body that is too long to be read. Without it, Airflow gets that body, and its values stay.
    """

    def __init__(
        self,
        app: ASGIApp,
        store: Callable[[], Store],
        *,
        record: Recorder | None = None,
        refuse: Refuser | None = None,
    ) -> None:
        self._app = app
        self._store = store
        self._record = record
        self._refuse = refuse
        self._threads = OwnThreads(_THREADS)

    async def answer(self, call: RestCall, scope: Scope, receive: Receive, send: Send) -> None:
        """Let Airflow answer, and remove from Redis what it deleted."""
        try:
            user = await rest_user.authorised_user(scope, call)
        except Exception as error:
            if not isinstance(error, RefusedError):
                _stay("the user could not be checked", error)
            await self._app(scope, receive, send)  # Airflow refuses in its own words
            return
        scopes = [call.scope]
        if call.effect is not Effect.REMOVE:
            peeked = Peeked(receive, rest_body.MAX_BODY)
            await peeked.read()
            if peeked.body is None and not peeked.is_too_long:
                return  # there is nobody to answer
            if peeked.body is None and self._refuse is not None:
                await self._refuse(send, call, user, rest_body.too_long())
                return
            receive = peeked.receive
            scopes = await _bulk_scopes(call, peeked.body)
        if scopes:
            await self._delete(scopes, call, user, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _delete(
        self, scopes: list[tuple[str, ...]], call: RestCall, user: Any, scope: Scope, receive: Receive, send: Send
    ) -> None:
        with Removal(scopes, map_index=map_index(call, scope.get("query_string", b""))) as removal:
            await self._note(removal)
            answer = DelayedAnswer(send)
            await self._app(scope, receive, answer)
            # Wait until Airflow returns: it may commit after it has sent its answer.
            if answer.successful and removal.count:
                await self._remove(removal, call, user)
            await answer.send()

    async def _note(self, removal: Removal) -> None:
        try:
            await self._threads.run(removal.note)
        except Exception as error:
            _stay("their rows could not be listed", error)

    async def _remove(self, removal: Removal, call: RestCall, user: Any) -> None:
        """Remove batch after batch. Others get their turn between two batches, in these threads and in Redis."""
        looked_at = removed = 0
        try:
            batches = removal.batches()
            while batch := await self._threads.run(next, batches, None):
                removed += await self._threads.run(removal.remove, batch, self._store)
                looked_at += len(batch)
        except Exception as error:
            left = removal.count - looked_at
            log.warning("Up to %d deleted XComs are still in Redis: %s. %s", left, type(error).__name__, _STAY)
        if removed and self._record is not None:
            await self._record(call, user, removed)


async def _bulk_scopes(call: RestCall, body: bytes | None) -> list[tuple[str, ...]]:
    """Return what a bulk request may delete; nothing where its body is too long, or malformed."""
    if body is None:
        log.warning("Deleted XComs may stay in Redis, because the request that names them is too long. %s", _STAY)
        return []
    try:
        return await off_loop(len(body) > SMALL_BYTES, _parsed_scopes, call, body)
    except rest_body.NotAnObjectError:
        return []


def _parsed_scopes(call: RestCall, body: bytes) -> list[tuple[str, ...]]:
    return rest_body.bulk_scopes(call, rest_body.json_object(body))


def _stay(why: str, error: Exception) -> None:
    log.warning("Deleted XComs may stay in Redis, because %s: %s. %s", why, type(error).__name__, _STAY)
