"""Airflow's public REST API with our middlewares around it, in this process, on real tables and a real Redis.

    with open_rest_world(redis_url, "worker") as world:
        airflow_rows.put([Coordinate("sales", "run-1", "extract", "token")])
        world.call("DELETE", "/dags/sales/dagRuns/run-1")

uvicorn serves it in a thread. There is no scheduler. `airflow_rows` writes rows past the API.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from devtools.components import OURS
from devtools.worlds import airflow_rows
from devtools.worlds.execution_world import airflow_tables
from devtools.worlds.fresh_process import start_afresh
from devtools.worlds.sealed import Keys

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from exclusive_redis_xcom.store import Store

PREFIX = "exclusive_redis_xcom"
_SECRET = "AIRFLOW__API_AUTH__JWT_SECRET"  # noqa: S105 - the name of a variable
#: The event loop is looked at so often, in seconds.
_LOOK = 0.002


@dataclass
class Lag:
    """How long the event loop kept others waiting, in ms: the longest time, while the context lasted."""

    longest: float = 0.0
    looks: int = 0
    _over: threading.Event = field(default_factory=threading.Event, repr=False)

    async def watch(self) -> None:
        """Look at the event loop again and again."""
        while not self._over.is_set():
            before = time.perf_counter()
            await asyncio.sleep(_LOOK)
            self.longest = max(self.longest, (time.perf_counter() - before - _LOOK) * 1000)
            self.looks += 1


class RestWorld:
    """The server, and a store on its Redis. `open_rest_world` makes it."""

    def __init__(self, store: Store, client: httpx.Client, loop: asyncio.AbstractEventLoop) -> None:
        self.store = store
        self._client = client
        self._loop = loop

    def call(self, method: str, path: str, *, anonymous: bool = False, **options: Any) -> httpx.Response:
        """Send a request to `/api/v2`, as an administrator unless `anonymous`."""
        headers = {"Authorization": ""} if anonymous else {}
        return self._client.request(method, f"/api/v2{path}", headers=headers, **options)

    @contextlib.contextmanager
    def lag(self) -> Iterator[Lag]:
        """Watch the server's event loop while the context lasts."""
        found = Lag()
        watching = asyncio.run_coroutine_threadsafe(found.watch(), self._loop)
        try:
            yield found
        finally:
            found._over.set()
            watching.result(timeout=60)


@contextlib.contextmanager
def open_rest_world(redis_url: str, enforcement: str, *, with_ours: bool = True, **options: str) -> Iterator[RestWorld]:
    """Serve the REST API from this process' AIRFLOW_HOME.

    Args:
        redis_url: The URL of a Redis that is running, for the API server.
        enforcement: The setting of that name.
        with_ours: Whether the middlewares of this package are around it.
        options: Further settings of the package.
    """
    import httpx

    from exclusive_redis_xcom.api_server.requests.store_source import StoreSource
    from exclusive_redis_xcom.settings import load_settings

    keys = Keys.generate()
    options = {
        **{"redis_url": redis_url, "enforcement": enforcement, "key_prefix": PREFIX},
        **{"seal_public_key": keys.public, "seal_private_keys": keys.private},
        **options,
    }
    env = {f"{OURS}{name.upper()}": text for name, text in options.items()}
    with contextlib.ExitStack() as cleanup:
        cleanup.enter_context(patch.dict(os.environ, {_SECRET: secrets.token_urlsafe(48), **env}))
        start_afresh()
        cleanup.callback(start_afresh)
        airflow_tables()
        cleanup.callback(airflow_rows.empty)
        url, loop = cleanup.enter_context(_serving(with_ours=with_ours))
        headers = {"Authorization": f"Bearer {_token()}"}
        client = cleanup.enter_context(httpx.Client(base_url=url, headers=headers, timeout=600, trust_env=False))
        store = StoreSource(load_settings())()
        cleanup.callback(store._client.close)
        yield RestWorld(store, client, loop)


@contextlib.contextmanager
def _serving(*, with_ours: bool) -> Iterator[tuple[str, asyncio.AbstractEventLoop]]:
    import uvicorn
    from airflow.api_fastapi.app import create_app, purge_cached_app
    from starlette.middleware import Middleware

    from exclusive_redis_xcom.api_server.deletions.middleware import Removals
    from exclusive_redis_xcom.api_server.ring.middleware import Ring
    from exclusive_redis_xcom.api_server.watch.middleware import Watch

    purge_cached_app()  # its auth manager may hold another secret
    app = create_app("core")
    # Ours as the plugin orders them, whether or not the plugin is installed here.
    app.user_middleware[:] = [each for each in app.user_middleware if each.cls not in (Removals, Watch, Ring)]
    app.user_middleware += [Middleware(each) for each in (Removals, Watch, Ring) if with_ours]
    app.middleware_stack = app.build_middleware_stack()
    loops: list[asyncio.AbstractEventLoop] = []

    async def noting(scope: Any, receive: Any, send: Any) -> None:
        if not loops:
            loops.append(asyncio.get_running_loop())
        await app(scope, receive, send)

    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listening:
        server = uvicorn.Server(uvicorn.Config(noting, log_level="warning", access_log=False, lifespan="on"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not server.started:
                if not thread.is_alive():
                    raise RuntimeError("the REST API did not start")
                time.sleep(0.02)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}", loops[0]
        finally:
            server.should_exit = True
            thread.join(timeout=30)


def _token() -> str:
    from airflow.api_fastapi.app import create_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    return str(create_auth_manager().generate_jwt(SimpleAuthManagerUser(username="ann", role="admin")))
