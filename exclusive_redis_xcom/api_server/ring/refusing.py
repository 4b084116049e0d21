"""Refusing: the one place where the ring answers "no" in Airflow's place, and puts that on record.

A refusal has an audit row, a line in the server's log and a count. So no request is refused without a trace, whatever
it asked for. A refused *pull* is no answer of its own: it is a seal that stays shut, and `releasing` records it.

The ring's other answers are no decisions: 503, and what Airflow says of a user who may not call a route.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.api_server.requests import rest_user
from exclusive_redis_xcom.api_server.requests.describing import described
from exclusive_redis_xcom.api_server.requests.routes import SAFE_METHODS
from exclusive_redis_xcom.api_server.ring import answers, records
from exclusive_redis_xcom.api_server.ring.audit import DENIED, EDIT_DENIED, WRITE_DENIED, Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Scope, Send

    from exclusive_redis_xcom.api_server.requests.caller import Caller, Callers, Tokens
    from exclusive_redis_xcom.api_server.requests.rest_body import RefusedError
    from exclusive_redis_xcom.api_server.requests.rest_routes import RestCall
    from exclusive_redis_xcom.api_server.requests.routes import Unknown
    from exclusive_redis_xcom.api_server.ring.audit import Audit
    from exclusive_redis_xcom.model import Coordinate

log = logging.getLogger("exclusive_redis_xcom")

#: What a method does to an XCom, as records and refusals name it. Other methods are named as they are.
ACTIONS = {"POST": "push", "DELETE": "remove"}

_ANYBODY = "a caller without a valid token of a task"
_UNREADABLE = "a caller who could not be looked up"
_LONGEST_METHOD = 20


async def refuse(
    send: Send, audit: Audit, record: Record, detail: Any, status: int = answers.FORBIDDEN, *, with_rows: bool = True
) -> None:
    """Answer with a refusal, and put it on record, also where there is nobody left to answer.

    Args:
        send: The server's own.
        audit: Where the refusal goes on record.
        record: What goes on record.
        detail: What the answer's `detail` holds.
        status: The answer's status.
        with_rows: Whether audit rows are written, besides the line in the log and the count.
    """
    try:
        await answers.send_detail(send, status, detail)
    finally:
        await audit.put_on_record([record], with_rows=with_rows)


class UnreadRefusals:
    """Refuses requests of tasks that the ring did not read, or could not read. It finds out who asks.

    Args:
        tokens: Reads tokens.
        callers: Finds task instances.
        audit: Where refusals go on record.
    """

    def __init__(self, tokens: Tokens, callers: Callers, audit: Audit) -> None:
        self._tokens = tokens
        self._callers = callers
        self._audit = audit

    async def refuse_unknown(self, call: Unknown, scope: Scope, send: Send) -> None:
        """Refuse a request of which the ring does not know what it asks for."""
        what = str(call.row) if call.row else f"path '{scope['path']}'"
        detail = answers.forbidden(f"Refused by exclusive-redis-xcom: {call.why}.")
        await self.refuse(scope, send, detail, answers.FORBIDDEN, why=call.why, what=what, row=call.row)

    async def refuse(
        self, scope: Scope, send: Send, detail: Any, status: int, *, why: str, what: str, row: Coordinate | None
    ) -> None:
        """Refuse a request, whoever asks.

        Args:
            scope: The request's ASGI scope.
            send: The server's own.
            detail: What the answer's `detail` holds.
            status: The answer's status.
            why: The reason, for the record.
            what: What was asked for, for the record.
            row: The XCom that was asked for, if that is known.
        """
        caller, who, is_task = await self._who(scope)
        method = str(scope["method"])[:_LONGEST_METHOD]
        key = {} if row is None else {"key": row.key}
        extra = {**who, "action": ACTIONS.get(method, method), "what": what, **key, "why": why}
        is_read = method in SAFE_METHODS
        # A read has no ids in its columns and tags: the caller may have made them up.
        record = Record(
            DENIED if is_read else WRITE_DENIED, None if is_read else row, records.owner(caller), extra, caller
        )
        # Nobody without a token can make the audit log grow.
        await refuse(send, self._audit, record, detail, status, with_rows=is_task)

    async def _who(self, scope: Scope) -> tuple[Caller | None, Mapping[str, Any], bool]:
        """Return the caller, how a record names them, and whether they have a token of a task."""
        ti_id = None
        try:
            ti_id = await self._tokens.task_instance_id(scope["headers"])
            if ti_id is None:
                return None, {"who": _ANYBODY}, False
            caller = await self._callers.find(ti_id)
        except Exception as error:
            log.error("The caller of a refused request could not be looked up: %s", described(error))
            return None, {"who": _UNREADABLE}, ti_id is not None
        return caller, records.who(caller), True


def edit_refusal(user: Any, call: RestCall, at: Coordinate | None, refused: RefusedError) -> Record:
    """Return the record of a request to the public REST API that is refused.

    Args:
        user: The authenticated user.
        call: The request.
        at: The XCom that was to be written, if that is known.
        refused: The refusal.
    """
    who = rest_user.name_of(user)
    why = refused.detail["message"] if isinstance(refused.detail, dict) else refused.detail
    what = str(at) if at is not None else _parameters(call)
    key = {} if at is None else {"key": at.key}
    return Record(EDIT_DENIED, at, who, {"who": f"user '{who}'", "what": what, **key, "why": why})


def _parameters(call: RestCall) -> str:
    ids = ", ".join(f"{name} '{value}'" for name, value in call.parameters.items())
    return f"XComs of {ids}" if ids else "an XCom"
