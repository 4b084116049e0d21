"""What the ring decides is found in Airflow's own audit log, on SQLite and on PostgreSQL, whatever the request held."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine

from exclusive_redis_xcom.api_server.ring.middleware import Ring
from exclusive_redis_xcom.formats.reference import MARK
from tests.unit.api_server.ring.test_refusing import UNREADABLE
from tests.unit.api_server.ringed import (
    CONSUMER,
    FINISHED,
    OWNER,
    STRANGER,
    XCOM,
    Airflow,
    Person,
    messages_of,
    scope_of,
    settings,
    validate,
)
from tests.unit.api_server.tables import log_rows, put_task_instance
from tests.unit.sealed_reference import AT, sealed_reference

SEALED = {"key": "token", "value": sealed_reference().to_json()}
COLUMNS = ("event", "owner", "dag_id", "run_id", "task_id", "map_index", "try_number")


@pytest.fixture
def airflow(engine: Engine) -> Airflow:
    for person in (OWNER, CONSUMER, STRANGER):
        put_task_instance(engine, person)
    return Airflow(SEALED)


def ask(airflow: Airflow, person: Person, method: str, url: str = XCOM, **changes: Any) -> int:
    """Ask the ring, with Airflow's own tables."""
    ring = Ring(airflow, settings=settings(**changes), validate=validate)
    path, _, query = url.partition("?")
    headers = [(b"authorization", f"Bearer {person.ti_id}".encode())]
    scope = {**scope_of(path, method=method, headers=headers), "query_string": query.encode()}
    return int(messages_of(ring, scope)[0]["status"])


def whys(engine: Engine) -> list[str]:
    return [json.loads(text)["why"] for (text,) in log_rows(engine, "extra")]


@pytest.mark.parametrize(("method", "url"), UNREADABLE)
def test_what_cannot_be_read_as_one_write(engine: Engine, airflow: Airflow, method: str, url: str) -> None:
    assert ask(airflow, STRANGER, method, url) == 403

    *_, under_asker = log_rows(engine, *COLUMNS)
    assert under_asker == ("xcom_write_denied", "sales/report", "sales", "run_1", "report", -1, 1)


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize("map_index", [-1, 0, 2**31 - 1])
def test_a_foreign_write(engine: Engine, airflow: Airflow, method: str, map_index: int) -> None:
    assert ask(airflow, STRANGER, method, f"{XCOM}?map_index={map_index}") == 403

    assert log_rows(engine, *COLUMNS) == [
        ("xcom_write_denied", "sales/report", "sales", "run_1", "extract", map_index, None),
        ("xcom_write_denied", "sales/report", "sales", "run_1", "report", -1, 1),
    ]


def test_a_refused_pull(engine: Engine, airflow: Airflow) -> None:
    assert ask(airflow, STRANGER, "GET") == 200

    assert log_rows(engine, *COLUMNS) == [
        ("xcom_denied", "sales/report", "sales", "run_1", "extract", -1, None),
        ("xcom_denied", "sales/report", "sales", "run_1", "report", -1, 1),
    ]
    assert whys(engine) == ["xcom_acl['extract']['token'] allows only 'load'"] * 2


def test_a_pull_of_a_task_that_is_over(engine: Engine, airflow: Airflow) -> None:
    put_task_instance(engine, replace(FINISHED, principal=replace(FINISHED.principal, map_index=7)))

    assert ask(airflow, FINISHED, "GET") == 200

    assert whys(engine) == ["the task instance is not running, its state is success"] * 2


@pytest.mark.parametrize("map_index", [2**31 - 1, 2**31, 2**63, -2])
def test_a_reference_whose_map_index_was_edited(engine: Engine, airflow: Airflow, map_index: int) -> None:
    edited = sealed_reference().to_json()
    machine = edited[MARK]["reference"]
    machine["to"] = machine["to"].replace(f"/{AT.key} ", f"/{AT.key}/{map_index} ")
    airflow.body = {"key": "token", "value": edited}

    assert ask(airflow, CONSUMER, "GET") == 200

    assert [row[0] for row in log_rows(engine, *COLUMNS)] == ["xcom_denied"] * 2


def test_a_granted_pull_is_written_before_it_is_answered(engine: Engine, airflow: Airflow) -> None:
    assert ask(airflow, CONSUMER, "GET", audit_strict=True) == 200

    assert log_rows(engine, *COLUMNS) == [
        ("xcom_granted", "sales/load", AT.dag_id, AT.run_id, AT.task_id, AT.map_index, None)
    ]
