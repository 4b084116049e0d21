"""What the doctor is shown in these tests: settings, and small HTTP servers."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from exclusive_redis_xcom.crypto import SealPrivateKeys, SealPublicKey, generate_seal_keys
from exclusive_redis_xcom.formats.ring_header import RING_HEADER, header_value
from exclusive_redis_xcom.health.finding import Finding
from exclusive_redis_xcom.health.visit import Role, Visit
from exclusive_redis_xcom.settings import Settings, load_settings

PUBLIC_TEXT, PRIVATE_TEXT = generate_seal_keys()
OLDER_PUBLIC_TEXT, OLDER_PRIVATE_TEXT = generate_seal_keys()
PUBLIC, OLDER_PUBLIC = SealPublicKey.parse(PUBLIC_TEXT), SealPublicKey.parse(OLDER_PUBLIC_TEXT)
PRIVATE = SealPrivateKeys.parse(PRIVATE_TEXT)
BOTH_PRIVATE = SealPrivateKeys.parse(f"{PRIVATE_TEXT},{OLDER_PRIVATE_TEXT}")

WITH_RING = {RING_HEADER: header_value([PUBLIC.key_id])}


def settings(**changes: Any) -> Settings:
    return dataclasses.replace(load_settings(), **changes)


def visit(role: Role = "worker", urls: Iterable[str] = (), **changes: Any) -> Visit:
    return Visit(role, settings(**changes), tuple(urls))


def sealed_visit(role: Role = "worker", urls: Iterable[str] = (), **changes: Any) -> Visit:
    return visit(role, urls, **{"enforcement": "server", "seal_public_key": PUBLIC, **changes})


def only(found: Iterable[Finding]) -> Finding:
    (finding,) = found
    return finding


@contextlib.contextmanager
def server(
    status: int = 401, headers: dict[str, str] | None = None, *, host: str = "127.0.0.1", port: int = 0
) -> Iterator[Served]:
    """Answers every GET alike."""
    served = Served()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.paths.append(self.path)
            served.hosts.append(self.headers["Host"])
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    listening = ThreadingHTTPServer((host, port), Handler)
    served.port = listening.server_address[1]
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield served
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


class Served:
    """Where it listens, and what it was asked."""

    def __init__(self) -> None:
        self.port = 0
        self.paths: list[str] = []
        self.hosts: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"
