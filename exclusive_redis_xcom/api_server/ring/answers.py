"""The ring's own answers: JSON with a `detail`, without which Airflow's client cannot read them.

403 is final to that client; 5xx it tries again, five times in some 11 seconds. So "no" and "cannot tell" must not be
mixed up. 404 is never an answer of the ring: the client would make it `None`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.types import Send

FORBIDDEN = 403
UNDECIDED = 503


def forbidden(message: str) -> dict[str, Any]:
    """The body of a 403."""
    return {"detail": {"reason": "access_denied", "message": message}}


def undecided(message: str) -> dict[str, Any]:
    """The body of a 503."""
    return {"detail": {"reason": "cannot_decide", "message": message}}


async def send_json(send: Send, status: int, body: dict[str, Any]) -> None:
    """Send a whole answer."""
    data = json.dumps(body).encode("ascii")
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(data)).encode("ascii"))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": data})


async def refuse(send: Send, message: str) -> None:
    """Send a 403."""
    await send_json(send, FORBIDDEN, forbidden(message))


async def cannot_decide(send: Send, message: str) -> None:
    """Send a 503."""
    await send_json(send, UNDECIDED, undecided(message))
