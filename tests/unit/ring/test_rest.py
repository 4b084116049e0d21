"""The guard in front of a small ASGI app, with Airflow's own tables, auth manager and tokens."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from exclusive_redis_xcom import keys
from exclusive_redis_xcom.connection import RedisClient, RedisOptions, Timeouts
from exclusive_redis_xcom.connection.session import ServerSession
from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.reference import MARK
from exclusive_redis_xcom.ring import rest_removal, rest_rows
from exclusive_redis_xcom.ring.audit import Audit
from exclusive_redis_xcom.ring.rest import RestGuard
from exclusive_redis_xcom.store import Store

XCOMS = "/api/v2/dags/sales/dagRuns/run-1/taskInstances/extract/xcomEntries"
AT = Coordinate("sales", "run-1", "extract", "token")
REFERENCE = {MARK: {"v": 1}}


@dataclass
class Airflow:
    """What stands in for Airflow's app: notes what reaches it, and runs SQL on the table in place of deleting."""

    database: Path
    status: int = 200
    sql: str = ""
    bodies: list[bytes] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.bodies.append((await receive())["body"])
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": b"airflow"})
        if self.sql:
            self.run(self.sql)

    def run(self, statement: str, *values: Any) -> None:
        with closing(sqlite3.connect(self.database)) as connection, connection:
            connection.execute(statement, values)

    def put(self, at: Coordinate, value: Any) -> None:
        self.run(
            "INSERT INTO xcom (dag_run_id, dag_id, run_id, task_id, key, map_index, value, timestamp) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, '2026-01-01 00:00:00')",
            crc32(f"{at.dag_id} {at.run_id}".encode()),
            *(at.dag_id, at.run_id, at.task_id, at.key, at.map_index, json.dumps(value)),
        )


@dataclass
class Answer:
    status: int
    body: bytes

    @property
    def detail(self) -> Any:
        return json.loads(self.body)["detail"]


@pytest.fixture(scope="session")
def database() -> Path:
    """Airflow's tables, in the database of this test run's own AIRFLOW_HOME."""
    from airflow import settings
    from airflow.models import import_all_models
    from airflow.models.base import Base
    from sqlalchemy.orm import configure_mappers

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Airflow's models on a newer SQLAlchemy
        import_all_models()
        configure_mappers()
    Base.metadata.create_all(settings.engine)
    return Path(os.environ["AIRFLOW_HOME"], "airflow.db")


@pytest.fixture
def airflow(database: Path) -> Iterator[Airflow]:
    app = Airflow(database)
    yield app
    app.run("DELETE FROM xcom")


@pytest.fixture(scope="session")
def tokens(database: Path) -> Iterator[dict[str, str]]:
    """Users' tokens, made and accepted by Airflow's auth manager."""
    from airflow.api_fastapi.app import create_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "s" * 64)
        yield _tokens(create_auth_manager(), SimpleAuthManagerUser)


def _tokens(manager: Any, user: Any) -> dict[str, str]:
    return {
        "admin": manager.generate_jwt(user(username="ann", role="admin")),
        "viewer": manager.generate_jwt(user(username="vic", role="viewer")),
        "expired": manager.generate_jwt(user(username="ann", role="admin"), expiration_time_in_seconds=-60),
        "garbage": "not.a.token",
    }


@pytest.fixture
def audited() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def guard(airflow: Airflow, audited: list[dict[str, Any]]) -> RestGuard:
    def no_redis() -> Store:
        options = RedisOptions.from_url("redis://127.0.0.1:1/0")  # nobody listens there
        return Store(RedisClient(options, Timeouts(connect=0.1, read=0.1, deadline=0.2)), key_prefix="x")

    return RestGuard(airflow, audit=Audit("all", write=audited.extend), store=no_redis)


