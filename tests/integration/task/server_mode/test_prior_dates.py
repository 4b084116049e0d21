"""In server mode, a look-back leaves out what Redis has lost of earlier runs. What the ring refuses stays refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import redis

from devtools.worlds.rows import Rows
from exclusive_redis_xcom import CorruptValue, InvalidReference, XComAccessDenied, XComAlreadyClaimed, XComExpired
from exclusive_redis_xcom.formats import reference as references
from exclusive_redis_xcom.formats import seal
from tests.integration.support import shown
from tests.integration.task.played_ring import looking_back
from tests.integration.task.sales import CANARY, hash_of, look_back, push

DAYS = [f"scheduled__2026-01-{day:02}" for day in range(1, 5)]


@pytest.fixture
def rows(rows: Rows) -> Rows:
    rows.answer = looking_back
    return rows


def push_days(dag: Any, key: str = "token", days: list[str] = DAYS) -> None:
    for day in days:
        push(dag, f"{CANARY} of {day}", key, run_id=day)


def of_days(days: list[str]) -> list[str]:
    return [f"{CANARY} of {day}" for day in days]


@pytest.mark.parametrize("key", ["token", "once"])
def test_the_values_that_are_alive_come_in_order(dag: Any, rows: Rows, raw: redis.Redis, key: str) -> None:
    """The ring itself says of a read-once value that it is gone."""
    push_days(dag, key)
    raw.delete(hash_of(key, DAYS[1]))

    assert look_back(dag, key=key, run_id=DAYS[-1]) == of_days([DAYS[0], *DAYS[2:]])


@pytest.mark.parametrize("key", ["token", "once"])
def test_the_value_of_the_run_that_was_asked_for_must_be_there(
    dag: Any, rows: Rows, raw: redis.Redis, key: str
) -> None:
    push_days(dag, key)
    raw.delete(hash_of(key, DAYS[-1]))

    with pytest.raises(XComExpired, match=DAYS[-1]):
        look_back(dag, key=key, run_id=DAYS[-1])


def test_a_value_that_is_gone_and_refused_is_refused(dag: Any, rows: Rows, raw: redis.Redis) -> None:
    push_days(dag)
    raw.delete(hash_of("token", DAYS[1]))

    with pytest.raises(XComAccessDenied, match="allows only 'load'") as caught:
        look_back(dag, "report", run_id=DAYS[-1])

    assert CANARY not in shown(caught.value)


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        (reason, InvalidReference if reason == seal.FORGED else XComAccessDenied)
        for reason in sorted(seal.REASONS - {seal.GONE})
    ],
)
def test_every_other_answer_about_an_earlier_run_is_an_error(
    dag: Any, rows: Rows, raw: redis.Redis, reason: str, error: type[Exception]
) -> None:
    push_days(dag)
    raw.delete(hash_of("token", DAYS[1]))
    of_that_day = 1

    def answer(values: list[Any]) -> list[Any]:
        refused = references.parse(values[of_that_day]).refused(reason, "somebody").to_json()
        return [refused if i == of_that_day else value for i, value in enumerate(looking_back(values))]

    rows.answer = answer

    with pytest.raises(error):
        look_back(dag, run_id=DAYS[-1])


def test_the_seal_of_another_run_in_an_earlier_row_is_an_error(dag: Any, rows: Rows, raw: redis.Redis) -> None:
    """Who edits rows cannot make a refusal look like a loss."""
    push_days(dag)
    address = ("sales", DAYS[1], "extract", "token", -1)
    pushed = references.parse(rows.values[address])
    edited = replace(pushed, coordinate=replace(pushed.coordinate, run_id="a run that Redis does not know"))
    rows.values[address] = edited.to_json()

    with pytest.raises(InvalidReference):
        look_back(dag, run_id=DAYS[-1])


def test_a_value_of_an_earlier_run_that_was_changed_is_an_error(dag: Any, rows: Rows, raw: redis.Redis) -> None:
    push_days(dag)
    raw.hset(hash_of("token", DAYS[0]), "-1", b"changed")

    with pytest.raises(CorruptValue):
        look_back(dag, run_id=DAYS[-1])


def test_a_read_once_value_of_an_earlier_run_that_another_task_has_read_is_an_error(
    dag: Any, rows: Rows, raw: redis.Redis
) -> None:
    push_days(dag, "once", DAYS[:2])
    assert look_back(dag, "report", "once", run_id=DAYS[1]) == of_days(DAYS[:2])
    raw.delete(hash_of("once", DAYS[0]))
    push_days(dag, "once", DAYS[2:])

    with pytest.raises(XComAlreadyClaimed, match=DAYS[1]):
        look_back(dag, "load", "once", run_id=DAYS[-1])
