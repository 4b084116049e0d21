"""Airflow's answer to a change or to a short question, sent later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.api_server.requests import answer_start

if TYPE_CHECKING:
    from starlette.types import Message, Send


class DelayedAnswer:
    """An ASGI `send` that holds back a whole answer, which is short, and sends it later.

    Args:
        send: The server's own.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._messages: list[Message] = []

    async def __call__(self, message: Message) -> None:
        """Take one message of the answer."""
        self._messages.append(message)

    @property
    def status(self) -> int | None:
        """The answer's status; None if there is no answer."""
        return self._messages[0].get("status") if self._messages else None

    @property
    def successful(self) -> bool:
        """Whether the status is 2xx."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_json(self) -> bool:
        """Whether it says that it is JSON."""
        return bool(self._messages) and answer_start.is_json(self._messages[0])

    @property
    def body(self) -> bytes:
        """The body."""
        return b"".join(message.get("body", b"") for message in self._messages[1:])

    async def send(self) -> None:
        """Send the answer."""
        for message in self._messages:
            await self._send(message)

    async def send_with(self, body: bytes) -> None:
        """Send the answer with another body."""
        for message in answer_start.messages(self._messages[0], body):
            await self._send(message)
