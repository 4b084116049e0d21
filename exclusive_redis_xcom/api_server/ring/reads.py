"""Reads: Airflow answers first, then the references in its answer are opened for who may read them.

The decision rests on the token and on the reference, whose seal proves its coordinate and rule; never on the URL, which
under `include_prior_dates` does not even say which run's value this is. The URL only tells where in the answer the
values are. A refused reference stays in the answer, sealed: status 200, since the pulling task raises the error then.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from exclusive_redis_xcom.api_server.requests.caller import seen_by_airflow
from exclusive_redis_xcom.api_server.requests.routes import Shape
from exclusive_redis_xcom.api_server.ring import audit, releasing
from exclusive_redis_xcom.api_server.ring.audit import AuditFailed
from exclusive_redis_xcom.api_server.ring.held import CannotDecide, Held
from exclusive_redis_xcom.formats.reference import MARK

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from anyio import CapacityLimiter
    from starlette.types import ASGIApp, Receive, Scope, Send

    from exclusive_redis_xcom.api_server.requests.caller import Caller, Callers, Tokens
    from exclusive_redis_xcom.api_server.requests.routes import Read
    from exclusive_redis_xcom.api_server.ring.audit import Audit
    from exclusive_redis_xcom.api_server.ring.releasing import Release, Releaser
    from exclusive_redis_xcom.crypto.opening import Verdict
    from exclusive_redis_xcom.formats.claims import Claim

_T = TypeVar("_T")

# What may be worked on in the event loop. A reference takes some 900 bytes and 0.35 ms.
_SMALL_BYTES = 8 * 1024

# Threads of their own: while Redis is not there, waiting for it must not use up those that serve everybody else.
_REDIS_THREADS = 8

_MARK = MARK.encode("ascii")


class Reader:
    """Answers GETs.

    Args:
        app: What answers inside.
        tokens: Reads tokens.
        callers: Finds task instances.
        releaser: Decides.
        trail: Where decisions go on record.
    """

    def __init__(self, app: ASGIApp, tokens: Tokens, callers: Callers, releaser: Releaser, trail: Audit) -> None:
        self._app = app
        self._tokens = tokens
        self._callers = callers
        self._releaser = releaser
        self._audit = trail
        self._redis_threads: CapacityLimiter | None = None

    async def fetch(self, scope: Scope, receive: Receive, send: Send) -> Held:
        """Let Airflow answer, and hold the answer back if it may hold references.

        Whatever is raised here is raised by Airflow.
        """
        held = Held(send)
        await self._app(scope, receive, held)
        return held

    async def release(self, read: Read, scope: Scope, held: Held) -> Release | None:
        """Open in a held answer what the caller may read; None if there is nothing to decide.

        Raises:
            CannotDecide, AuditFailed, Exception: Nothing of the answer may be sent.
        """
        body = held.body
        # Airflow's JSON never escapes ASCII letters, so an answer without these bytes holds no reference.
        if _MARK not in body:
            return None
        big = len(body) > _SMALL_BYTES
        answer = await _off_loop(big, _understand, read.shape, body)
        if not answer.concerned:
            return None
        caller = await self._caller(scope)
        verdicts = await _off_loop(big, self._releaser.judge, read, answer.parsed, caller)
        claimed = await self._claim(answer.parsed, verdicts, caller)
        release = await _off_loop(
            big, self._releaser.conclude, read, answer.values, answer.parsed, verdicts, claimed, caller
        )
        if self._audit.strict:
            await self._record_before(release)
        held.body = await _off_loop(big, answer.write, [outcome.json for outcome in release.outcomes])
        return release

    async def put_on_record(self, release: Release) -> None:
        """After the answer was sent: rows, unless they had to be there before, and lines of the log.

        Raises:
            AuditFailed: Already logged.
        """
        audit.announce(release.records)
        audit.tally(release.records)
        if not self._audit.strict:
            await self._audit.record(release.records)

    async def _record_before(self, release: Release) -> None:
        try:
            await self._audit.record(release.records)
        except AuditFailed:
            if release.opens:
                raise

    async def _claim(
        self, parsed: Sequence[Any], verdicts: Sequence[Verdict | None], caller: Caller | None
    ) -> dict[int, Claim]:
        """Claim what is read once."""
        wanted = releasing.to_be_claimed(parsed, verdicts, caller)
        # Where anything is refused the pull fails as a whole, so nothing is claimed for it.
        if not wanted or caller is None or any(map(releasing.is_refused, parsed, verdicts)):
            return dict.fromkeys(wanted, releasing.WITHHELD)
        pairs = [(parsed[position].coordinate, parsed[position].version) for position in wanted]
        return dict(zip(wanted, await self._ask_redis(self._releaser.claim, pairs, caller), strict=True))

    async def _ask_redis(self, work: Callable[..., _T], *arguments: Any) -> _T:
        from anyio import CapacityLimiter, to_thread

        if self._redis_threads is None:
            self._redis_threads = CapacityLimiter(_REDIS_THREADS)
        return await to_thread.run_sync(work, *arguments, limiter=self._redis_threads)

    async def _caller(self, scope: Scope) -> Caller | None:
        ti_id = seen_by_airflow(scope) or await self._tokens.task_instance_id(scope["headers"])
        return None if ti_id is None else await self._callers.find(ti_id)


async def _off_loop(blocks: bool, work: Callable[..., _T], *arguments: Any) -> _T:
    from starlette.concurrency import run_in_threadpool

    return await run_in_threadpool(work, *arguments) if blocks else work(*arguments)


@dataclass(frozen=True)
class _Answer:
    """An answer read: where in it the values of the database are, and which of them are references."""

    shape: Shape
    document: Any
    values: list[Any]
    parsed: list[Any]

    @property
    def concerned(self) -> bool:
        """Whether there is anything to decide about."""
        return any(found is releasing.UNUSABLE or releasing.is_sealed(found) for found in self.parsed)

    def write(self, values: list[Any]) -> bytes:
        """The same answer with other values."""
        document: Any = values if self.shape is Shape.SLICE else values[0]
        if self.shape is Shape.VALUE:
            document = {**self.document, "value": values[0]}
        return json.dumps(document, separators=(",", ":")).encode("ascii")


def _understand(shape: Shape, body: bytes) -> _Answer:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise CannotDecide("Airflow's answer could not be read.") from None
    values = _values(shape, document)
    return _Answer(shape, document, values, [releasing.parsed_reference(value) for value in values])


def _values(shape: Shape, document: Any) -> list[Any]:
    if shape is Shape.ITEM:
        return [document]
    if shape is Shape.SLICE and isinstance(document, list):
        return document
    if shape is Shape.VALUE and isinstance(document, dict) and "value" in document:
        return [document["value"]]
    raise CannotDecide("Airflow's answer has a form that this release of exclusive-redis-xcom does not know.")
