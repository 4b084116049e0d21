"""A proxy that cuts connections to Redis."""

from __future__ import annotations

import contextlib
import socket
import threading


class CuttingProxy:
    """Forward to a Redis server, and cut connections after a number of bytes of replies or requests.

    `cuts` limits how many connections are cut; later connections stay whole.
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
