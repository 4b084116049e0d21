"""Writes: a task instance may write and remove only its own XComs, and only while it runs. What it pushes is checked.

There is one exception. Airflow pushes the links that operators show in the UI after it has recorded the task as over
(`task_runner.finalize`). So a task instance may still push those keys of its own. An earlier try may not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from exclusive_redis_xcom.api_server.requests import rest_body
from exclusive_redis_xcom.api_server.requests.threads import SMALL_BYTES, off_loop
from exclusive_redis_xcom.api_server.ring import answers, pushed_seals, records
from exclusive_redis_xcom.api_server.ring.audit import WRITE_DENIED, Record
from exclusive_redis_xcom.api_server.ring.pushed_seals import RefusedSealError
from exclusive_redis_xcom.api_server.ring.refusing import refuse
from exclusive_redis_xcom.first_line import fitted
from exclusive_redis_xcom.model import LINK_PREFIX
from exclusive_redis_xcom.reporting.wording import (
    NOT_ITS_OWN,
    OWNERS_REMEDY,
    lines,
    sentence,
    short_asker,
    short_xcom,
    where,
)

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from exclusive_redis_xcom.api_server.requests.caller import Caller, Callers, Tokens
    from exclusive_redis_xcom.api_server.requests.routes import Write
    from exclusive_redis_xcom.api_server.ring.audit import Audit
    from exclusive_redis_xcom.api_server.ring.pushed_seals import PushedSeals
    from exclusive_redis_xcom.api_server.ring.refusing import UnreadRefusals
    from exclusive_redis_xcom.first_line import Shorten
    from exclusive_redis_xcom.model import Coordinate


class _Admitted(NamedTuple):
    """A write that Airflow may carry out: the request's scope and its body."""

    scope: Scope
    body: bytes


class Writer:
    """Decides about POSTs and DELETEs before Airflow sees them.

    Args:
        app: What answers inside.
        tokens: Reads tokens.
        callers: Finds task instances.
        seals: Checks what is pushed.
        unread: Refuses a write whose body is too long to be read.
        audit: Where refusals go on record.
    """

    def __init__(
        self,
        app: ASGIApp,
        tokens: Tokens,
        callers: Callers,
        seals: PushedSeals,
        unread: UnreadRefusals,
        audit: Audit,
    ) -> None:
        self._app = app
        self._tokens = tokens
        self._callers = callers
        self._seals = seals
        self._audit = audit
        self._unread = unread

    async def answer(self, write: Write, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a write, or let Airflow answer it."""
        try:
            # Read the body first: a caller that delays its body must not be judged by its state at the beginning.
            body = await rest_body.read_body(receive)
            admitted = await self._admit(write, scope, body)
        except rest_body.ClientGoneError:
            return
        except rest_body.RefusedError as refused:
            at = write.coordinate
            await self._unread.refuse(
                scope, send, refused.detail, refused.status, why=str(refused.detail), what=str(at), row=at
            )
            return
        except Exception as error:
            await answers.failed(send, error)
            return
        if isinstance(admitted, _Admitted):
            await self._app(admitted.scope, rest_body.replay(admitted.body, receive), send)
            return
        await refuse(send, self._audit, admitted, answers.forbidden(_message(admitted, write)))

    async def _admit(self, write: Write, scope: Scope, body: bytes) -> Record | _Admitted:
        """Return what Airflow gets, or the record of a refusal.

        Raises:
            Exception: It cannot be decided.
        """
        ti_id = await self._tokens.task_instance_id(scope["headers"])
        if ti_id is None:
            return _Admitted(_without_identity(scope), body)
        caller = await self._callers.find(ti_id)
        if not _owns(caller, write):
            return _refusal(caller, write)
        scope = _with_one_identity(scope)
        if write.action != "push":
            return _Admitted(scope, body)
        try:
            checked = await off_loop(len(body) > SMALL_BYTES, self._seals.checked, body, write.coordinate, ti_id)
        except RefusedSealError as refused:
            return _refusal(caller, write, str(refused))
        return _Admitted(scope if checked is body else _of_length(scope, len(checked)), checked)


def _owns(caller: Caller | None, write: Write) -> bool:
    at = write.coordinate
    is_link = write.action == "push" and at.key.startswith(LINK_PREFIX)
    return (
        caller is not None
        and not caller.is_over
        and (caller.running or is_link)
        and (caller.principal.dag_id, caller.principal.run_id, caller.principal.task_id, caller.principal.map_index)
        == (at.dag_id, at.run_id, at.task_id, at.map_index)
    )


def _refusal(caller: Caller | None, write: Write, why: str = "") -> Record:
    """Return the record of a refusal: of what is pushed, for a reason, or else of who writes."""
    is_running = caller is not None and caller.running
    extra = {
        **records.who(caller),
        "action": write.action,
        "what": str(write.coordinate),
        "key": write.coordinate.key,
        "why": why or (NOT_ITS_OWN if is_running else records.why_not_running(caller)),
    }
    return Record(WRITE_DENIED, write.coordinate, records.owner(caller), extra, caller)


def _message(refusal: Record, write: Write) -> str:
    """Word a refusal for the task that asked: the decision, the cause, the remedy, and the whole ids."""
    at, caller, why = write.coordinate, refusal.asker, refusal.extra["why"]
    return lines(
        fitted(lambda short: f"{_who(caller, at, short)} may not {_what(write, why)} {short_xcom(at, short)}."),
        f"{sentence(why)}.",
        _remedy(caller, write, why),
        where(at, None if caller is None else caller.principal),
    )


def _what(write: Write, why: str) -> str:
    return "push this reference as" if why in pushed_seals.REMEDIES else write.action


def _remedy(caller: Caller | None, write: Write, why: str) -> str:
    if why in pushed_seals.REMEDIES:
        return pushed_seals.REMEDIES[why]
    if caller is not None and caller.running:
        return OWNERS_REMEDY[write.action]
    return "Write XComs while the task runs: callbacks on success, on failure and on retry may run after it."


def _who(caller: Caller | None, at: Coordinate, short: Shorten) -> str:
    if caller is None:
        return sentence(records.UNKNOWN)
    asker = short_asker(caller.principal, at, short)
    return f"A try of {asker} that is over" if caller.is_over else asker


def _with_one_identity(scope: Scope) -> Scope:
    """Keep only the `Authorization` header that was read here, whichever one Airflow would read."""
    headers: list[tuple[bytes, bytes]] = list(scope["headers"])
    read = next(pair for pair in headers if pair[0].lower() == b"authorization")
    return {**scope, "headers": [*_without_authorization(headers), read]}


def _of_length(scope: Scope, length: int) -> Scope:
    """Say how long the body is that takes the place of the given one."""
    headers = [pair for pair in scope["headers"] if pair[0].lower() != b"content-length"]
    return {**scope, "headers": [*headers, (b"content-length", str(length).encode("ascii"))]}


def _without_identity(scope: Scope) -> Scope:
    """Let Airflow answer 401 or 403 in its own words: without a token where there was none, else with an invalid one.

    A token that this ring could not read must not reach Airflow, which may read it otherwise.
    """
    headers: list[tuple[bytes, bytes]] = list(scope["headers"])
    kept = _without_authorization(headers)
    if len(kept) < len(headers):
        kept.append((b"authorization", b"Bearer none"))
    return {**scope, "headers": kept}


def _without_authorization(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in headers if name.lower() != b"authorization"]
