"""Reads: Airflow answers first, then the references in its answer are opened for who may read them.

The decision rests on the token and on the reference, whose seal proves its coordinate and rule; never on the URL, which
under ``include_prior_dates`` does not even say which run's value this is. The URL only tells where in the answer the
values are. A refused reference stays in the answer, sealed: status 200, since the pulling task raises the error then.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from exclusive_redis_xcom.reference import MARK
from exclusive_redis_xcom.ring import audit, releasing
from exclusive_redis_xcom.ring.audit import AuditFailed
from exclusive_redis_xcom.ring.caller import seen_by_airflow
from exclusive_redis_xcom.ring.routes import Shape

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from anyio import CapacityLimiter
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from exclusive_redis_xcom.opening import Verdict
    from exclusive_redis_xcom.ring.audit import Audit
    from exclusive_redis_xcom.ring.caller import Caller, Callers, Tokens
    from exclusive_redis_xcom.ring.releasing import Release, Releaser
    from exclusive_redis_xcom.ring.routes import Read
    from exclusive_redis_xcom.store import Claim

_T = TypeVar("_T")

#: What is held in memory of one answer; some hundred times what a slice of 1024 references takes.
MAX_ANSWER_BYTES = 64 * 1024 * 1024

# What may be worked on in the event loop. A reference takes some 900 bytes and 0.35 ms.
_SMALL_BYTES = 8 * 1024

# Threads of their own: while Redis is not there, waiting for it must not use up those that serve everybody else.
_REDIS_THREADS = 8

_OK = 200
_MARK = MARK.encode("ascii")


class CannotDecide(Exception):  # noqa: N818 - says what happened, like the errors of errors.py
    """The answer is not one that the ring can read. Its text is for the caller."""


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
        release = await _off_loop(big, self._releaser.conclude, answer.values, answer.parsed, verdicts, claimed, caller)
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


class Held:
    """Takes an answer: a JSON one with status 200 is held back, any other passed on as it comes."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._chunks: list[bytes] = []
        self._size = 0
        self._complete = self._broken = False
        self.passes = False
        self.body = b""

    async def __call__(self, message: Message) -> None:
        """Take one message of the answer.

        Nothing is raised here: Airflow would take it for an error of its own, and answer a second time.
        """
        kind = message["type"]
        if self._start is None and kind == "http.response.start":
            self._start = message
            self.passes = message["status"] != _OK or not _is_json(message)
            if self.passes:
                await self._send(message)
        elif self.passes:
            await self._send(message)
        elif kind == "http.response.body" and self._start is not None and not self._complete:
            self._take(message.get("body", b""), last=not message.get("more_body", False))
        else:
            self._broken = True

    def require_whole(self) -> None:
        """Refuse an answer that is not one, or too long to be held.

        Raises:
            CannotDecide: It is.
        """
        if self._size > MAX_ANSWER_BYTES:
            raise CannotDecide(
                f"The answer is longer than {MAX_ANSWER_BYTES} bytes; pull fewer values at once, or pass what is "
                "large through the XCom backend."
            )
        if self._broken or not self._complete:
            raise CannotDecide("Airflow answered in a way that the ring does not know.")

    async def send(self) -> None:
        """Send what was held back, with the body as it is now."""
        start: Message = self._start or {}
        headers = [pair for pair in start.get("headers", ()) if pair[0].lower() != b"content-length"]
        headers.append((b"content-length", str(len(self.body)).encode("ascii")))
        await self._send({**start, "headers": headers})
        await self._send({"type": "http.response.body", "body": self.body})

    def _take(self, chunk: bytes, *, last: bool) -> None:
        self._size += len(chunk)
        if self._size > MAX_ANSWER_BYTES:
            self._chunks.clear()  # none of it is sent
        else:
            self._chunks.append(chunk)
        if last:
            self.body, self._complete = b"".join(self._chunks), True
            self._chunks.clear()


async def _off_loop(blocks: bool, work: Callable[..., _T], *arguments: Any) -> _T:
    from starlette.concurrency import run_in_threadpool

    return await run_in_threadpool(work, *arguments) if blocks else work(*arguments)


def _is_json(start: Message) -> bool:
    types = [value for name, value in start.get("headers", ()) if name.lower() == b"content-type"]
    return bool(types) and types[0].split(b";")[0].strip().lower() == b"application/json"


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
