"""The first message of an ASGI answer: whether JSON follows, and the headers for another body."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Message


def is_json(start: Message) -> bool:
    """Return whether the answer says that it is JSON."""
    types = [value for name, value in start.get("headers", ()) if name.lower() == b"content-type"]
    return bool(types) and types[0].split(b";")[0].strip().lower() == b"application/json"


def messages(start: Message, body: bytes) -> tuple[Message, Message]:
    """Return the whole answer, with this body in place of its own."""
    headers = [pair for pair in start.get("headers", ()) if pair[0].lower() != b"content-length"]
    headers.append((b"content-length", str(len(body)).encode("ascii")))
    return {**start, "headers": headers}, {"type": "http.response.body", "body": body}
