"""Pulls that look back at earlier runs, of which Redis may have lost some."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import redis

from devtools.worlds.rows import Rows
from devtools.worlds.running_task import executing
from exclusive_redis_xcom import CorruptValue, ExclusiveRedisXCom, XComAccessDenied, XComAlreadyClaimed, XComExpired
from exclusive_redis_xcom.formats import reference as references
from tests.integration.support import shown
from tests.integration.task.sales import CANARY, address, hash_of, look_back, push

DAYS = [f"scheduled__2026-01-{day:02}" for day in range(1, 9)]


def push_days(dag: Any, days: list[str] = DAYS, key: str = "token", map_indexes: tuple[int, ...] = (-1,)) -> None:
    for day in days:
        for index in map_indexes:
            push(dag, f"{CANARY} of {day}, {index}", key, index, run_id=day)


def of_days(days: list[str], index: int = -1) -> list[str]:
    return [f"{CANARY} of {day}, {index}" for day in days]


def lose(raw: redis.Redis, *days: str, key: str = "token") -> None:
    for day in days:
        assert raw.delete(hash_of(key, day)) == 1


def push_later(rows: Rows, day: str) -> None:
    """Date a push of this test a minute later than the others."""
    address = ("sales", day, "extract", "token", -1)
    pushed, later = references.parse(rows.values[address]), timedelta(minutes=1)
    dated = replace(pushed, pushed_at=pushed.pushed_at + later, expires_at=pushed.expires_at + later)
    rows.values[address] = dated.to_json()


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_the_values_that_are_alive_come_in_order_with_one_warning(
    dag: Any, raw: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    push_days(dag)
    lose(raw, DAYS[0], DAYS[3])

    found = look_back(dag, run_id=DAYS[-1])

    assert found == of_days([DAYS[1], DAYS[2], *DAYS[4:]])
    (warning,) = warnings_of(caplog)
    assert "leaves out 2 of 8 values" in warning
    assert f"runs '{DAYS[0]}', '{DAYS[3]}'." in warning
    assert CANARY not in warning


def test_without_loss_there_is_no_warning(dag: Any, caplog: pytest.LogCaptureFixture) -> None:
    push_days(dag)

    assert look_back(dag, run_id=DAYS[-1]) == of_days(DAYS)
    assert warnings_of(caplog) == []


def test_many_lost_runs_are_counted_and_some_are_named(
    dag: Any, raw: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    push_days(dag)
    lose(raw, *DAYS[:7])

    assert look_back(dag, run_id=DAYS[-1]) == of_days(DAYS[7:])
    (warning,) = warnings_of(caplog)
    assert "leaves out 7 of 8 values" in warning
    assert f"'{DAYS[4]}' and 2 more" in warning


def test_a_row_that_airflow_repeats_counts_once(
    dag: Any, rows: Rows, raw: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    push_days(dag, DAYS[:3])
    lose(raw, DAYS[0])
    rows.answer = lambda values: [value for value in values for _ in range(3)]  # as Airflow 3.1 does

    assert look_back(dag, run_id=DAYS[2]) == [value for value in of_days(DAYS[1:3]) for _ in range(3)]
    assert "leaves out 1 of 3 values" in warnings_of(caplog)[0]


def test_coroutines_look_back_likewise(dag: Any, raw: redis.Redis) -> None:
    if not hasattr(ExclusiveRedisXCom.__mro__[-2], "aget_all"):
        pytest.skip("this Airflow has no aget_all: coroutines pull from Airflow 3.3 on")
    push_days(dag)
    lose(raw, DAYS[0])

    with executing(dag.get_task("load"), run_id=DAYS[-1]):
        request = ExclusiveRedisXCom.aget_all(key="token", **address(run_id=DAYS[-1]), include_prior_dates=True)
        assert asyncio.run(request) == of_days(DAYS[1:])


class TestWhatMustBeThere:
    def test_the_value_of_the_run_that_was_asked_for(self, dag: Any, raw: redis.Redis) -> None:
        push_days(dag)
        lose(raw, DAYS[-1])

        with pytest.raises(XComExpired, match=DAYS[-1]):
            look_back(dag, run_id=DAYS[-1])

    def test_that_value_even_if_an_earlier_run_pushed_later(self, dag: Any, raw: redis.Redis) -> None:
        push_days(dag, [DAYS[1], DAYS[0]])  # day 1 was cleared, and ran again
        lose(raw, DAYS[1])

        with pytest.raises(XComExpired, match=DAYS[1]):
            look_back(dag, run_id=DAYS[1])

    def test_the_newest_value_if_the_run_has_none(self, dag: Any, raw: redis.Redis) -> None:
        push_days(dag, DAYS[:7])
        lose(raw, DAYS[6])

        with pytest.raises(XComExpired, match=DAYS[6]):
            look_back(dag, run_id=DAYS[7])

    def test_the_newest_value_alone_if_the_run_has_none(self, dag: Any, rows: Rows, raw: redis.Redis) -> None:
        push_days(dag, DAYS[:7])
        push_later(rows, DAYS[6])
        lose(raw, *DAYS[:6])

        assert look_back(dag, run_id=DAYS[7]) == of_days([DAYS[6]])

    def test_the_newest_value_is_the_one_that_was_pushed_last(self, dag: Any, rows: Rows, raw: redis.Redis) -> None:
        push_days(dag, DAYS[:3])
        push_later(rows, DAYS[1])
        lose(raw, DAYS[1])

        with pytest.raises(XComExpired, match=DAYS[1]):
            look_back(dag, run_id=DAYS[7])

    def test_the_only_value(self, dag: Any, raw: redis.Redis) -> None:
        push_days(dag, DAYS[:1])
        lose(raw, DAYS[0])

        with pytest.raises(XComExpired):
            look_back(dag, run_id=DAYS[7])

    def test_each_result_of_the_newest_mapped_task(self, dag: Any, raw: redis.Redis) -> None:
        push_days(dag, DAYS[:3], "mapped", (0, 1))
        raw.hdel(hash_of("mapped", DAYS[2]), "1")

        with pytest.raises(XComExpired, match="map_index 1"):
            look_back(dag, key="mapped", run_id=DAYS[5])

    def test_the_one_value_of_a_pull_of_one(self, dag: Any, raw: redis.Redis) -> None:
        """`map_indexes` lets Airflow look for one row: the newest."""
        push_days(dag, DAYS[:3])
        request = {"key": "token", **address(run_id=DAYS[7]), "map_index": -1, "include_prior_dates": True}

        with executing(dag.get_task("load"), run_id=DAYS[7]):
            assert ExclusiveRedisXCom.get_one(**request) == of_days([DAYS[2]])[0]
            lose(raw, DAYS[2])
            with pytest.raises(XComExpired, match=DAYS[2]):
                ExclusiveRedisXCom.get_one(**request)

    def test_all_results_of_this_run_without_a_look_back(self, dag: Any, raw: redis.Redis) -> None:
        push_days(dag, DAYS[:1], "mapped", (0, 1, 2))
        raw.hdel(hash_of("mapped", DAYS[0]), "0")

        with executing(dag.get_task("load"), run_id=DAYS[0]), pytest.raises(XComExpired, match="map_index 0"):
            ExclusiveRedisXCom.get_all(key="mapped", **address(run_id=DAYS[0]))


def test_a_mapped_task_of_an_earlier_run_may_have_lost_some_results(
    dag: Any, raw: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    push_days(dag, DAYS[:2], "mapped", (0, 1))
    raw.hdel(hash_of("mapped", DAYS[0]), "0")

    found = look_back(dag, key="mapped", run_id=DAYS[1])

    assert found == [*of_days([DAYS[1]], 0), *of_days(DAYS[:2], 1)]
    assert "leaves out 1 of 4 values" in warnings_of(caplog)[0]


class TestWhatStaysAnError:
    """A loss hides nothing but itself."""

    def test_a_refusal_by_an_earlier_runs_rule(self, dag: Any, raw: redis.Redis) -> None:
        push_days(dag)
        lose(raw, *DAYS[:2])

        with pytest.raises(XComAccessDenied) as caught:
            look_back(dag, "report", run_id=DAYS[-1])

        assert CANARY not in shown(caught.value)

    def test_a_refusal_by_one_earlier_run_alone(self, dag: Any, raw: redis.Redis) -> None:
        push_days(dag)
        lose(raw, DAYS[0])
        raw.hset(hash_of("token", DAYS[2]), "acl", b"damaged")

        with pytest.raises(XComAccessDenied, match=DAYS[2]):
            look_back(dag, run_id=DAYS[-1])

    def test_a_value_of_an_earlier_run_whose_rule_alone_is_lost(self, dag: Any, raw: redis.Redis) -> None:
        push_days(dag)
        raw.hdel(hash_of("token", DAYS[2]), "acl")

        with pytest.raises((XComAccessDenied, CorruptValue)):
            look_back(dag, run_id=DAYS[-1])

    def test_damage_to_an_earlier_runs_value(self, dag: Any, raw: redis.Redis) -> None:
        push_days(dag)
        lose(raw, DAYS[0])
        raw.hset(hash_of("token", DAYS[2]), "-1", b"damaged")

        with pytest.raises(CorruptValue):
            look_back(dag, run_id=DAYS[-1])

    def test_an_earlier_read_once_value_that_another_task_has_read(self, dag: Any, raw: redis.Redis) -> None:
        push_days(dag, DAYS[:2], "once")
        lose(raw, DAYS[0], key="once")
        assert look_back(dag, "report", "once", run_id=DAYS[1]) == of_days([DAYS[1]])
        push_days(dag, [DAYS[2]], "once")

        with pytest.raises(XComAlreadyClaimed, match=DAYS[1]):
            look_back(dag, "load", "once", run_id=DAYS[2])


def test_read_once_values_that_are_alive_are_claimed(dag: Any, raw: redis.Redis) -> None:
    push_days(dag, DAYS[:3], "once")
    lose(raw, DAYS[0], key="once")

    assert look_back(dag, "load", "once", run_id=DAYS[2]) == of_days(DAYS[1:3])
    with pytest.raises(XComAlreadyClaimed):
        look_back(dag, "report", "once", run_id=DAYS[2])
