"""The list of all results of a mapped task, from Airflow's table."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from exclusive_redis_xcom.api_server.watch import results
from exclusive_redis_xcom.model import Coordinate
from tests.unit.api_server.rested import REFERENCE, Airflow

FIRST = Coordinate("sales", "run-1", "extract", "a", 0)


@pytest.fixture(autouse=True)
def a_new_server() -> Iterator[None]:
    results._pauses.clear()
    yield
    results._pauses.clear()


def test_all_rows_of_the_key_are_listed_and_no_others(airflow: Airflow) -> None:
    for index in (-1, 0, 7):
        airflow.put(replace(FIRST, map_index=index), REFERENCE if index else "plain")
    for other in ("dag_id", "run_id", "task_id", "key"):
        changes: dict[str, Any] = {other: "other", "map_index": 3}
        airflow.put(replace(FIRST, **changes), REFERENCE)

    assert sorted(results.listed_indexes(FIRST) or ()) == [-1, 0, 7]


def test_too_many_are_not_listed(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "MOST_ROWS", 2)
    for index in range(3):
        airflow.put(replace(FIRST, map_index=index), REFERENCE)

    assert results.listed_indexes(FIRST) is None


def test_a_key_is_listed_again_after_a_pause(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    airflow.put(FIRST, REFERENCE)
    monkeypatch.setattr(results, "_PAUSE", 1e9)

    assert results.listed_indexes(FIRST) == [0]
    assert results.listed_indexes(replace(FIRST, map_index=1)) is None
    assert results.listed_indexes(replace(FIRST, key="other")) == []

    for ids in results._pauses:
        results._pauses[ids] = time.monotonic()
    assert results.listed_indexes(FIRST) == [0]


def test_pauses_of_few_keys_are_remembered(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "_MOST_PAUSES", 2)
    for key in "abca":
        results.listed_indexes(replace(FIRST, key=key))

    assert [key for *_, key in results._pauses] == ["c", "a"]


def test_a_database_that_is_gone_is_no_error(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def gone() -> None:
        raise OSError("canary of a database")

    monkeypatch.setattr("exclusive_redis_xcom.api_server.requests.rows.session", gone)

    assert results.listed_indexes(FIRST) is None
    assert "could not be listed: OSError" in caplog.text
    assert "canary" not in caplog.text
