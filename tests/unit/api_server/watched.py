"""The watch around a small ASGI app, with a Redis in memory that can be cut off."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Any

import fakeredis
import redis

from exclusive_redis_xcom.api_server.watch.middleware import Watch
from exclusive_redis_xcom.connection import RedisClient, RedisOptions, Timeouts
from exclusive_redis_xcom.connection.server import ServerSession
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.formats.envelope import Envelope
from exclusive_redis_xcom.formats.reference import Reference
from exclusive_redis_xcom.model import NOT_MAPPED, Coordinate
from exclusive_redis_xcom.settings import Settings, load_settings
from exclusive_redis_xcom.store import Push, Store
from tests.unit.api_server.ringed import validate

PREFIX = "x"
TTL = timedelta(minutes=10)
PUSHED = datetime(2026, 1, 2, tzinfo=timezone.utc)
FIRST, SECOND = "1" * 32, "2" * 32
AT = Coordinate("sales", "run-1", "extract", "token")


def settings(**changes: Any) -> Settings:
    return replace(load_settings(), **({"redis_url": "redis://127.0.0.1:1"} | changes))


def reference_to(at: Coordinate = AT, version: str = FIRST) -> dict[str, Any]:
    """What a push at a coordinate puts into Airflow's database."""
    return Reference(at, version, "str", 3, ("load",), "xcom_acl", PUSHED, PUSHED + TTL).to_json()


class _Line(ServerSession):
    def __init__(self, memory: Memory, budget: Any) -> None:
        super().__init__(memory.fake, budget)
        self._memory = memory

    def call(self, key: str, command: Any) -> Any:
        self._memory.ask()
        return super().call(key, command)

    def call_many(self, calls: Any, asides: Any = ()) -> Any:
        self._memory.ask()
        return super().call_many(calls, asides)

    def close(self) -> None:
        pass


class Memory:
    """A Redis, as workers and API servers see it. `asked` counts commands; with `up` False there is no answer."""

    def __init__(self) -> None:
        self.fake = fakeredis.FakeRedis()
        self.up = True
        self.asked = 0
        self._pushes = 0
        client = RedisClient(RedisOptions(), Timeouts(0.1, 0.1, 0.0), open_session=lambda budget: _Line(self, budget))
        self.store = Store(client, key_prefix=PREFIX)

    def ask(self) -> None:
        self.asked += 1
        if not self.up:
            raise redis.ConnectionError("cut off")

    def push(self, at: Coordinate = AT, version: str = FIRST) -> None:
        """What a worker does before it sends the reference; never a repetition, also of the same version."""
        self._pushes += 1
        envelope = Envelope(
            coordinate=at,
            version=version,
            codec="msgpack",
            compression="off",
            decoded_size=3,
            pushed_at=PUSHED + timedelta(seconds=self._pushes),
            payload=(b"abc",),
        )
        own = None if at.map_index == NOT_MAPPED else b"{}"
        self.store.push(Push(envelope, acl=b"{}", ttl=TTL, own_acl=own, watched=True))

    def mark(self, *coordinates: Coordinate) -> None:
        """Values that Airflow's database refers to, and Redis knows it."""
        for at in coordinates or (AT,):
            self.push(at)
            assert self.store.commit(at, FIRST)

    def marked(self, at: Coordinate = AT, version: str = FIRST) -> bool:
        """Whether Redis says that the database refers to this version."""
        found = self.fake.hget(redis_names.hash_name(PREFIX, at), redis_names.committed_name(at.map_index)) or b""
        return found[2:18].hex() == version and len(found) == 34  # with the times of push and commit

    def epoch(self) -> int:
        return int(self.fake.hget(redis_names.servers_name(PREFIX), redis_names.EPOCH_FIELD) or 0)

    def servers(self) -> bytes:
        return self.fake.hget(redis_names.servers_name(PREFIX), redis_names.SERVERS_FIELD) or b""


@dataclass
class Airflow:
    """Stands where Airflow stands; `meanwhile` is called when it has the request and has not answered."""

    status: int = 200
    raises: BaseException | None = None
    meanwhile: Callable[[], Any] = lambda: None
    bodies: list[bytes] = field(default_factory=list)
    seen: list[Any] = field(default_factory=list)
    asks_for_body: bool = True

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        more, body = self.asks_for_body, b""
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        self.bodies.append(body)
        self.seen.append(self.meanwhile())
        if self.raises is not None:
            raise self.raises
        if self.status:
            await send({"type": "http.response.start", "status": self.status, "headers": []})
            await send({"type": "http.response.body", "body": b"airflow"})


@dataclass
class Answer:
    status: int | None
    body: bytes
    seen: Any = None


class WatchedApp:
    """The watch and what it was made of."""

    def __init__(self, app: Any, memory: Memory, **changes: Any) -> None:
        self.memory = memory
        self.watch = Watch(app, settings=settings(**changes), store=lambda: memory.store, validate=validate)

    def close(self) -> None:
        if not self.watch._inert:
            self.watch._heart.stop()

    def beat(self) -> None:
        """Wait for the first beat."""
        self.ask("GET", "/")
        while not self.memory.servers():
            time.sleep(0.01)

    @contextmanager
    def moved(self) -> Iterator[list[bool]]:
        """Whether, in the body, all marks lost their worth; in the list, when it is over."""
        self.beat()
        self.memory.fake.hset(redis_names.servers_name(PREFIX), redis_names.EPOCH_FIELD, 1)
        found: list[bool] = []
        yield found
        found.append(self.memory.epoch() > 1)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = b"",
        *,
        chunks: Any = None,
        query: bytes = b"",
        token: str | None = None,
        headers: Any = None,
        on_answer: Callable[[], Any] = lambda: None,
    ) -> Answer:
        """One request, with `chunks` in place of a body; `on_answer` is called when the answer begins."""
        if chunks is None:
            chunks = [body if isinstance(body, bytes) else json.dumps(body).encode()]
        given = [(b"content-type", b"application/json")] if headers is None else list(headers)
        if token is not None:
            given.append((b"authorization", f"Bearer {token}".encode()))
        scope = {
            **{"type": "http", "method": method, "path": path, "root_path": "", "query_string": query},
            **{"headers": given, "state": {}},
        }
        answer = Answer(None, b"")

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": chunks.pop(0), "more_body": bool(chunks)}

        async def send(message: Any) -> None:
            if answer.status is None:
                answer.status, answer.seen = message["status"], on_answer()
            answer.body += message.get("body", b"")

        asyncio.run(self.watch(scope, receive, send))
        return answer
