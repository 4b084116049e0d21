"""Reads: Airflow answers first, then the ring opens the seals in the answer that the caller may open.

The token and the reference decide: the reference's seal proves its coordinate and its rule. The URL never decides;
under `include_prior_dates` it does not even name the value's run. The URL only tells where in the answer the values
are. A refused reference stays in the answer, sealed, with status 200: the task that pulls then raises the error.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, NamedTuple

from exclusive_redis_xcom.api_server.requests import xcom_table
from exclusive_redis_xcom.api_server.requests.caller import seen_by_airflow
from exclusive_redis_xcom.api_server.requests.describing import described
from exclusive_redis_xcom.api_server.requests.rest_body import replay
from exclusive_redis_xcom.api_server.requests.threads import SMALL_BYTES, off_loop
from exclusive_redis_xcom.api_server.ring import answers
from exclusive_redis_xcom.api_server.ring.audit import AuditFailed
from exclusive_redis_xcom.api_server.ring.items import Document
from exclusive_redis_xcom.api_server.ring.rewritable_answer import RewritableAnswer
from exclusive_redis_xcom.formats.reference import MARK
from exclusive_redis_xcom.memory import paused_collector

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from starlette.types import ASGIApp, Receive, Scope, Send

    from exclusive_redis_xcom.api_server.requests.caller import Caller, Callers, Tokens
    from exclusive_redis_xcom.api_server.requests.routes import Read
    from exclusive_redis_xcom.api_server.requests.window import Window
    from exclusive_redis_xcom.api_server.ring.audit import Audit, Record
    from exclusive_redis_xcom.api_server.ring.items import Item
    from exclusive_redis_xcom.api_server.ring.observing import Observer
    from exclusive_redis_xcom.api_server.ring.releasing import Releaser
    from exclusive_redis_xcom.model import Coordinate

log = logging.getLogger("exclusive_redis_xcom")

_MARK = MARK.encode("ascii")
#: How Airflow's answer begins if its first row is a reference with a wrapped key. A long row is not searched.
_WRAPPED = re.compile(rb'\[ ?\{ ?"' + _MARK + rb'": ?"')


class _Release(NamedTuple):
    """What was decided about the values of an answer. `items` has those about which the record of refusals may ask."""

    records: Sequence[Record]
    caller: Caller | None
    has_opened: bool
    items: Sequence[Item] = ()


if TYPE_CHECKING:
    Rewrite = Callable[[RewritableAnswer, Read, Scope], Awaitable[_Release | None]]
    Texts = Callable[[Coordinate, int, int], Sequence[str]]


class Reader:
    """Answers GETs.

    Args:
        app: What answers inside.
        tokens: Reads tokens.
        callers: Finds task instances.
        releaser: Decides about the values of an answer.
        audit: Where decisions go on record.
        observer: Where refused pulls are counted.
        texts: Reads the JSON of a task's rows from one number to another, from Airflow's database unless given.
    """

    def __init__(
        self,
        app: ASGIApp,
        tokens: Tokens,
        callers: Callers,
        releaser: Releaser,
        audit: Audit,
        observer: Observer,
        texts: Texts | None = None,
    ) -> None:
        self._app = app
        self._tokens = tokens
        self._callers = callers
        self._releaser = releaser
        self._audit = audit
        self._observer = observer
        self._texts = texts or _texts

    async def answer(self, read: Read, scope: Scope, receive: Receive, send: Send) -> None:
        """Let Airflow answer, and send its answer with the seals open that the caller may open."""
        as_one = read.window if self._releaser.as_texts else None
        if as_one is not None and await self._answered_as_one(read, as_one, scope, receive, send):
            return
        # Airflow may be asked twice, and wants the empty body of a GET each time.
        await self._answered(read, scope, replay(b"", receive), send, self._rewrite)

    async def _answered_as_one(self, read: Read, window: Window, scope: Scope, receive: Receive, send: Send) -> bool:
        """Answer a slice that can be one text, and return whether it was answered.

        Airflow decides about the request, as `requests/window.py` says. The caller is looked up after the rows were
        read, as for every answer: whoever ends meanwhile gets nothing.
        """

        async def rewrite(answer: RewritableAnswer, read: Read, scope: Scope) -> _Release | None:
            wrapped = _WRAPPED.match(answer.body)
            texts = await self._rows(read.row, window.start, window.stop) if wrapped else ()
            caller = await self._caller(scope) if texts else None
            if caller is None or not caller.running:
                return None
            released = await self._releaser.release_rows(texts, read, caller)
            if released is None:
                return None
            answer.body = released.answer
            return await self._recorded(_Release(released.records, caller, has_opened=True))

        return await self._answered(read, window.of_first_row(scope), replay(b"", receive), send, rewrite, or_not=True)

    async def _answered(
        self, read: Read, scope: Scope, receive: Receive, send: Send, rewrite: Rewrite, *, or_not: bool = False
    ) -> bool:
        """Send Airflow's answer, rewritten, and return whether anything was sent.

        Args:
            read: What was asked for.
            scope: The request's ASGI scope.
            receive: The server's own.
            send: The server's own.
            rewrite: Changes the answer into what the caller may have, and returns what goes on record.
            or_not: Whether an answer about which nothing goes on record is not sent.
        """
        answer = RewritableAnswer(send)
        await self._app(scope, receive, answer)  # whatever is raised here is raised by Airflow
        if answer.passes:
            return True
        try:
            answer.require_whole()
            release = await rewrite(answer, read, scope)
        except Exception as error:
            await answers.failed(send, error)
            return True
        if release is None and or_not:
            return False
        await answer.send()
        if release is not None and release.records:
            await self._audit.put_on_record(release.records, with_rows=not self._audit.strict)
            await self._observer.put_on_record(release.items, release.caller)
        return True

    async def _rewrite(self, answer: RewritableAnswer, read: Read, scope: Scope) -> _Release | None:
        """Change the answer into what the caller may have.

        Returns:
            What goes on record; None if there was nothing to decide.

        Raises:
            CannotDecide, AuditFailed, Exception: Nothing of the answer may be sent.
        """
        # Airflow's JSON never escapes ASCII letters, so an answer without these bytes holds no reference.
        if _MARK not in answer.body:
            return None
        is_big = len(answer.body) > SMALL_BYTES
        document = await off_loop(is_big, _read, read, answer.body)
        if document is None:
            return None
        caller = await self._caller(scope)
        records, written = await self._releaser.release(document, read, caller, is_big=is_big)
        has_opened = any(item.data_key is not None for item in document.items)
        release = await self._recorded(_Release(records, caller, has_opened, document.items))
        answer.body = written
        return release

    async def _rows(self, row: Coordinate, start: int, stop: int) -> Sequence[str]:
        """Return the JSON of rows; none if the database cannot be read here."""
        try:
            return await off_loop(True, self._texts, row, start, stop)
        except Exception as error:  # of Airflow's database
            log.warning("A slice is read as Airflow reads it: %s", described(error))
            return ()

    async def _recorded(self, release: _Release) -> _Release:
        """With a strict audit, write the rows before anything is sent."""
        if self._audit.strict:
            try:
                await self._audit.record(release.records)
            except AuditFailed:
                if release.has_opened:
                    raise
        return release

    async def _caller(self, scope: Scope) -> Caller | None:
        ti_id = seen_by_airflow(scope) or await self._tokens.task_instance_id(scope["headers"])
        return None if ti_id is None else await self._callers.find(ti_id)


def _texts(row: Coordinate, start: int, stop: int) -> Sequence[str]:
    names = {"dag_id": row.dag_id, "run_id": row.run_id, "task_id": row.task_id, "key": row.key}
    return xcom_table.texts(names, start, stop)


def _read(read: Read, body: bytes) -> Document | None:
    """Take an answer apart; return None if there is nothing to decide about."""
    with paused_collector():
        document = Document(read.shape, body)
    return document if document.concerns_the_ring else None
