"""The ring around a small ASGI app that answers what the test says, with callers that exist in the test only."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import httpx
import jwt

from exclusive_redis_xcom.api_server.requests.caller import Caller
from exclusive_redis_xcom.api_server.ring.middleware import Ring
from exclusive_redis_xcom.crypto import SealPrivateKeys
from exclusive_redis_xcom.formats.reference import parse
from exclusive_redis_xcom.model import Principal
from exclusive_redis_xcom.settings import Settings, load_settings
from tests.unit.sealed_reference import EXTRACT, LOAD, PRIVATE, REPORT

BASE = "http://server"
XCOM = "/execution/xcoms/sales/run_1/extract/token"


@dataclass(frozen=True)
class Person:
    """A task instance and its token."""

    principal: Principal
    number: int
    state: str = "running"
    is_over: bool = False

    @property
    def ti_id(self) -> str:
        return str(UUID(int=self.number))

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.ti_id}"}

    @property
    def caller(self) -> Caller:
        return Caller(self.principal, self.state, 1, self.is_over)


OWNER, CONSUMER, STRANGER = Person(EXTRACT, 1), Person(LOAD, 2), Person(REPORT, 3)
FINISHED = Person(LOAD, 4, "success")
EARLIER = Person(LOAD, 5, "running", is_over=True)
PEOPLE = {person.ti_id: person for person in (OWNER, CONSUMER, STRANGER, FINISHED, EARLIER)}
GONE = Person(LOAD, 99)


def settings(**changes: Any) -> Settings:
    server: dict[str, Any] = {"enforcement": "server", "seal_private_keys": PRIVATE, "redis_url": "redis://127.0.0.1:1"}
    return replace(load_settings(), **(server | changes))


@dataclass
class Airflow:
    """Stands where Airflow stands. `body` is answered as JSON; `chunks` says how it is cut."""

    body: Any = None
    status: int = 200
    content_type: str = "application/json"
    chunks: int = 1
    raises: Exception | None = None
    scopes: list[dict[str, Any]] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        if scope["type"] != "http":
            return
        if self.raises is not None:
            raise self.raises
        data = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        headers = [(b"content-type", self.content_type.encode()), (b"content-length", str(len(data)).encode())]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        size = -(-len(data) // self.chunks) or 1
        pieces = [data[at : at + size] for at in range(0, len(data), size)] or [b""]
        for number, piece in enumerate(pieces, 1):
            await send({"type": "http.response.body", "body": piece, "more_body": number < len(pieces)})

    @property
    def calls(self) -> int:
        return len(self.scopes)


async def validate(token: str, _required: dict[str, Any]) -> dict[str, Any]:
    """A token is the id itself, `id scope`, or nonsense."""
    sub, _, scope = token.partition(":")
    if sub not in {*PEOPLE, GONE.ti_id}:
        raise jwt.InvalidTokenError
    return {"sub": sub, "scope": scope} if scope else {"sub": sub}


class World:
    """The ring and what it was made of. `asker_rows` are the second rows of refusals, under the task that asked."""

    def __init__(self, airflow: Airflow, **changes: Any) -> None:
        self.airflow = airflow
        self.rows: list[dict[str, Any]] = []
        self.asker_rows: list[dict[str, Any]] = []
        self.looked_up: list[str] = []
        self.people = dict(PEOPLE)
        self.row_error: Exception | None = None
        self.look_up_error: Exception | None = None
        parts: dict[str, Any] = {name: changes.pop(name) for name in ("validate", "store", "texts") if name in changes}
        self.app = Ring(
            airflow,
            settings=settings(**changes),
            look_up=self._look_up,
            write_rows=self._write_rows,
            **({"validate": validate} | parts),
        )

    def ask(self, method: str, url: str, person: Person | None = None, **kwargs: Any) -> httpx.Response:
        return self.ask_all([(method, url, person, kwargs)])[0]

    def ask_all(self, requests: Sequence[tuple[str, str, Person | None, dict[str, Any]]]) -> list[httpx.Response]:
        """One after the other, on one event loop."""

        async def run() -> list[httpx.Response]:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
                return [
                    await client.request(method, url, **({"headers": person.headers if person else {}} | kwargs))
                    for method, url, person, kwargs in requests
                ]

        return asyncio.run(run())

    @property
    def events(self) -> list[str]:
        return [row["event"] for row in self.rows]

    def _look_up(self, ti_id: str) -> Caller | None:
        self.looked_up.append(ti_id)
        if self.look_up_error is not None:
            raise self.look_up_error
        person = self.people.get(ti_id)
        return person.caller if person else None

    def _write_rows(self, rows: Sequence[dict[str, Any]]) -> None:
        if self.row_error is not None:
            raise self.row_error
        for row in rows:
            under_asker = json.loads(row["extra"]).get("under") == "asker"
            (self.asker_rows if under_asker else self.rows).append(row)


def messages_of(app: Any, scope: dict[str, Any]) -> list[dict[str, Any]]:
    """What an ASGI app sends for a scope, message by message."""
    sent: list[dict[str, Any]] = []
    asyncio.run(app(scope, nothing, collector(sent)))
    return sent


async def nothing() -> dict[str, Any]:
    """A client that sends no body."""
    return {"type": "http.request", "body": b"", "more_body": False}


def collector(sent: list[dict[str, Any]]) -> Any:
    """A `send` that keeps what it is given."""

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    return send


def scope_of(path: str, *, method: str = "GET", headers: Any = (), root_path: str = "") -> dict[str, Any]:
    """The scope of a request without a query."""
    return {
        **{"type": "http", "method": method, "path": path, "query_string": b"", "headers": list(headers)},
        **{"root_path": root_path, "raw_path": path.encode(), "scheme": "http", "server": ("server", 80)},
    }


def value(stored: Any) -> dict[str, Any]:
    """Airflow's answer for one XCom."""
    return {"key": "token", "value": stored}


def reason(answer: Any) -> str | None:
    """Why a value of an answer stayed sealed; None if it was opened."""
    seal = parse(answer).seal
    return None if seal is None or seal.refused is None else seal.refused.reason


NO_KEYS = SealPrivateKeys.parse("")
