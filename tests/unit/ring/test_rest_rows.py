"""What is read from Airflow's table ``xcom``: are there rows, and does one hold our reference."""

from __future__ import annotations

import json

import pytest

from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.reference import MARK
from exclusive_redis_xcom.ring import rest_rows
from tests.unit.ring.rested import REFERENCE, Airflow


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
