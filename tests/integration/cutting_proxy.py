"""A proxy that cuts connections to Redis."""

from __future__ import annotations

import contextlib
import socket
import threading

from tests.integration.threaded_proxy import ThreadedProxy, end


class CuttingProxy(ThreadedProxy):
    """Forward to a Redis server, and cut connections after a number of bytes of replies or requests.

    `cuts` limits how many connections are cut; later connections stay whole.
    """

    def __init__(self, port: int, *, replies: int | None = None, requests: int | None = None, cuts: int = 10**6):
        super().__init__()
        self._target = port
        self._limits = (requests, replies)
        self._cuts = cuts
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def _connected(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._target))

    def _begin(self, client: socket.socket, server: socket.socket) -> None:
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
        end(source, sink)
