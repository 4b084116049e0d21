"""A TCP proxy that makes a server on this machine look far away, and counts how often its clients wait.

    with DelayingProxy("127.0.0.1", redis.port, round_trip=0.02) as proxy:
        redis.Redis(port=proxy.port).get("name")
        print(proxy.waits)

Every byte takes half a round trip in each direction. A client cannot be made to wait for the connection itself. So the
first bytes of a connection are late by one round trip more.
The proxy runs in a thread of this process, for clients in this process and in others.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_START_SECONDS = 10
_CHUNK = 2**16


@dataclass(frozen=True)
class Waits:
    """How often clients have waited for a round trip: for a connection, and for the answer to something they sent.

    Whatever a client sends before the answer begins is one exchange: the client waits once.
    """

    connections: int = 0
    exchanges: int = 0

    @property
    def round_trips(self) -> int:
        """All waits together."""
        return self.connections + self.exchanges

    def __sub__(self, earlier: Waits) -> Waits:
        return Waits(self.connections - earlier.connections, self.exchanges - earlier.exchanges)


class DelayingProxy:
    """The proxy, as a context manager. It listens on a free port of 127.0.0.1.

    Args:
        host: The host of the server.
        port: The port of the server.
        round_trip: How many seconds a round trip takes.
    """

    def __init__(self, host: str, port: int, round_trip: float) -> None:
        self._server = (host, port)
        self._round_trip = round_trip
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="delaying-proxy", daemon=True)
        self._listens, self._stop = threading.Event(), asyncio.Event()
        self._links: set[asyncio.Task[None]] = set()
        self.waits = Waits()
        self.port = 0

    def __enter__(self) -> DelayingProxy:
        self._thread.start()
        if not self._listens.wait(_START_SECONDS):
            raise RuntimeError("the proxy does not listen")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        with contextlib.closing(self._loop):
            self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._listens.set()
        await self._stop.wait()
        server.close()
        links = list(self._links)
        for link in links:
            link.cancel()
        await asyncio.gather(*links, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = self._loop.create_task(self._connect(reader, writer))
        self._links.add(link)
        link.add_done_callback(self._links.discard)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry bytes in both directions until one side closes its end."""
        self.waits = replace(self.waits, connections=self.waits.connections + 1)
        connected, asks = self._loop.time() + self._round_trip, _Asks(self)
        with contextlib.closing(writer), contextlib.suppress(OSError):
            there, back = await asyncio.open_connection(*self._server)
            forth = self._loop.create_task(self._carry(reader, back, asks.sent, connected))
            with contextlib.closing(back):
                try:
                    await self._carry(there, writer, asks.answered, connected)
                finally:
                    forth.cancel()

    async def _carry(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, seen: Callable[[], None], connected: float
    ) -> None:
        """Carry bytes in one direction. None of them sets out before the connection stands."""
        late: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        arrivals = self._loop.create_task(self._arrive(late, target, seen))
        try:
            while True:
                chunk = await source.read(_CHUNK)
                late.put_nowait((max(self._loop.time(), connected) + self._round_trip / 2, chunk))
                if not chunk:
                    break
            await arrivals
        finally:
            arrivals.cancel()

    async def _arrive(
        self, late: asyncio.Queue[tuple[float, bytes]], target: asyncio.StreamWriter, seen: Callable[[], None]
    ) -> None:
        while True:
            due, chunk = await late.get()
            await asyncio.sleep(due - self._loop.time())
            if not chunk:
                break
            seen()
            with contextlib.suppress(OSError):
                target.write(chunk)
                await target.drain()
        with contextlib.suppress(OSError):
            target.write_eof()


class _Asks:
    """Counts the exchanges of one connection."""

    def __init__(self, proxy: DelayingProxy) -> None:
        self._proxy = proxy
        self._waiting = False

    def sent(self) -> None:
        """Note that bytes of the client have arrived."""
        if not self._waiting:
            self._proxy.waits = replace(self._proxy.waits, exchanges=self._proxy.waits.exchanges + 1)
        self._waiting = True

    def answered(self) -> None:
        """Note that bytes of the server have arrived."""
        self._waiting = False