def ask(
    guard: RestGuard,
    method: str,
    path: str,
    body: Any = None,
    *,
    token: str | None = None,
    cookie: bool = False,
    root_path: str = "",
) -> Answer:
    headers = [] if token is None else [(b"authorization", f"Bearer {token}".encode())]
    if cookie:
        headers = [(b"cookie", f"_token={token}".encode())]
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    scope = {
        "type": "http",
        "method": method,
        "path": root_path + path,
        "root_path": root_path,
        "query_string": b"",
        "headers": headers,
        "state": {},
    }
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": data, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    assert guard.concerns(scope)
    asyncio.run(guard(scope, receive, send))
    return Answer(sent[0]["status"], b"".join(message["body"] for message in sent[1:]))


@pytest.mark.parametrize("stored", [REFERENCE, json.dumps(REFERENCE), json.dumps(json.dumps(REFERENCE))])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", XCOMS, {"key": "token", "value": "mine"}),
        ("POST", XCOMS, {"key": "token", "value": "mine", "map_index": 7}),
        ("PATCH", f"{XCOMS}/token", {"value": "mine"}),
    ],
)
def test_an_edit_of_an_xcom_that_holds_a_reference_is_refused(
    guard: RestGuard, airflow: Airflow, tokens: dict[str, str], method: str, path: str, body: Any, stored: Any
) -> None:
    airflow.put(AT, stored)

    answer = ask(guard, method, path, body, token=tokens["admin"])

    assert (answer.status, answer.detail["reason"], airflow.bodies) == (403, "access_denied", [])


def test_a_refused_edit_goes_on_record_with_who_and_what(
    guard: RestGuard, airflow: Airflow, tokens: dict[str, str], audited: list[dict[str, Any]]
) -> None:
    airflow.put(AT, REFERENCE)

    ask(guard, "PATCH", f"{XCOMS}/token", {"value": "canary"}, token=tokens["admin"])

    (row,) = audited
    assert (row["event"], row["owner"], row["dag_id"], row["task_id"]) == (
        "xcom_edit_denied",
        "ann",
        "sales",
        "extract",
    )
    assert "canary" not in str(row)


@pytest.mark.parametrize("encode", [lambda value: value, json.dumps, lambda value: f" {json.dumps(json.dumps(value))}"])
@pytest.mark.parametrize("forged", [REFERENCE, {MARK: None, "more": 1}])
def test_a_forged_or_copied_reference_is_refused(
    guard: RestGuard, airflow: Airflow, tokens: dict[str, str], forged: Any, encode: Any
) -> None:
    answer = ask(guard, "POST", XCOMS, {"key": "new", "value": encode(forged)}, token=tokens["admin"])

    assert (answer.status, airflow.bodies) == (403, [])


@pytest.mark.parametrize("cookie", [False, True])
@pytest.mark.parametrize("root_path", ["", "/airflow"])
def test_an_edit_of_a_plain_xcom_passes_with_its_body_unchanged(
    guard: RestGuard, airflow: Airflow, tokens: dict[str, str], cookie: bool, root_path: str
) -> None:
    airflow.put(AT, "plain")
    airflow.put(Coordinate("sales", "run-1", "extract", "token 2"), REFERENCE)
    body = b' {"value": "about exclusive_redis_xcom"} '

    answer = ask(guard, "PATCH", f"{XCOMS}/token", body, token=tokens["admin"], cookie=cookie, root_path=root_path)

    assert (answer.status, airflow.bodies) == (200, [body])


@pytest.mark.parametrize("who", ["garbage", "expired", "viewer", None])
@pytest.mark.parametrize("stored", [REFERENCE, "plain"])
def test_who_may_not_edit_learns_nothing_about_the_row(
    guard: RestGuard, airflow: Airflow, tokens: dict[str, str], who: str | None, stored: Any
) -> None:
    airflow.put(AT, stored)

    answer = ask(guard, "PATCH", f"{XCOMS}/token", {"value": 1}, token=who and tokens[who])

    expected = {"garbage": (403, "Invalid JWT token"), "expired": (401, "Token Expired"), "viewer": (403, "Forbidden")}
    assert (answer.status, answer.detail) == expected.get(str(who), (401, "Not authenticated"))
    assert airflow.bodies == []


