"""What the app inside gets: all requests as they came, but for slices of XComs, whose first row is asked for."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from exclusive_redis_xcom.api_server.slices.middleware import ShortSlices
from exclusive_redis_xcom.settings import load_settings

QUERY = b"start=0&stop=2048&step=1"
SLICE = "/execution/xcoms/sales/run_1/extract/token/slice"
BODY = {"type": "http.request", "body": b"", "more_body": False}
GONE = {"type": "http.disconnect"}


class Airflow:
    """An app that waits until the client has gone, as a stream does, and then answers with an empty list."""

    def __init__(self) -> None:
        self.queries: list[bytes] = []
        self.messages: list[Any] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.queries.append(scope["query_string"])
        self.messages.append([await receive() for _ in range(3)])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": b"[]"})


def asked(path: str, query: bytes = QUERY, root_path: str = "", **changes: Any) -> Airflow:
    """Ask for a path. The server gives the body, and after it that the client has gone."""
    airflow = Airflow()
    slices = ShortSlices(airflow, settings=replace(load_settings(), **{"enforcement": "worker", **changes}))
    pending = [BODY]

    async def receive() -> Any:
        return pending.pop() if pending else GONE

    async def send(message: Any) -> None: ...

    scope = {"type": "http", "method": "GET", "path": root_path + path, "root_path": root_path, "query_string": query}
    asyncio.run(slices({**scope, "headers": []}, receive, send))
    return airflow


@pytest.mark.parametrize(
    "path",
    [
        "/slice",
        "/ui/grid/ti_summaries/slice",
        "/api/v2/xcoms/a/b/c/d/slice",
        "/execution/slice",
        "/execution/xcomsy/slice",
    ],
)
def test_another_route_is_asked_once_and_as_it_was_asked(path: str) -> None:
    airflow = asked(path)

    assert airflow.queries == [QUERY]
    assert airflow.messages == [[BODY, GONE, GONE]]


@pytest.mark.parametrize("root_path", ["", "/airflow"])
def test_a_slice_is_asked_for_its_first_row(root_path: str) -> None:
    assert asked(SLICE, root_path=root_path).queries == [b"start=0&stop=1", QUERY]


def test_the_first_row_is_asked_for_by_the_client_that_asks() -> None:
    """A body without an end would keep whatever waits for the client to go, and with it the event loop."""
    first, _ = asked(SLICE).messages

    assert first == [BODY, BODY, GONE]


@pytest.mark.parametrize("changes", [{"format": 2}, {"enforcement": "server"}], ids=repr)
def test_a_worker_of_an_earlier_release_may_ask_where_format_is_2(changes: dict[str, Any]) -> None:
    assert asked(SLICE, **changes).queries == [QUERY]
