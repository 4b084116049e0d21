"""A write is decided when its body is there. A caller that delays its body is judged by its state at that time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from exclusive_redis_xcom.api_server.requests import rest_body
from tests.unit.api_server.ringed import OWNER, XCOM, Airflow, World, collector, scope_of

HEADERS = [(b"authorization", f"Bearer {OWNER.ti_id}".encode())]


def post(world: World, messages: list[Any]) -> list[dict[str, Any]]:
    """A POST whose client sends these messages; a callable among them is called in its place."""
    sent: list[dict[str, Any]] = []
    pending = list(messages)

    async def receive() -> Any:
        while callable(pending[0]):
            pending.pop(0)()
        return pending.pop(0)

    asyncio.run(world.app(scope_of(XCOM, method="POST", headers=HEADERS), receive, collector(sent)))
    return sent


def part(body: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def test_a_running_owner_s_body_reaches_airflow_whole() -> None:
    bodies: list[bytes] = []

    async def airflow(scope: Any, receive: Any, send: Any) -> None:
        bodies.append(await rest_body.read_body(receive))
        await Airflow()(scope, receive, send)

    post(World(airflow), [part(b'"a va', more=True), part(b'lue"')])  # type: ignore[arg-type]

    assert bodies == [b'"a value"']


def test_who_ended_before_the_body_came_is_refused() -> None:
    world = World(Airflow())

    def end() -> None:
        world.people[OWNER.ti_id] = replace(OWNER, state="success")

    sent = post(world, [part(b"1", more=True), end, part(b"2")])

    assert sent[0]["status"] == 403
    assert world.airflow.calls == 0


def test_a_client_that_goes_away_gets_nothing_done() -> None:
    world = World(Airflow())

    assert post(world, [part(b"1", more=True), {"type": "http.disconnect"}]) == []
    assert world.airflow.calls == 0


def test_a_body_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest_body, "MAX_BODY", 10)
    world = World(Airflow())

    sent = post(world, [part(b"x" * 11, more=True)])

    assert sent[0]["status"] == 413
    assert world.airflow.calls == 0
