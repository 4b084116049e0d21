"""The middleware that carries deletions on with `enforcement = worker`: when it does anything at all."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from exclusive_redis_xcom.api_server.deletions.middleware import Removals
from exclusive_redis_xcom.settings import load_settings
from tests.unit.api_server.rested import RUN, XCOMS


def made(app: Any, **changes: Any) -> Removals:
    def no_redis() -> Any:
        pytest.fail("Redis was asked for")

    return Removals(
        app, settings=replace(load_settings(), **{"redis_url": "redis://127.0.0.1:1"} | changes), store=no_redis
    )


@pytest.mark.parametrize(
    ("changes", "active"),
    [({}, True), ({"direct_pulls": "off"}, True), ({"mode": "report"}, True), ({"enforcement": "server"}, False)],
)
def test_it_removes_with_enforcement_worker_alone_and_also_without_direct_pulls(
    changes: dict[str, str], active: bool
) -> None:
    assert made(None, **changes).is_active is active


@pytest.mark.parametrize(
    ("kind", "method", "path"),
    [
        ("http", "GET", f"{XCOMS}/token"),
        ("http", "POST", XCOMS),
        ("http", "PATCH", f"{XCOMS}/token"),
        ("http", "DELETE", "/execution/xcoms/sales/run-1/extract/token"),
        ("http", "DELETE", "/api/v2/pools/one"),
        ("http", "POST", f"{RUN}/clear"),
        ("websocket", "", RUN),
        ("lifespan", "", ""),
    ],
)
def test_every_other_request_passes_through_untouched(kind: str, method: str, path: str) -> None:
    seen: list[Any] = []

    async def app(*connection: Any) -> None:
        seen.append(connection)

    scope = {"type": kind, "path": path, "root_path": "", "query_string": b"", "headers": []}
    connection = (scope | ({"method": method} if kind == "http" else {}), object(), object())

    asyncio.run(made(app)(*connection))  # type: ignore[arg-type]

    assert seen == [connection]


def test_wrong_settings_are_logged_and_requests_pass(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["method"])

    removals = Removals(app, settings=replace(load_settings(), redis_url="http://canary@host"))
    asyncio.run(removals({"type": "http", "method": "DELETE", "path": RUN, "root_path": ""}, None, None))  # type: ignore[arg-type]

    assert (removals.is_active, seen) == (False, ["DELETE"])
    assert "What is deleted over REST stays in Redis until its TTL ends: " in caplog.text
    assert "canary" not in caplog.text
