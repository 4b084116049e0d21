"""What is read from Airflow's table `xcom`: are there rows, and does one hold our reference."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from exclusive_redis_xcom.api_server.requests import rows, xcom_table
from exclusive_redis_xcom.formats.reference import MARK
from exclusive_redis_xcom.model import Coordinate
from tests.unit.api_server.rested import REFERENCE, Airflow


def test_the_rows_in_reach_are_told_by_their_own_columns(airflow: Airflow) -> None:
    airflow.put(Coordinate("sales", "run-1", "extract", "a", 0), REFERENCE)
    airflow.put(Coordinate("sales", "run-1", "extract", "a", 1), {MARK: {"coordinate": {"dag_id": "victim"}}})
    airflow.put(Coordinate("sales", "run-2", "load", "b"), "plain")
    airflow.put(Coordinate("other", "run-1", "extract", "a"), REFERENCE)

    single = list(xcom_table.addresses([("sales", "run-1"), ("sales", "run-2")], whole=False))
    whole = list(xcom_table.addresses([("sales",)], whole=True))

    assert (len(single), len(whole)) == (3, 2)
    assert set(single) == {
        Coordinate("sales", "run-1", "extract", "a", 0),
        Coordinate("sales", "run-1", "extract", "a", 1),
        Coordinate("sales", "run-2", "load", "b"),
    }
    assert set(whole) == {Coordinate("sales", "run-1", "extract", "a"), Coordinate("sales", "run-2", "load", "b")}


def test_only_rows_in_reach_are_asked_about(airflow: Airflow) -> None:
    airflow.put(Coordinate("sales", "run-1", "extract", "a", 4), REFERENCE)
    reach = [("sales", "run-1", "extract")]

    assert list(xcom_table.addresses(reach, whole=False, map_index=3)) == []
    assert list(xcom_table.addresses(reach, whole=False, map_index=4)) == [Coordinate(*reach[0], "a", 4)]
    assert [xcom_table.any_left(reach), xcom_table.any_left(reach, map_index=4)] == [True, True]
    assert [xcom_table.any_left([("sales", "run-2")]), xcom_table.any_left(reach, map_index=3)] == [False, False]


@pytest.mark.parametrize("at_once", [1, 2, 500])
def test_many_are_asked_about_in_parts(airflow: Airflow, monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(rows, "_ASKED_AT_ONCE", at_once)
    there = [Coordinate("sales", f"run-{number}", "extract", "a") for number in range(5)]
    for at in there:
        airflow.put(at, REFERENCE)
    absent = replace(there[0], run_id="run-9")

    assert list(xcom_table.addresses([("sales", at.run_id) for at in there], whole=True)) == there
    assert xcom_table.gone([*there[:3], absent, *there[3:]], whole=True) == [absent]
    assert xcom_table.any_left([("sales", "run-9"), ("sales", "run-8"), ("sales", "run-4")]) is True


def test_a_hash_is_gone_when_none_of_its_rows_is_left(airflow: Airflow) -> None:
    airflow.put(Coordinate("sales", "run-1", "extract", "a", 4), REFERENCE)
    there, absent = Coordinate("sales", "run-1", "extract", "a"), Coordinate("sales", "run-1", "extract", "b")

    assert xcom_table.gone([there, absent], whole=True) == [absent]
    assert xcom_table.gone([there, absent], whole=False) == [there, absent]


def encoded(value: object, times: int) -> object:
    return value if times == 0 else encoded(json.dumps(value), times - 1)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (REFERENCE, True),
        ({MARK: 1, "x": 2}, True),
        (json.dumps(REFERENCE), True),
        pytest.param(encoded(REFERENCE, 3), True, id="encoded three times"),
        pytest.param(encoded("plain", 3), False, id="plain text encoded three times"),
        pytest.param(encoded("plain", 9), True, id="encoded more often than anybody looks"),
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
    assert xcom_table.carries_reference(value) is expected
