"""What proxies between clients and Redis share: a listening socket, and threads that end with the proxy."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Any

from typing_extensions import Self


class ThreadedProxy:
    """Accept connections, and serve each of them with one to the target. Subclasses say how.

    Used as a context manager, it listens inside the `with` block.
    """

    port: int

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._listener = self._listening()
        self._run(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        end(self._listener, *self._sockets)  # close() alone wakes nobody who waits in recv()
        for thread in self._threads:
            thread.join(timeout=5)
        for opened in (self._listener, *self._sockets):
            opened.close()

    def _listening(self) -> socket.socket:
        """Return the socket on which to listen."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        return listener

    def _connected(self) -> socket.socket:
        """Return a new connection to the target."""
        raise NotImplementedError

    def _begin(self, client: socket.socket, server: socket.socket) -> None:
        """Begin to forward between the two. This must not block."""
        raise NotImplementedError

    def _run(self, target: Callable[..., object], *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
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
            self._begin(client, server)


def end(*sockets: socket.socket) -> None:
    """Let both sides of each connection know that nothing more comes."""
    for each in sockets:
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
