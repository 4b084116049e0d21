from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from exclusive_redis_xcom.api_server.requests import rest_body, rest_routes
from exclusive_redis_xcom.api_server.requests.rest_body import ClientGoneError, NotAnObjectError, RefusedError
from exclusive_redis_xcom.api_server.requests.rest_routes import RestCall


def receiving(*messages: dict[str, Any]) -> Any:
    waiting = list(messages)

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    return receive


def chunk(body: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def call(method: str, path: str) -> RestCall:
    found = rest_routes.parse(method, f"/api/v2/dags/{path}")
    assert found is not None
    return found


def deleting(*entities: Any) -> dict[str, Any]:
    return {"actions": [{"action": "delete", "entities": list(entities)}]}


def test_a_body_in_pieces_reaches_the_next_app_unchanged() -> None:
    receive = receiving(chunk(b'{"a"', more=True), chunk(b"", more=True), chunk(b": 1}"), {"type": "http.disconnect"})

    async def both() -> tuple[bytes, Any, Any]:
        body = await rest_body.read_body(receive)
        again = rest_body.replay(body, receive)
        return body, await again(), await again()

    body, first, second = asyncio.run(both())

    assert body == b'{"a": 1}'
    assert first == chunk(b'{"a": 1}')
    assert second == {"type": "http.disconnect"}


def test_a_body_that_is_too_long_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest_body, "MAX_BODY", 10)
    receive = receiving(chunk(b"12345678", more=True), chunk(b"901", more=True))

    with pytest.raises(RefusedError) as refused:
        asyncio.run(rest_body.read_body(receive))

    assert (refused.value.status, refused.value.detail) == (413, "The body is longer than 10 bytes.")


def test_a_body_of_the_greatest_length_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest_body, "MAX_BODY", 10)

    assert asyncio.run(rest_body.read_body(receiving(chunk(b"12345", more=True), chunk(b"67890")))) == b"1234567890"


def test_what_a_server_leaves_out_of_a_message_has_asgis_defaults() -> None:
    assert asyncio.run(rest_body.read_body(receiving({"type": "http.request"}))) == b""


def test_a_client_that_leaves_is_noticed() -> None:
    with pytest.raises(ClientGoneError):
        asyncio.run(rest_body.read_body(receiving(chunk(b"1", more=True), {"type": "http.disconnect"})))


def test_of_a_repeated_key_the_last_counts_as_it_does_for_airflow() -> None:
    assert rest_body.json_object(b'{"key": "a", "key": "b"}') == {"key": "b"}


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b"\xff\xff", b"null", b"[" * 100_000],
    ids=["empty", "a list", "half an object", "no text", "null", "deep"],
)
def test_what_is_no_json_object_is_told_apart(body: bytes) -> None:
    with pytest.raises(NotAnObjectError):
        rest_body.json_object(body)


@pytest.mark.parametrize(
    ("path", "entity", "scope"),
    [
        ("sales/dagRuns/r/taskInstances", "load", ("sales", "r", "load")),
        ("sales/dagRuns/r/taskInstances", {"task_id": "load", "map_index": 3}, ("sales", "r", "load")),
        ("~/dagRuns/~/taskInstances", {"dag_id": "d", "dag_run_id": "q", "task_id": "load"}, ("d", "q", "load")),
        ("sales/dagRuns/r/taskInstances", {"dag_id": "d", "task_id": "load"}, ("d", "r", "load")),
        ("sales/dagRuns", "r", ("sales", "r")),
        ("~/dagRuns", {"dag_id": "d", "dag_run_id": "r"}, ("d", "r")),
    ],
)
def test_a_bulk_request_reaches_what_its_entities_name(path: str, entity: Any, scope: tuple[str, ...]) -> None:
    assert rest_body.bulk_scopes(call("PATCH", path), deleting(entity)) == [scope]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"actions": None},
        {"actions": [1, {"action": "update", "entities": ["load"]}]},
        deleting(1, None, [], {}, {"task_id": 3}),
        {"actions": [{"action": "delete", "entities": "load"}]},
        {"actions": [{"action": "delete"}]},
    ],
    ids=json.dumps,
)
def test_a_bulk_request_that_deletes_nothing_reaches_nothing(body: dict[str, Any]) -> None:
    assert rest_body.bulk_scopes(call("PATCH", "sales/dagRuns/r/taskInstances"), body) == []


def test_deletions_among_other_actions_are_found() -> None:
    body = {"actions": [{"action": "update", "entities": ["x"]}, 1, *deleting("load")["actions"]]}

    assert rest_body.bulk_scopes(call("PATCH", "sales/dagRuns/r/taskInstances"), body) == [("sales", "r", "load")]


@pytest.mark.parametrize(
    ("path", "entity"),
    [
        ("~/dagRuns/~/taskInstances", "load"),
        ("~/dagRuns/~/taskInstances", {"dag_id": "d", "task_id": "load"}),
        ("sales/dagRuns/~/taskInstances", "load"),
        ("~/dagRuns/r/taskInstances", "load"),
        ("~/dagRuns", "r"),
    ],
)
def test_a_wildcard_in_the_path_reaches_nothing_by_itself(path: str, entity: Any) -> None:
    assert rest_body.bulk_scopes(call("PATCH", path), deleting(entity)) == []
