"""What the integration tests share: stores, values that prove whose they are, a proxy that cuts."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import socket
import threading
import traceback
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

from exclusive_redis_xcom.connection import RedisClient, RedisOptions, Timeouts
from exclusive_redis_xcom.formats.envelope import Envelope
from exclusive_redis_xcom.memory import joined
from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.store import Store

PREFIX = "xcom-test"
ACL = b'{"rule":1}'
TTL = timedelta(minutes=10)
USER = "exclusive_redis_xcom"
API_USER = "exclusive_redis_xcom_api"
PASSWORD = "canary-p4ssword"
API_PASSWORD = "canary-ap1-p4ssword"
ROOT = Path(__file__).resolve().parents[2]
USERS_FILE = ROOT / "docs" / "redis-users.acl"


def at(map_index: int = -1, *, key: str = "key", task_id: str = "task") -> Coordinate:
    return Coordinate("dag", "run", task_id, key, map_index)


def payload_of(coordinate: Coordinate, version: str, size: int) -> bytes:
    """Bytes that only this push of this coordinate can have."""
    seed = hashlib.sha256(f"{coordinate!r}{version}".encode()).digest()
    return (seed * (size // len(seed) + 1))[:size]


def value(coordinate: Coordinate, *, size: int = 100) -> Envelope:
    version = secrets.token_hex(16)
    return Envelope(
        coordinate=coordinate,
        version=version,
        codec="msgpack",
        compression="off",
        decoded_size=size,
        pushed_at=datetime.now(timezone.utc),
        payload=(payload_of(coordinate, version, size),),
    )


def is_intact(envelope: Envelope, coordinate: Coordinate) -> bool:
    """Whether it is a whole value that somebody pushed for this coordinate."""
    expected = payload_of(coordinate, envelope.version, envelope.decoded_size)
    return envelope.coordinate == coordinate and joined(envelope.payload) == expected


@contextlib.contextmanager
def open_store(
    url: str, *, deadline: float = 5.0, read: float = 2.0, connect: float = 1.0, prefix: str = PREFIX
) -> Iterator[Store]:
    client = RedisClient(RedisOptions.from_url(url), Timeouts(connect, read, deadline))
    try:
        yield Store(client, key_prefix=prefix)
    finally:
        client.close()


def shown(error: BaseException) -> str:
    """All that a log or an audit could show of an error."""
    return "".join((str(error), repr(error), repr(error.args), *traceback.format_exception(error)))


def restricted_users() -> dict[str, str]:
    """The users of docs/redis-users.acl, with the tests' prefix and passwords, as lines of redis.conf."""
    lines = [text for text in USERS_FILE.read_text().splitlines() if not text.startswith("user default ")]
    named = {f"user {name}": rights for _, name, rights in (line.split(" ", 2) for line in lines)}
    assert set(named) == {f"user {USER}", f"user {API_USER}"}
    return {
        name: rights.replace("~exclusive_redis_xcom:*", f"~{PREFIX}:*")
        .replace(">change-me-api ", f">{API_PASSWORD} ")
        .replace(">change-me ", f">{PASSWORD} ")
        for name, rights in named.items()
    }


class CuttingProxy:
    """Forwards to a Redis server and cuts connections after so many bytes of replies or requests.

    `cuts` limits how many connections are cut; later ones pass unharmed.
    """

    def __init__(self, port: int, *, replies: int | None = None, requests: int | None = None, cuts: int = 10**6):
        self._target = port
        self._limits = (requests, replies)
        self._cuts = cuts
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> CuttingProxy:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._run(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        for open_socket in (self._listener, *self._sockets):  # close() alone wakes nobody who waits in recv()
            with contextlib.suppress(OSError):
                open_socket.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(timeout=5)
        for open_socket in (self._listener, *self._sockets):
            open_socket.close()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def _run(self, target: object, *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            self._sockets += [client, server]
            with self._lock:
                cut = self._cuts > 0
                self._cuts -= 1
            requests, replies = self._limits if cut else (None, None)
            self._run(self._pump, client, server, requests)
            self._run(self._pump, server, client, replies)

    @staticmethod
    def _pump(source: socket.socket, sink: socket.socket, limit: int | None) -> None:
        left = limit
        with contextlib.suppress(OSError):
            while left is None or left > 0:
                data = source.recv(65536 if left is None else min(left, 65536))
                if not data:
                    break
                sink.sendall(data)
                left = None if left is None else left - len(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
