"""Deletions over the public REST API, in both modes: what is gone from Airflow's tables goes from Redis."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from exclusive_redis_xcom.api_server.deletions import removal
from exclusive_redis_xcom.api_server.requests import rest_body, rows
from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.store import Store
from tests.unit.api_server.rested import (
    AT,
    BULK_RUNS,
    BULK_TASKS,
    REFERENCE,
    RUN,
    TASK,
    XCOMS,
    Airflow,
    Answer,
    Redis,
    ask,
    deleting,
    removing_app,
)


@pytest.fixture(params=["worker", "server"])
def enforcement(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def app(airflow: Airflow, no_redis: Callable[[], Store], enforcement: str) -> Any:
    """What carries deletions on to a Redis that nobody can reach."""
    return removing_app(airflow, no_redis, [], enforcement)


def test_a_deletion_stands_when_redis_fails_and_the_warning_has_counts_only(
    app: Any, airflow: Airflow, tokens: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    for index in range(3):
        airflow.put(Coordinate("sales", "run-1", "extract", f"canary {index}"), REFERENCE)
    airflow.sql = "DELETE FROM xcom"

    with caplog.at_level(logging.WARNING):
        answer = ask(app, "DELETE", "/api/v2/dags/sales/dagRuns/run-1/taskInstances/extract", token=tokens["admin"])

    assert answer == Answer(200, b"airflow")
    assert "Up to 3 deleted XComs are still in Redis: StoreUnavailable" in caplog.text
    assert "canary" not in caplog.text


@pytest.mark.parametrize(("status", "sql"), [(200, ""), (404, "DELETE FROM xcom"), (409, "")])
def test_redis_is_left_alone_where_rows_stay_or_airflow_refuses(
    airflow: Airflow, app: Any, tokens: dict[str, str], caplog: pytest.LogCaptureFixture, status: int, sql: str
) -> None:
    airflow.put(AT, REFERENCE)
    airflow.status, airflow.sql = status, sql

    answer = ask(app, "DELETE", f"{XCOMS}/token", token=tokens["admin"])

    assert answer.status == status
    assert "Redis" not in caplog.text  # which would have failed


@pytest.mark.parametrize("who", ["garbage", "viewer", None])
def test_a_deletion_by_who_may_not_is_left_to_airflow(
    app: Any, airflow: Airflow, tokens: dict[str, str], caplog: pytest.LogCaptureFixture, who: str | None
) -> None:
    airflow.put(AT, REFERENCE)
    airflow.status, airflow.sql = 200, "DELETE FROM xcom"

    ask(app, "DELETE", f"{XCOMS}/token", token=who and tokens[who])

    assert airflow.paths == [f"{XCOMS}/token"]
    assert [record for record in caplog.records if record.name.startswith("exclusive_redis_xcom")] == []


def test_more_values_than_one_batch_go_with_their_dag(
    in_memory: Redis, airflow: Airflow, tokens: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removal, "BATCH", 3)
    in_memory.put(
        *(Coordinate("sales", f"run-{number}", "t", "k", index) for number in range(10) for index in range(2))
    )
    in_memory.put(Coordinate("other", "run-1", "t", "k"))
    airflow.sql = "DELETE FROM xcom WHERE dag_id = 'sales'"

    answer = ask(in_memory.app, "DELETE", "/api/v2/dags/sales", token=tokens["admin"])

    assert (answer.status, in_memory.left()) == (200, 1)


def test_a_bulk_request_of_many_runs_asks_for_each_only_a_few_times(
    in_memory: Redis, airflow: Airflow, tokens: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removal, "BATCH", 10)
    monkeypatch.setattr(removal, "_FEW_SCOPES", 40)
    asked: list[int] = []
    among = rows.among

    def counted(columns: Any, some: Any) -> Any:
        asked.append(len(some))
        return among(columns, some)

    monkeypatch.setattr(rows, "among", counted)
    runs = [f"run-{number}" for number in range(100)]
    in_memory.put(*(Coordinate("sales", run, "t", "k") for run in runs))
    airflow.sql = "DELETE FROM xcom WHERE run_id != 'run-7'"

    answer = ask(in_memory.app, "PATCH", BULK_RUNS, deleting(*runs), token=tokens["admin"])

    assert (answer.status, in_memory.left()) == (200, 1)
    assert sum(asked) <= 3 * len(runs)


def test_of_a_half_deleted_run_only_what_is_gone_is_removed(
    in_memory: Redis, airflow: Airflow, tokens: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removal, "BATCH", 2)
    in_memory.put(*(Coordinate("sales", "run-1", "t", f"k{key}", index) for key in range(5) for index in range(2)))
    airflow.sql = "DELETE FROM xcom WHERE key IN ('k1', 'k4') OR (key = 'k2' AND map_index = 0)"

    ask(in_memory.app, "DELETE", "/api/v2/dags/sales/dagRuns/run-1", token=tokens["admin"])

    assert in_memory.left() == 6  # of k2 one row is left, and its hash stays as it is


@pytest.mark.parametrize(
    ("path", "entity", "left"), [(BULK_TASKS, "extract", 1), (BULK_RUNS, "run-1", 0), (BULK_RUNS, "run-2", 3)]
)
def test_what_a_bulk_request_deleted_goes_and_airflow_reads_the_same_body(
    in_memory: Redis, airflow: Airflow, tokens: dict[str, str], path: str, entity: str, left: int
) -> None:
    in_memory.put(AT, replace(AT, map_index=3), replace(AT, task_id="load"))
    airflow.sql = "DELETE FROM xcom"
    body = json.dumps(deleting(entity), indent=1).encode()

    answer = ask(in_memory.app, "PATCH", path, body, token=tokens["admin"])

    assert (answer, airflow.paths, airflow.bodies) == (Answer(200, b"airflow"), [path], [body])
    assert in_memory.left() == left


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"actions": []}', json.dumps(deleting()).encode()])
def test_a_bulk_request_that_names_nothing_is_airflows(
    in_memory: Redis, airflow: Airflow, tokens: dict[str, str], body: bytes
) -> None:
    in_memory.put(AT)
    airflow.status, airflow.sql = 200, "DELETE FROM xcom"

    answer = ask(in_memory.app, "PATCH", BULK_TASKS, body, token=tokens["admin"])

    assert (answer, airflow.paths, airflow.bodies) == (Answer(200, b"airflow"), [BULK_TASKS], [body])
    assert in_memory.left() == 1


def test_of_a_mapped_task_only_the_instance_that_was_deleted_goes(
    in_memory: Redis, airflow: Airflow, tokens: dict[str, str]
) -> None:
    in_memory.put(*(replace(AT, map_index=index) for index in range(3)))
    airflow.sql = "DELETE FROM xcom WHERE map_index = 1"

    ask(in_memory.app, "DELETE", TASK, token=tokens["admin"], query=b"map_index=1")

    assert in_memory.values(AT) == {0, 2}


def test_what_somebody_else_deletes_meanwhile_is_not_this_requests(
    in_memory: Redis, airflow: Airflow, tokens: dict[str, str]
) -> None:
    in_memory.put(*(replace(AT, map_index=index) for index in range(3)))
    airflow.sql = "DELETE FROM xcom"

    ask(in_memory.app, "DELETE", TASK, token=tokens["admin"], query=b"map_index=1")

    assert in_memory.values(AT) == {0, 2}


def test_coordinates_that_do_not_fit_into_memory_go_too(
    in_memory: Redis, airflow: Airflow, tokens: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removal, "_IN_MEMORY", 1)
    in_memory.put(*(replace(AT, key=f"k\u00fc {number}") for number in range(5)))
    airflow.sql = "DELETE FROM xcom"

    ask(in_memory.app, "DELETE", RUN, token=tokens["admin"])

    assert in_memory.left() == 0


def test_when_redis_fails_in_the_middle_the_warning_and_the_row_count_the_rest_and_the_done(
    in_memory: Redis,
    airflow: Airflow,
    audited: list[dict[str, Any]],
    enforcement: str,
    tokens: dict[str, str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(removal, "BATCH", 3)
    in_memory.put(*(replace(AT, key=f"k{number}") for number in range(10)))
    in_memory.answers = 2
    airflow.sql = "DELETE FROM xcom"

    answer = ask(in_memory.app, "DELETE", RUN, token=tokens["admin"])

    assert (answer.status, in_memory.left()) == (200, 4)
    assert (
        "Up to 4 deleted XComs are still in Redis: StoreUnavailable. Nobody can reach them without their rows, and "
        "they expire with their TTL." in caplog.messages
    )
    assert [json.loads(row["extra"])["removed_from_redis"] for row in audited] == [6] * (enforcement == "server")


def test_rows_that_cannot_be_listed_do_not_stop_a_deletion(
    in_memory: Redis, airflow: Airflow, tokens: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    airflow.run("ALTER TABLE xcom RENAME TO elsewhere")
    try:
        answer = ask(in_memory.app, "DELETE", f"{XCOMS}/canary", token=tokens["admin"])
    finally:
        airflow.run("ALTER TABLE elsewhere RENAME TO xcom")

    assert (answer, airflow.paths) == (Answer(200, b"airflow"), [f"{XCOMS}/canary"])
    assert (
        "Deleted XComs may stay in Redis, because their rows could not be listed: OperationalError. Nobody can reach "
        "them without their rows" in caplog.text
    )
    assert "canary" not in caplog.text


@pytest.fixture
def instances(airflow: Airflow) -> Iterator[Callable[..., None]]:
    """Writes the row of a task instance."""

    def put(at: Coordinate, state: str | None) -> None:
        airflow.run(
            "INSERT INTO task_instance (id, dag_id, run_id, task_id, map_index, state, try_number, pool, pool_slots, "
            "max_tries, queue, custom_operator_name, executor_config) "
            "VALUES (?, ?, ?, ?, ?, ?, 1, 'default_pool', 1, 0, 'default', '', x'')",
            *(secrets.token_hex(16), at.dag_id, at.run_id, at.task_id, at.map_index, state),
        )

    yield put
    airflow.run("DELETE FROM task_instance")


@pytest.mark.parametrize("path", ["/api/v2/dags/sales", RUN, TASK, f"{XCOMS}/token"])
@pytest.mark.parametrize(
    ("state", "stays"), [("running", True), ("restarting", True), ("success", False), (None, False)]
)
def test_what_a_task_instance_may_just_push_again_stays(
    in_memory: Redis,
    airflow: Airflow,
    tokens: dict[str, str],
    instances: Callable[..., None],
    path: str,
    state: str | None,
    stays: bool,
) -> None:
    in_memory.put(AT)
    instances(AT, state)
    airflow.sql = "DELETE FROM xcom"

    ask(in_memory.app, "DELETE", path, token=tokens["admin"])

    assert in_memory.left() == stays


def test_only_the_producer_that_runs_keeps_its_values(
    in_memory: Redis, airflow: Airflow, tokens: dict[str, str], instances: Callable[..., None]
) -> None:
    others = [replace(AT, task_id="load"), replace(AT, run_id="run-2"), replace(AT, run_id="run-1-b")]
    in_memory.put(AT, *others)
    instances(replace(AT, map_index=7), "running")  # its hash is that of all map indexes
    airflow.sql = "DELETE FROM xcom WHERE dag_id = 'sales'"

    ask(in_memory.app, "DELETE", "/api/v2/dags/sales", token=tokens["admin"])

    assert (in_memory.left(), in_memory.values(AT)) == (1, {-1})


def test_a_run_that_is_made_again_while_its_namesake_goes_keeps_what_it_pushed(
    in_memory: Redis,
    airflow: Airflow,
    tokens: dict[str, str],
    instances: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After the first batch, one task of the new run is over, and one has pushed and not yet stored its reference."""
    monkeypatch.setattr(removal, "BATCH", 1)
    over, pushing, old = (replace(AT, key=key) for key in ("k1", "k2", "k3"))
    in_memory.put(replace(AT, key="k0"), over, replace(pushing, task_id="load"), replace(old, task_id="report"))
    airflow.sql = "DELETE FROM xcom"
    removed = in_memory.store.free

    def and_then(batch: Any) -> int:
        if not started:
            started.append(True)
            instances(over, "success")
            airflow.put(over, REFERENCE)
            instances(replace(pushing, task_id="load"), "running")
        return removed(batch)

    started: list[bool] = []
    monkeypatch.setattr(in_memory.store, "free", and_then)

    ask(in_memory.app, "DELETE", RUN, token=tokens["admin"])

    assert in_memory.values(over) == {-1}
    assert in_memory.values(replace(pushing, task_id="load")) == {-1}
    assert in_memory.left() == 2


