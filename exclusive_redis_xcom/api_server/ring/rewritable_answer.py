"""Airflow's answer to a GET, held back until the ring has decided about its values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.api_server.requests import answer_start
from exclusive_redis_xcom.api_server.ring.answers import CannotDecide

if TYPE_CHECKING:
    from starlette.types import Message, Send

#: The most that is held in memory of one answer: a hundred times what a slice of 1024 references takes.
MAX_ANSWER_BYTES = 64 * 1024 * 1024

_OK = 200


class RewritableAnswer:
    """An ASGI `send` that holds back a JSON answer with status 200, and passes on every other answer as it comes.

    `body` may be changed before the answer is sent. An answer that is sent later but never changed is a
    `DelayedAnswer`.

    Args:
        send: The server's own.
    """

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

        Nothing is raised here: Airflow would take the error for its own, and would answer a second time.
        """
        kind = message["type"]
        if self._start is None and kind == "http.response.start":
            self._start = message
            self.passes = message["status"] != _OK or not answer_start.is_json(message)
            if self.passes:
                await self._send(message)
        elif self.passes:
            await self._send(message)
        elif kind == "http.response.body" and self._start is not None and not self._complete:
            self._take(message.get("body", b""), last=not message.get("more_body", False))
        else:
            self._broken = True

    def require_whole(self) -> None:
        """Refuse an answer that is incomplete, malformed or too long.

        Raises:
            CannotDecide: The answer must not be sent.
        """
        if self._size > MAX_ANSWER_BYTES:
            raise CannotDecide(
                f"The answer is longer than {MAX_ANSWER_BYTES} bytes. Pull fewer values at once, or pass large "
                "values through the XCom backend."
            )
        if self._broken or not self._complete:
            raise CannotDecide("Airflow answered in a way that the ring does not know.")

    async def send(self) -> None:
        """Send the answer with its present body."""
        for message in answer_start.messages(self._start or {}, self.body):
            await self._send(message)

    def _take(self, chunk: bytes, *, last: bool) -> None:
        self._size += len(chunk)
        if self._size > MAX_ANSWER_BYTES:
            self._chunks.clear()  # nothing of the answer is sent
        else:
            self._chunks.append(chunk)
        if last:
            self.body, self._complete = b"".join(self._chunks), True
            self._chunks.clear()