def test_an_edit_that_cannot_be_checked_is_not_let_through(
    guard: RestGuard, airflow: Airflow, tokens: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    airflow.run("ALTER TABLE xcom RENAME TO elsewhere")
    try:
        answer = ask(guard, "PATCH", f"{XCOMS}/token", {"value": "canary"}, token=tokens["admin"])
    finally:
        airflow.run("ALTER TABLE elsewhere RENAME TO xcom")

    assert (answer.status, answer.detail["reason"], airflow.bodies) == (503, "cannot_decide", [])
    assert "canary" not in caplog.text


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"value": 1}', b'{"key": 3, "value": 1}'])
def test_an_edit_without_a_readable_key_is_refused(
    guard: RestGuard, airflow: Airflow, tokens: dict[str, str], body: bytes
) -> None:
    answer = ask(guard, "POST", XCOMS, body, token=tokens["admin"])

    assert (answer.status, airflow.bodies) == (422, [])


def test_an_unknown_way_to_write_xcoms_is_refused(guard: RestGuard, airflow: Airflow, tokens: dict[str, str]) -> None:
    answer = ask(guard, "PUT", f"{XCOMS}/token", {"value": 1}, token=tokens["admin"])

    assert (answer.status, airflow.bodies) == (403, [])


def test_a_deletion_stands_when_redis_fails_and_the_warning_has_counts_only(
    guard: RestGuard, airflow: Airflow, tokens: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    for index in range(3):
        airflow.put(Coordinate("sales", "run-1", "extract", f"canary {index}"), REFERENCE)
    airflow.sql = "DELETE FROM xcom"

    with caplog.at_level(logging.WARNING):
        answer = ask(guard, "DELETE", "/api/v2/dags/sales/dagRuns/run-1/taskInstances/extract", token=tokens["admin"])

    assert answer == Answer(200, b"airflow")
    assert "Up to 3 deleted XComs are still in Redis: StoreUnavailable" in caplog.text
    assert "canary" not in caplog.text


@pytest.mark.parametrize(("status", "sql"), [(200, ""), (404, "DELETE FROM xcom"), (409, "")])
def test_redis_is_left_alone_where_rows_stay_or_airflow_refuses(
    airflow: Airflow, guard: RestGuard, tokens: dict[str, str], caplog: pytest.LogCaptureFixture, status: int, sql: str
) -> None:
    airflow.put(AT, REFERENCE)
    airflow.status, airflow.sql = status, sql

    answer = ask(guard, "DELETE", f"{XCOMS}/token", token=tokens["admin"])

    assert answer.status == status
    assert "Redis" not in caplog.text  # which would have failed


@pytest.mark.parametrize("who", ["garbage", "viewer", None])
def test_a_deletion_by_who_may_not_is_left_to_airflow(
    guard: RestGuard, airflow: Airflow, tokens: dict[str, str], caplog: pytest.LogCaptureFixture, who: str | None
) -> None:
    airflow.put(AT, REFERENCE)
    airflow.status, airflow.sql = 200, "DELETE FROM xcom"

    ask(guard, "DELETE", f"{XCOMS}/token", token=who and tokens[who])

    assert "Redis" not in caplog.text


class Redis:
    """An in-memory Redis with some hashes, and a guard that removes from it."""

    def __init__(self, airflow: Airflow, audited: list[dict[str, Any]]) -> None:
        import fakeredis

        self.airflow = airflow
        self.fake = fakeredis.FakeRedis()
        client = RedisClient(RedisOptions(), Timeouts(), open_session=lambda budget: ServerSession(self.fake, budget))
        store = Store(client, key_prefix="x")
        self.guard = RestGuard(airflow, audit=Audit("all", write=audited.extend), store=lambda: store)

    def put(self, *coordinates: Coordinate) -> None:
        for at in coordinates:
            self.airflow.put(at, REFERENCE)
            self.fake.hset(
                keys.hash_name("x", at), mapping={keys.ACL_FIELD: b"{}", keys.field_name(at.map_index): b"v"}
            )

    def left(self) -> int:
        """How many values are there."""
        return sum(self.fake.hlen(name) - 1 for name in self.fake.scan_iter(count=10_000))


@pytest.fixture
def in_memory(airflow: Airflow, audited: list[dict[str, Any]]) -> Iterator[Redis]:
    made = Redis(airflow, audited)
    yield made
    made.fake.close()


def test_more_values_than_one_batch_go_with_their_dag(
    in_memory: Redis, airflow: Airflow, tokens: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest_removal, "BATCH", 3)
    in_memory.put(
        *(Coordinate("sales", f"run-{number}", "t", "k", index) for number in range(10) for index in range(2))
    )
    in_memory.put(Coordinate("other", "run-1", "t", "k"))
    airflow.sql = "DELETE FROM xcom WHERE dag_id = 'sales'"

    answer = ask(in_memory.guard, "DELETE", "/api/v2/dags/sales", token=tokens["admin"])

    assert (answer.status, in_memory.left()) == (200, 1)


def test_of_a_half_deleted_run_only_what_is_gone_is_removed(
    in_memory: Redis, airflow: Airflow, tokens: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest_removal, "BATCH", 2)
    in_memory.put(*(Coordinate("sales", "run-1", "t", f"k{key}", index) for key in range(5) for index in range(2)))
    airflow.sql = "DELETE FROM xcom WHERE key IN ('k1', 'k4') OR (key = 'k2' AND map_index = 0)"

    ask(in_memory.guard, "DELETE", "/api/v2/dags/sales/dagRuns/run-1", token=tokens["admin"])

    assert in_memory.left() == 6  # of k2 one row is left, and its hash stays as it is


def test_a_removal_goes_on_record_with_who_and_how_many(
    in_memory: Redis, airflow: Airflow, tokens: dict[str, str], audited: list[dict[str, Any]]
) -> None:
    in_memory.put(AT)
    airflow.sql = "DELETE FROM xcom"

    ask(in_memory.guard, "DELETE", f"{XCOMS}/token", token=tokens["admin"])

    (row,) = audited
    assert (row["event"], row["owner"], row["dag_id"], row["run_id"]) == ("xcom_removed", "ann", "sales", "run-1")
    assert json.loads(row["extra"])["removed_from_redis"] == 1


def test_the_rows_in_reach_are_told_by_their_own_columns(airflow: Airflow) -> None:
    airflow.put(Coordinate("sales", "run-1", "extract", "a", 0), REFERENCE)
    airflow.put(Coordinate("sales", "run-1", "extract", "a", 1), {MARK: {"coordinate": {"dag_id": "victim"}}})
    airflow.put(Coordinate("sales", "run-2", "load", "b"), "plain")
    airflow.put(Coordinate("other", "run-1", "extract", "a"), REFERENCE)

    single = set(rest_rows.addresses([("sales", "run-1"), ("sales", "run-2")], whole=False))
    whole = set(rest_rows.addresses([("sales",)], whole=True))

    assert single == {
        Coordinate("sales", "run-1", "extract", "a", 0),
        Coordinate("sales", "run-1", "extract", "a", 1),
        Coordinate("sales", "run-2", "load", "b"),
    }
    assert whole == {Coordinate("sales", "run-1", "extract", "a"), Coordinate("sales", "run-2", "load", "b")}


def test_a_hash_is_gone_when_none_of_its_rows_is_left(airflow: Airflow) -> None:
    airflow.put(Coordinate("sales", "run-1", "extract", "a", 4), REFERENCE)
    there, absent = Coordinate("sales", "run-1", "extract", "a"), Coordinate("sales", "run-1", "extract", "b")

    assert rest_rows.gone([there, absent], whole=True) == [absent]
    assert rest_rows.gone([there, absent], whole=False) == [there, absent]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (REFERENCE, True),
        ({MARK: 1, "x": 2}, True),
        (json.dumps(REFERENCE), True),
        ('"' * 3, False),
        ("{" * 200_000, False),
        ('{"a":' * 200_000, True),
        ([REFERENCE], False),
        (MARK, False),
        (None, False),
        (3, False),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_could_be_taken_for_a_reference(value: object, expected: bool) -> None:
    assert rest_rows.carries_reference(value) is expected
