"""Deletions over the public REST API: of an XCom, or of the task instance, run or DAG to which it belongs."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.api_server.requests import rest_body, rest_user
from exclusive_redis_xcom.api_server.requests.delayed_answer import DelayedAnswer
from exclusive_redis_xcom.api_server.requests.rest_body import RefusedError
from exclusive_redis_xcom.api_server.requests.rest_routes import Effect, map_index
from exclusive_redis_xcom.api_server.requests.threads import SMALL_BYTES, OwnThreads, off_loop
from exclusive_redis_xcom.api_server.ring.audit import REMOVED, AuditFailed, Record
from exclusive_redis_xcom.api_server.ring.refusing import edit_refusal, refuse
from exclusive_redis_xcom.api_server.ring.rest_removal import Removal
from exclusive_redis_xcom.model import Coordinate

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

    from exclusive_redis_xcom.api_server.requests.rest_routes import RestCall
    from exclusive_redis_xcom.api_server.ring.audit import Audit
    from exclusive_redis_xcom.store import Store

log = logging.getLogger("exclusive_redis_xcom")

#: Threads for removals alone: a big removal must not keep reads waiting.
_THREADS = 2

_STAY = "Nobody can reach them without their rows, and they expire with their TTL."


class Deletions:
    """Lets Airflow delete rows, and then removes the values of the rows that are gone.

    The answer is sent when both are done. It is Airflow's own answer even where Redis fails: a value without a row is
    unreachable and expires with its TTL. A warning then says how many values there are.

    Args:
        app: What answers inside.
        audit: Where removals and refusals go on record.
        store: Gives the Redis store. It is called in worker threads.
    """

    def __init__(self, app: ASGIApp, audit: Audit, store: Callable[[], Store]) -> None:
        self._app = app
        self._audit = audit
        self._store = store
        self._threads = OwnThreads(_THREADS)

    async def answer(self, call: RestCall, scope: Scope, receive: Receive, send: Send) -> None:
        """Let Airflow answer, and remove from Redis what it deleted."""
        try:
            user = await rest_user.authorised_user(scope, call)
        except Exception as error:
            if not isinstance(error, RefusedError):
                log.warning(
                    "Deleted XComs may stay in Redis, because the user could not be checked: %s. %s",
                    type(error).__name__,
                    _STAY,
                )
            await self._app(scope, receive, send)  # Airflow refuses in its own words
            return
        try:
            scopes, receive = await _reach(call, receive)
        except rest_body.ClientGoneError:
            return
        except RefusedError as refused:
            record = edit_refusal(user, call, None, refused)
            await refuse(send, self._audit, record, refused.detail, refused.status)
            return
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
            log.warning(
                "Deleted XComs may stay in Redis, because their rows could not be listed: %s. %s",
                type(error).__name__,
                _STAY,
            )

    async def _remove(self, removal: Removal, call: RestCall, user: Any) -> None:
        looked_at = removed = 0
        try:
            batches = removal.batches()
            while batch := await self._threads.run(next, batches, None):
                removed += await self._threads.run(removal.remove, batch, self._store)
                looked_at += len(batch)
        except Exception as error:
            left = removal.count - looked_at
            log.warning("Up to %d deleted XComs are still in Redis: %s. %s", left, type(error).__name__, _STAY)
        if removed:
            await self._record(call, user, removed)

    async def _record(self, call: RestCall, user: Any, removed: int) -> None:
        who = rest_user.name_of(user)
        what = {"who": f"user '{who}'", "deleted": dict(call.parameters), "removed_from_redis": removed}
        # A deleted run or DAG has no further ids: the row is found under the ids that there are.
        dag_id, run_id, task_id, key, *_ = (*call.scope, "", "", "")
        with contextlib.suppress(AuditFailed):  # it has been logged
            await self._audit.record([Record(REMOVED, Coordinate(dag_id, run_id, task_id, key), who, what)])


async def _reach(call: RestCall, receive: Receive) -> tuple[list[tuple[str, ...]], Receive]:
    """Return what a request may delete, and a `receive` from which Airflow reads the body again."""
    if call.effect is Effect.REMOVE:
        return [call.scope], receive
    body = await rest_body.read_body(receive)
    again = rest_body.replay(body, receive)
    try:
        return await off_loop(len(body) > SMALL_BYTES, _bulk_scopes, call, body), again
    except rest_body.NotAnObjectError:
        return [], again


def _bulk_scopes(call: RestCall, body: bytes) -> list[tuple[str, ...]]:
    return rest_body.bulk_scopes(call, rest_body.json_object(body))
