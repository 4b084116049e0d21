"""A proxy that counts the round trips between clients and Redis."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from pathlib import Path

#: A reply is held back so long. Whatever was sent without waiting for it has come by then.
_HELD_SECONDS = 0.03
_MOST = 2**20


class CountingProxy:
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
        self.count = count or RoundTrips()
        self._target = target
        self._folder = folder
        self._left_out = left_out
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> CountingProxy:
        if self._folder is None:
            self._listener = socket.create_server(("127.0.0.1", 0))
            self.port: int = self._listener.getsockname()[1]
        else:
            self.path = self._folder / "proxy.sock"
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(str(self.path))
            self._listener.listen()
        self._run(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        for opened in (self._listener, *self._sockets):  # close() alone wakes nobody who waits in recv()
            with contextlib.suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(timeout=5)
        for opened in (self._listener, *self._sockets):
            opened.close()

    def _run(self, target: object, *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = self._connected()
            except OSError:
                return
            self._sockets += [client, server]
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
        _end(client, server)

    @staticmethod
    def _forward_replies(server: socket.socket, client: socket.socket, count: RoundTrips) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(_MOST):
                time.sleep(_HELD_SECONDS)
                count.reply()
                client.sendall(data)
        _end(server, client)


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


def _end(*sockets: socket.socket) -> None:
    for each in sockets:
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
