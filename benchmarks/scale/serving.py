"""An API server for the benches: Airflow's Execution API in a process of its own, which tells how long its loop hung.

`python -m benchmarks.scale.serving PORT ours|plain`. `ours` has the ring and the watch around it, and the settings say
which of them does anything. `GET /lag` answers the longest block of the event loop since the last such request, in ms.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import httpx

from devtools.airflow_home import ROOT
from devtools.airflow_stack import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOOK = 0.002
_PATIENCE = 600.0


class Watched:
    """An ASGI app around another one. It watches the event loop, and answers `/lag`."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._longest = 0.0
        self._watching: asyncio.Task[None] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one connection."""
        if self._watching is None:
            self._watching = asyncio.get_running_loop().create_task(self._watch())
        if scope["type"] != "http" or scope["path"] != "/lag":
            await self._app(scope, receive, send)
            return
        await asyncio.sleep(2 * _LOOK)
        body, self._longest = str(self._longest).encode(), 0.0
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    async def _watch(self) -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(_LOOK)
            self._longest = max(self._longest, (time.perf_counter() - before - _LOOK) * 1000)


@contextlib.contextmanager
def servers(count: int, kind: str, **env: str) -> Iterator[list[str]]:
    """Start API servers with the environment of this process; yield their URLs when all of them answer."""
    ports = [free_port() for _ in range(count)]
    with contextlib.ExitStack() as cleanup:
        for port in ports:
            command = [sys.executable, "-m", "benchmarks.scale.serving", str(port), kind]
            process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **env}, stdout=sys.stderr)
            cleanup.callback(process.wait)
            cleanup.callback(process.terminate)
        urls = [f"http://127.0.0.1:{port}" for port in ports]
        for url in urls:
            _wait(url)
        yield urls


def lag(url: str) -> float:
    """Return the longest block of a server's event loop since the last question, in ms."""
    return float(httpx.get(f"{url}/lag", timeout=600, trust_env=False).text)


def _wait(url: str) -> None:
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            lag(url)
        except httpx.TransportError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return


def main(port: str, kind: str) -> None:
    """Serve until the process is told to end."""
    import uvicorn
    from airflow.api_fastapi.app import create_app
    from starlette.middleware import Middleware

    app = create_app("execution")
    app.user_middleware.clear()  # a log line for each request
    if kind == "ours":
        from exclusive_redis_xcom.api_server.ring.middleware import Ring
        from exclusive_redis_xcom.api_server.slices.middleware import ShortSlices
        from exclusive_redis_xcom.api_server.watch.middleware import Watch

        app.user_middleware += [Middleware(Ring), Middleware(ShortSlices), Middleware(Watch)]
    app.middleware_stack = app.build_middleware_stack()
    uvicorn.run(Watched(app), port=int(port), log_level="warning", access_log=False, lifespan="on")


if __name__ == "__main__":
    main(*sys.argv[1:])
