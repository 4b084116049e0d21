"""A proxy that counts the round trips between clients and Redis."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from pathlib import Path

from tests.integration.threaded_proxy import ThreadedProxy, end

#: A reply is held back so long. Whatever was sent without waiting for it has come by then.
_HELD_SECONDS = 0.03
_MOST = 2**20


class CountingProxy(ThreadedProxy):
    """Forward to a Redis server, and count how often a request came after a reply.

    Proxies may share a `count`: then requests to several servers that are under way together are one round trip.

    Args:
        target: The server's port on this machine, or the path of its Unix socket.
        count: What to count with. By default, the proxy has one of its own.
        folder: Where to listen on a Unix socket. By default, the proxy listens on a port.
        left_out: A connection whose first request holds this is not counted.
    """

    def __init__(
        self,
        target: int | Path,
        *,
        count: RoundTrips | None = None,
        folder: Path | None = None,
        left_out: bytes | None = None,
    ) -> None:
        super().__init__()
        self.count = count or RoundTrips()
        self._target = target
        self._folder = folder
        self._left_out = left_out

    def _listening(self) -> socket.socket:
        if self._folder is None:
            return super()._listening()
        self.path = self._folder / "proxy.sock"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.path))
        listener.listen()
        return listener

    def _begin(self, client: socket.socket, server: socket.socket) -> None:
        self._run(self._serve, client, server)

    def _serve(self, client: socket.socket, server: socket.socket) -> None:
        first = client.recv(_MOST)
        count = RoundTrips() if self._left_out and self._left_out in first else self.count
        self._run(self._forward_replies, server, client, count)
        self._forward_requests(first, client, server, count)

    def _connected(self) -> socket.socket:
        if isinstance(self._target, int):
            return socket.create_connection(("127.0.0.1", self._target))
        server = socket.socket(socket.AF_UNIX)
        server.connect(str(self._target))
        return server

    @staticmethod
    def _forward_requests(first: bytes, client: socket.socket, server: socket.socket, count: RoundTrips) -> None:
        data = first
        with contextlib.suppress(OSError):
            while data:
                count.request()
                server.sendall(data)
                data = client.recv(_MOST)
        end(client, server)

    @staticmethod
    def _forward_replies(server: socket.socket, client: socket.socket, count: RoundTrips) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(_MOST):
                time.sleep(_HELD_SECONDS)
                count.reply()
                client.sendall(data)
        end(server, client)


class RoundTrips:
    """Counts round trips. `total` is how many there were."""

    def __init__(self) -> None:
        self.total = 0
        self._is_waiting = False
        self._lock = threading.Lock()

    def request(self) -> None:
        with self._lock:
            self.total += not self._is_waiting
            self._is_waiting = True

    def reply(self) -> None:
        with self._lock:
            self._is_waiting = False

    def taken(self) -> int:
        """Return how many there were since the last call."""
        with self._lock:
            found, self.total = self.total, 0
        return found
