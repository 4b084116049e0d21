"""Which row Airflow gives a key: what its own client and its own routes make of the URL."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from exclusive_redis_xcom.airflow.row_keys import row_key

KEYS = ["token", "a/b", "a%2Fb", "a?b", "a#b", "100%", "100%25", "a b", "é", "x/../y", "./a", "a//b", "a\\b", "a%zz"]


def asked_for(key: str) -> str | None:
    """The key that reaches Airflow's server if a task pushes this one."""
    from airflow.sdk.api.client import Client

    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(201, json={"message": "ok"})

    client = Client(base_url="http://localhost/execution/", token="t", transport=httpx.MockTransport(answer))
    client.xcoms.set("dag", "run", "task", key, "value")
    path = seen[0].url.path
    start = "/execution/xcoms/dag/run/task/"
    return path.removeprefix(start) if path.startswith(start) else None


@pytest.mark.parametrize("key", KEYS)
def test_it_is_the_row_that_airflow_s_client_asks_for(key: str) -> None:
    assert row_key(key) == asked_for(key)


@pytest.mark.parametrize(
    ("key", "row"),
    [("a%2Fb", "a/b"), ("a?map_index=3", "a"), ("a#b", "a"), ("100%25", "100%"), ("../../etc", None), ("a\0b", None)],
)
def test_a_key_may_lie_in_another_row_or_in_none(key: str, row: Any) -> None:
    assert row_key(key) == row
