"""Deletions over the public REST API: what is gone from Airflow's tables goes from Redis."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from typing import Any

import pytest

from exclusive_redis_xcom.api_server.requests import rest_body
from exclusive_redis_xcom.api_server.ring import rest_removal
from exclusive_redis_xcom.api_server.ring.audit import Audit
from exclusive_redis_xcom.api_server.ring.rest import RestGuard
from exclusive_redis_xcom.model import Coordinate
from tests.unit.api_server.rested import AT, REFERENCE, RUN, TASK, XCOMS, Airflow, Answer, Redis, ask


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

    assert airflow.paths == [f"{XCOMS}/token"]
    assert [record for record in caplog.records if record.name.startswith("exclusive_redis_xcom")] == []


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


BULK_TASKS = f"{RUN}/taskInstances"
BULK_RUNS = "/api/v2/dags/sales/dagRuns"


def deleting(*entities: Any) -> dict[str, Any]:
    return {"actions": [{"action": "delete", "entities": list(entities)}]}


@pytest.mark.parametrize(
    ("path", "entity", "left"), [(BULK_TASKS, "extract", 1), (BULK_RUNS, "run-1", 0), (BULK_RUNS, "run-2", 3)]
)
def test_what_a_bulk_request_deleted_goes_and_airflow_reads_the_same_body(
    in_memory: Redis, airflow: Airflow, tokens: dict[str, str], path: str, entity: str, left: int
) -> None:
    in_memory.put(AT, replace(AT, map_index=3), replace(AT, task_id="load"))
    airflow.sql = "DELETE FROM xcom"
    body = json.dumps(deleting(entity), indent=1).encode()

    answer = ask(in_memory.guard, "PATCH", path, body, token=tokens["admin"])

    assert (answer, airflow.paths, airflow.bodies) == (Answer(200, b"airflow"), [path], [body])
    assert in_memory.left() == left


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"actions": []}', json.dumps(deleting()).encode()])
def test_a_bulk_request_that_names_nothing_is_airflows(
    in_memory: Redis, airflow: Airflow, tokens: dict[str, str], body: bytes
) -> None:
    in_memory.put(AT)
    airflow.status, airflow.sql = 200, "DELETE FROM xcom"

    answer = ask(in_memory.guard, "PATCH", BULK_TASKS, body, token=tokens["admin"])

    assert (answer, airflow.paths, airflow.bodies) == (Answer(200, b"airflow"), [BULK_TASKS], [body])
    assert in_memory.left() == 1


def test_a_bulk_request_that_is_too_long_is_refused(
    in_memory: Redis, airflow: Airflow, tokens: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest_body, "MAX_BODY", 10)

    answer = ask(in_memory.guard, "PATCH", BULK_TASKS, deleting("extract"), token=tokens["admin"])

    assert (answer.status, answer.detail, airflow.paths) == (413, "The body is longer than 10 bytes.", [])


def test_of_a_mapped_task_only_the_instance_that_was_deleted_goes(
    in_memory: Redis, airflow: Airflow, tokens: dict[str, str]
) -> None:
    in_memory.put(*(replace(AT, map_index=index) for index in range(3)))
    airflow.sql = "DELETE FROM xcom WHERE map_index = 1"

    ask(in_memory.guard, "DELETE", TASK, token=tokens["admin"], query=b"map_index=1")

    assert in_memory.values(AT) == {0, 2}


def test_what_somebody_else_deletes_meanwhile_is_not_this_requests(
    in_memory: Redis, airflow: Airflow, tokens: dict[str, str]
) -> None:
    in_memory.put(*(replace(AT, map_index=index) for index in range(3)))
    airflow.sql = "DELETE FROM xcom"

    ask(in_memory.guard, "DELETE", TASK, token=tokens["admin"], query=b"map_index=1")

    assert in_memory.values(AT) == {0, 2}


def test_coordinates_that_do_not_fit_into_memory_go_too(
    in_memory: Redis, airflow: Airflow, tokens: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest_removal, "_IN_MEMORY", 1)
    in_memory.put(*(replace(AT, key=f"k\u00fc {number}") for number in range(5)))
    airflow.sql = "DELETE FROM xcom"

    ask(in_memory.guard, "DELETE", RUN, token=tokens["admin"])

    assert in_memory.left() == 0


def test_when_redis_fails_in_the_middle_the_warning_and_the_row_count_the_rest_and_the_done(
    in_memory: Redis,
    airflow: Airflow,
    audited: list[dict[str, Any]],
    tokens: dict[str, str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rest_removal, "BATCH", 3)
    in_memory.put(*(replace(AT, key=f"k{number}") for number in range(10)))
    in_memory.answers = 2
    airflow.sql = "DELETE FROM xcom"

    answer = ask(in_memory.guard, "DELETE", RUN, token=tokens["admin"])

    assert (answer.status, in_memory.left()) == (200, 4)
    assert (
        "Up to 4 deleted XComs are still in Redis: StoreUnavailable. Nobody can reach them without their rows, and "
        "they expire with their TTL." in caplog.messages
    )
    assert json.loads(audited[0]["extra"])["removed_from_redis"] == 6


def test_rows_that_cannot_be_listed_do_not_stop_a_deletion(
    in_memory: Redis, airflow: Airflow, tokens: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    airflow.run("ALTER TABLE xcom RENAME TO elsewhere")
    try:
        answer = ask(in_memory.guard, "DELETE", f"{XCOMS}/canary", token=tokens["admin"])
    finally:
        airflow.run("ALTER TABLE elsewhere RENAME TO xcom")

    assert (answer, airflow.paths) == (Answer(200, b"airflow"), [f"{XCOMS}/canary"])
    assert (
        "Deleted XComs may stay in Redis, because their rows could not be listed: OperationalError. Nobody can reach "
        "them without their rows" in caplog.text
    )
    assert "canary" not in caplog.text


def test_the_row_of_a_removed_dag_names_who_and_what_and_nothing_below(
    in_memory: Redis, airflow: Airflow, audited: list[dict[str, Any]], tokens: dict[str, str]
) -> None:
    in_memory.put(AT)
    airflow.sql = "DELETE FROM xcom"

    ask(in_memory.guard, "DELETE", "/api/v2/dags/sales", token=tokens["admin"])

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
