"""Request bodies, which are read before Airflow reads them, and what the bodies of the public REST API name."""

from __future__ import annotations

import json
from collections import deque
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.api_server.requests.rest_routes import Effect

if TYPE_CHECKING:
    from starlette.types import Message, Receive

    from exclusive_redis_xcom.api_server.requests.rest_routes import RestCall

#: In bytes. Airflow has no bound of its own. A value that is pushed over REST is meant for people.
MAX_BODY = 64 * 1024 * 1024

#: In bytes. A task's reference, and the names of what people delete or clear, take far less.
MOST_PEEKED = 64 * 1024

#: In place of an id in the path it means "see the body". In place of an id in the body Airflow refuses it.
WILDCARD = "~"


class RefusedError(Exception):
    """A refusal that is answered in Airflow's place: its status, and what `detail` holds."""

    def __init__(self, status: int, detail: Any) -> None:
        super().__init__(status)
        self.status = status
        self.detail = detail


class ClientGoneError(ConnectionError):
    """The client went away before its whole body had arrived."""


class NotAnObjectError(ValueError):
    """The body is not a JSON object."""


async def read_body(receive: Receive) -> bytes:
    """Read the whole body of a request.

    Raises:
        RefusedError: The body is too long; nothing more of it is read.
        ClientGoneError: There is nobody to answer.
    """
    parts: list[bytes] = []
    length = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGoneError
        parts.append(message.get("body", b""))
        length += len(parts[-1])
        if length > MAX_BODY:
            raise too_long()
        if not message.get("more_body", False):
            return b"".join(parts)


def too_long() -> RefusedError:
    """Return the refusal of a body that is longer than `MAX_BODY`."""
    return RefusedError(413, f"The body is longer than {MAX_BODY} bytes.")


def replay(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives a body that was already read, and then what still comes."""
    pending = [body]

    async def again() -> Message:
        if pending:
            return {"type": "http.request", "body": pending.pop(), "more_body": False}
        return await receive()

    return again


class Peeked:
    """A body that is read before Airflow reads it, and then given to Airflow as it came.

    `body` is None if the body is longer than `most`, or did not arrive.

    Args:
        receive: The server's own.
        most: How many bytes are read at most; one message may exceed it.
    """

    def __init__(self, receive: Receive, most: int = MOST_PEEKED) -> None:
        self._receive = receive
        self._most = most
        self._seen: deque[Message] = deque()
        self.body: bytes | None = None
        self.is_too_long = False

    async def read(self) -> None:
        """Read the body, unless it is too long."""
        parts: list[bytes] = []
        length = 0
        while not self.is_too_long:
            message = await self._receive()
            self._seen.append(message)
            if message["type"] != "http.request":
                break
            parts.append(message.get("body", b""))
            length += len(parts[-1])
            self.is_too_long = length > self._most
            if not message.get("more_body", False):
                self.body = None if self.is_too_long else b"".join(parts)
                break

    async def receive(self) -> Message:
        """Stand in for the server's `receive`."""
        return self._seen.popleft() if self._seen else await self._receive()


def json_object(body: bytes) -> dict[str, Any]:
    """Parse a body as Airflow does: of a repeated key the last counts (`starlette.requests.Request.json`).

    Raises:
        NotAnObjectError: The body is something else. Airflow would answer 422.
    """
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        raise NotAnObjectError from None
    if not isinstance(parsed, dict):
        raise NotAnObjectError
    return parsed


def bulk_scopes(call: RestCall, body: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return what the delete actions of a bulk request name: (dag_id, run_id) or (dag_id, run_id, task_id).

    Malformed entries are left out, because Airflow deletes nothing for them.
    """
    actions = body.get("actions")
    found: dict[tuple[str, ...], None] = {}
    for action in actions if isinstance(actions, list) else ():
        if not isinstance(action, dict) or action.get("action") != "delete":
            continue
        entities = action.get("entities")
        for entity in entities if isinstance(entities, list) else ():
            scope = _bulk_scope(call, entity)
            if all(isinstance(name, str) for name in scope) and WILDCARD not in scope[:-1]:
                found[scope] = None
    return list(found)


def _bulk_scope(call: RestCall, entity: Any) -> tuple[Any, ...]:
    own = entity if isinstance(entity, dict) else {}
    dag_id = own.get("dag_id") or call.parameters["dag_id"]
    if call.effect is Effect.BULK_RUNS:
        return dag_id, own.get("dag_run_id") if own else entity
    run_id = own.get("dag_run_id") or call.parameters["dag_run_id"]
    return dag_id, run_id, own.get("task_id") if own else entity
