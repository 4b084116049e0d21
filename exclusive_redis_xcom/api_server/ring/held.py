"""Airflow's answer, held back until the ring has decided about what is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Message, Send

#: What is held in memory of one answer; some hundred times what a slice of 1024 references takes.
MAX_ANSWER_BYTES = 64 * 1024 * 1024

_OK = 200


class CannotDecide(Exception):  # noqa: N818 - says what happened, like the errors of errors.py
    """The answer is not one that the ring can read. Its text is for the caller."""


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


def _is_json(start: Message) -> bool:
    types = [value for name, value in start.get("headers", ()) if name.lower() == b"content-type"]
    return bool(types) and types[0].split(b";")[0].strip().lower() == b"application/json"