def test_runs_with_names_that_begin_alike_are_left_alone(
    in_memory: Redis, airflow: Airflow, tokens: dict[str, str]
) -> None:
    alike = [replace(AT, run_id=run_id) for run_id in ("run-1 ", "run-10", "run-1:x", "RUN-1", "run-1%", "run_1")]
    in_memory.put(AT, *alike, replace(AT, dag_id="sales2"))
    airflow.sql = "DELETE FROM xcom WHERE run_id = 'run-1' AND dag_id = 'sales'"

    ask(in_memory.app, "DELETE", RUN, token=tokens["admin"])

    assert (in_memory.left(), in_memory.values(AT)) == (len(alike) + 1, set())


@pytest.mark.parametrize("enforcement", ["worker"])
def test_a_bulk_request_that_is_too_long_is_airflows_and_the_log_says_what_stays(
    in_memory: Redis,
    airflow: Airflow,
    tokens: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(rest_body, "MAX_BODY", 10)
    in_memory.put(AT)
    airflow.sql = "DELETE FROM xcom"
    body = json.dumps(deleting("extract")).encode()

    answer = ask(in_memory.app, "PATCH", BULK_TASKS, body, token=tokens["admin"])

    assert (answer, airflow.bodies, in_memory.left()) == (Answer(200, b"airflow"), [body], 1)
    assert caplog.messages == [
        "Deleted XComs may stay in Redis, because the request that names them is too long. "
        "Nobody can reach them without their rows, and they expire with their TTL."
    ]
