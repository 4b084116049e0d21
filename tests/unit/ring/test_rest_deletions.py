"""Deletions over the public REST API: what is gone from Airflow's tables goes from Redis."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.ring import rest_removal
from exclusive_redis_xcom.ring.rest import RestGuard
from tests.unit.ring.rested import AT, REFERENCE, XCOMS, Airflow, Answer, Redis, ask


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
