"""Edits over the public REST API: refused where our reference is, or is to be, in the row."""

from __future__ import annotations

import json
from typing import Any

import pytest

from exclusive_redis_xcom.api_server.requests import rest_body
from exclusive_redis_xcom.api_server.ring import audit
from exclusive_redis_xcom.api_server.ring.audit import Audit
from exclusive_redis_xcom.api_server.ring.rest import RestGuard
from exclusive_redis_xcom.formats.reference import MARK
from exclusive_redis_xcom.model import Coordinate
from tests.unit.api_server.rested import AT, REFERENCE, XCOMS, Airflow, ask


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
    assert json.loads(row["extra"]) == {
        "who": "user 'ann'",
        "what": str(AT),
        "key": "token",
        "why": "This XCom holds a reference of exclusive_redis_xcom. Only the task that pushes the value writes its "
        "reference. Clear the task to have the value pushed again.",
    }
    assert "canary" not in str(row)


def test_a_refused_edit_is_refused_though_it_cannot_be_put_on_record(airflow: Airflow, tokens: dict[str, str]) -> None:
    def locked(rows: Any) -> None:
        raise OSError("locked")

    guard = RestGuard(airflow, audit=Audit("all", write=locked), store=pytest.fail)

    answer = ask(guard, "POST", XCOMS, {"key": "new", "value": REFERENCE}, token=tokens["admin"])

    assert (answer.status, airflow.bodies) == (403, [])
    assert "only the task that pushes a value writes one" in answer.detail["message"]


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


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"{", "The body is not a JSON object."),
        (b"[]", "The body is not a JSON object."),
        (b'{"value": 1}', "The body names no key."),
        (b'{"key": 3, "value": 1}', "The body names no key."),
    ],
)
def test_an_edit_without_a_readable_key_is_refused_and_on_record(
    guard: RestGuard,
    airflow: Airflow,
    tokens: dict[str, str],
    audited: list[dict[str, Any]],
    body: bytes,
    detail: str,
) -> None:
    answer = ask(guard, "POST", XCOMS, body, token=tokens["admin"])

    assert (answer.status, answer.detail, airflow.bodies) == (422, detail, [])
    (row,) = audited
    assert (row["event"], row["owner"]) == ("xcom_edit_denied", "ann")
    assert json.loads(row["extra"]) == {
        "who": "user 'ann'",
        "what": "XComs of dag_id 'sales', dag_run_id 'run-1', task_id 'extract'",
        "why": detail,
    }


def test_an_unknown_way_to_write_xcoms_is_refused(
    guard: RestGuard, airflow: Airflow, tokens: dict[str, str], audited: list[dict[str, Any]]
) -> None:
    answer = ask(guard, "PUT", f"{XCOMS}/token", {"value": 1}, token=tokens["admin"])

    assert (answer.status, airflow.bodies) == (403, [])
    assert "does not know this way to write XComs" in answer.detail["message"]
    assert json.loads(audited[0]["extra"])["what"] == "an XCom"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", XCOMS),
        ("PATCH", f"{XCOMS}/token"),
        ("PATCH", "/api/v2/dags/sales/dagRuns/run-1/taskInstances"),
        ("PATCH", "/api/v2/dags/sales/dagRuns"),
    ],
)
def test_a_body_that_is_too_long_is_refused_and_on_record(
    guard: RestGuard,
    airflow: Airflow,
    tokens: dict[str, str],
    audited: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    path: str,
) -> None:
    monkeypatch.setattr(rest_body, "MAX_BODY", 10)

    answer = ask(guard, method, path, b"x" * 11, token=tokens["admin"])

    assert (answer.status, answer.detail, airflow.bodies) == (413, "The body is longer than 10 bytes.", [])
    (row,) = audited
    assert (row["event"], row["owner"], json.loads(row["extra"])["why"]) == ("xcom_edit_denied", "ann", answer.detail)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", XCOMS, {"key": "new", "value": REFERENCE}),
        ("PATCH", f"{XCOMS}/token", {"value": 1}),
        ("POST", XCOMS, b"{"),
        ("PUT", f"{XCOMS}/token", {"value": 1}),
    ],
    ids=["forged", "held", "malformed", "unknown"],
)
def test_each_refused_edit_has_a_line_and_a_count(
    guard: RestGuard,
    airflow: Airflow,
    tokens: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    method: str,
    path: str,
    body: Any,
) -> None:
    counted: list[Any] = []

    def incr(name: str, count: int = 1, rate: float = 1, *, tags: Any = None) -> None:
        counted.append((name, count, tags))

    monkeypatch.setattr(audit._server_stats(), "incr", incr, raising=False)
    airflow.put(AT, REFERENCE)

    ask(guard, method, path, body, token=tokens["admin"])

    assert counted == [("exclusive_redis_xcom.ring.edit_refused", 1, {})]
    (line,) = [message for message in caplog.messages if message.startswith("xcom_edit_denied: ")]
    assert line.startswith("xcom_edit_denied: who: user 'ann', ")
