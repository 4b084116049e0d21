"""The ring's own answers: JSON with a `detail`, without which Airflow's client cannot read them.

Airflow's client takes a 403 as final. It repeats a request that got a 5xx, five times in some 11 seconds. So "no" and
"cannot tell" must not be mixed up. The ring never answers 404: the client would make `None` of it.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.api_server.requests.describing import described
from exclusive_redis_xcom.api_server.ring.audit import AuditFailed, tally_failure

if TYPE_CHECKING:
    from starlette.types import Send

log = logging.getLogger("exclusive_redis_xcom")

FORBIDDEN = 403
UNDECIDED = 503


class CannotDecide(Exception):  # noqa: N818 - says what happened, like the errors of errors.py
    """The ring cannot read Airflow's answer. The text is for the caller."""


def forbidden(message: str) -> dict[str, Any]:
    """Return the `detail` of a 403."""
    return {"reason": "access_denied", "message": message}


def undecided(message: str) -> dict[str, Any]:
    """Return the `detail` of a 503."""
    return {"reason": "cannot_decide", "message": message}


async def send_detail(send: Send, status: int, detail: Any) -> None:
    """Send a whole answer, whose JSON holds `detail` alone."""
    data = json.dumps({"detail": detail}).encode("ascii")
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(data)).encode("ascii"))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": data})


async def cannot_decide(send: Send, message: str) -> None:
    """Send a 503."""
    await send_detail(send, UNDECIDED, undecided(message))


async def failed(send: Send, error: Exception) -> None:
    """Send a 503 after an error. The log names the error as far as that is safe; the caller learns no cause."""
    if isinstance(error, CannotDecide):
        reason = str(error)
    elif isinstance(error, AuditFailed):
        reason = "The decision could not be written to Airflow's audit log, and audit_strict is on."
    else:
        reason = "exclusive-redis-xcom could not decide about this request."
    log.error("The ring could not decide about a request: %s", described(error))
    tally_failure(error)
    await cannot_decide(send, reason)
