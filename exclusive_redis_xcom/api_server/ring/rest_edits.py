"""Edits (POST and PATCH) over the public REST API: refused where our reference is in the row, or would be."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.api_server.requests import rest_body, rest_user, xcom_table
from exclusive_redis_xcom.api_server.requests.describing import described
from exclusive_redis_xcom.api_server.requests.rest_body import RefusedError
from exclusive_redis_xcom.api_server.requests.rest_routes import Effect
from exclusive_redis_xcom.api_server.requests.threads import SMALL_BYTES, off_loop
from exclusive_redis_xcom.api_server.ring import answers
from exclusive_redis_xcom.api_server.ring.refusing import edit_refusal, refuse
from exclusive_redis_xcom.model import Coordinate

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from exclusive_redis_xcom.api_server.requests.rest_routes import RestCall
    from exclusive_redis_xcom.api_server.ring.audit import Audit

log = logging.getLogger("exclusive_redis_xcom")

_HELD = (
    "This XCom holds a reference of exclusive_redis_xcom. Only the task that pushes the value writes its reference. "
    "Clear the task to have the value pushed again."
)
_FORGED = "An XCom may not be given a reference of exclusive_redis_xcom: only the task that pushes a value writes one."
_UNKNOWN = "exclusive_redis_xcom does not know this way to write XComs, and refuses it."
_UNDECIDED = "exclusive_redis_xcom could not check what this XCom holds. Try again. The API server's log has the cause."


class Edits:
    """Decides about edits before Airflow sees them.

    Args:
        app: What answers inside.
        audit: Where refusals go on record.
    """

    def __init__(self, app: ASGIApp, audit: Audit) -> None:
        self._app = app
        self._audit = audit

    async def answer(self, call: RestCall, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse an edit, or let Airflow carry it out.

        The user is checked first, because nobody else may learn what a row holds. A user whom Airflow would refuse is
        refused here, in Airflow's words. Passing the request on is no way: a token may become valid a moment later.
        """
        try:
            user = await rest_user.authorised_user(scope, call)
        except RefusedError as refused:
            await answers.send_detail(send, refused.status, refused.detail)
        except Exception as error:
            await _undecided(send, error)
        else:
            await self._answer(user, call, scope, receive, send)

    async def _answer(self, user: Any, call: RestCall, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await _permitted_body(call, receive)
        except rest_body.ClientGoneError:
            return
        except RefusedError as refused:
            at = refused.at if isinstance(refused, _EditRefusedError) else None
            record = edit_refusal(user, call, at, refused)
            await refuse(send, self._audit, record, refused.detail, refused.status)
        except Exception as error:
            await _undecided(send, error)
        else:
            await self._app(scope, rest_body.replay(body, receive), send)


class _EditRefusedError(RefusedError):
    """An edit of one XCom is not allowed."""

    def __init__(self, message: str, at: Coordinate | None = None) -> None:
        super().__init__(answers.FORBIDDEN, answers.forbidden(message))
        self.at = at


async def _permitted_body(call: RestCall, receive: Receive) -> bytes:
    """Return the body of an edit that Airflow may carry out.

    Raises:
        RefusedError: The edit is not allowed.
    """
    if call.effect is Effect.UNKNOWN:
        raise _EditRefusedError(_UNKNOWN)
    body = await rest_body.read_body(receive)
    at, forged = await off_loop(len(body) > SMALL_BYTES, _edit, call, body)
    if forged:
        raise _EditRefusedError(_FORGED, at)
    if await _in_thread(xcom_table.holds_reference, (at.dag_id, at.run_id, at.task_id, at.key)):
        raise _EditRefusedError(_HELD, at)
    return body


async def _undecided(send: Send, error: Exception) -> None:
    # The text of a database error quotes parameters.
    log.error("An edit of an XCom over REST could not be checked: %s", described(error))
    await answers.cannot_decide(send, _UNDECIDED)


def _edit(call: RestCall, body: bytes) -> tuple[Coordinate, bool]:
    """Return which XCom is to be written, at whatever map_index, and whether its value is our reference."""
    try:
        fields = rest_body.json_object(body)
    except rest_body.NotAnObjectError:
        raise RefusedError(422, "The body is not a JSON object.") from None
    dag_id, run_id, task_id, *key = call.scope
    name = key[0] if key else fields.get("key")
    if not isinstance(name, str):
        raise RefusedError(422, "The body names no key.")
    return Coordinate(dag_id, run_id, task_id, name), xcom_table.carries_reference(fields.get("value"))


async def _in_thread(work: Any, *arguments: Any) -> Any:
    from anyio import to_thread

    return await to_thread.run_sync(work, *arguments)
