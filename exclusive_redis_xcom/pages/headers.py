"""Headers of every answer: what a page may load, and who may frame it. Airflow itself sends no such policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: No inline script and no inline style: a text that escapes from its place can do nothing.
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; "
    "frame-ancestors 'self'; base-uri 'none'"
)
_HEADERS = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_NOT_STORED = (b"cache-control", b"no-store")


def with_headers(app: ASGIApp) -> ASGIApp:
    """Return the app with our headers on every answer. An answer that does not say otherwise is not stored."""

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                theirs = list(message.get("headers", ()))
                names = {name.lower() for name, _ in theirs}
                ours = [each for each in (*_HEADERS, _NOT_STORED) if each[0] not in names]
                message = {**message, "headers": [*theirs, *ours]}
            await send(message)

        await app(scope, receive, sent)

    return served
