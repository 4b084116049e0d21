"""What the ring puts on record of deletions over the public REST API, and what it refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from exclusive_redis_xcom.api_server.requests import rest_body
from exclusive_redis_xcom.api_server.ring.audit import Audit
from exclusive_redis_xcom.api_server.ring.rest import RestGuard
from tests.unit.api_server.rested import AT, BULK_TASKS, XCOMS, Airflow, Answer, Redis, ask, deleting


def test_a_removal_goes_on_record_with_who_and_how_many(
    in_memory: Redis, airflow: Airflow, tokens: dict[str, str], audited: list[dict[str, Any]]
) -> None:
    in_memory.put(AT)
    airflow.sql = "DELETE FROM xcom"

    ask(in_memory.app, "DELETE", f"{XCOMS}/token", token=tokens["admin"])

    (row,) = audited
    assert (row["event"], row["owner"], row["dag_id"], row["run_id"]) == ("xcom_removed", "ann", "sales", "run-1")
    assert json.loads(row["extra"])["removed_from_redis"] == 1


def test_a_bulk_request_that_is_too_long_is_refused(
    in_memory: Redis, airflow: Airflow, tokens: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest_body, "MAX_BODY", 10)

    answer = ask(in_memory.app, "PATCH", BULK_TASKS, deleting("extract"), token=tokens["admin"])

    assert (answer.status, answer.detail, airflow.paths) == (413, "The body is longer than 10 bytes.", [])


def test_the_row_of_a_removed_dag_names_who_and_what_and_nothing_below(
    in_memory: Redis, airflow: Airflow, audited: list[dict[str, Any]], tokens: dict[str, str]
) -> None:
    in_memory.put(AT)
    airflow.sql = "DELETE FROM xcom"

    ask(in_memory.app, "DELETE", "/api/v2/dags/sales", token=tokens["admin"])

    (row,) = audited
    assert [row[name] for name in ("dag_id", "run_id", "task_id")] == ["sales", "", ""]
    assert json.loads(row["extra"]) == {"who": "user 'ann'", "deleted": {"dag_id": "sales"}, "removed_from_redis": 1}


def test_a_removal_that_cannot_be_put_on_record_stands(
    in_memory: Redis, airflow: Airflow, tokens: dict[str, str]
) -> None:
    def locked(rows: Any) -> None:
        raise OSError("locked")

    in_memory.put(AT)
    airflow.sql = "DELETE FROM xcom"
    guard = RestGuard(airflow, audit=Audit("all", write=locked), store=lambda: in_memory.store)

    answer = ask(guard, "DELETE", f"{XCOMS}/token", token=tokens["admin"])

    assert (answer, in_memory.left()) == (Answer(200, b"airflow"), 0)
