"""Rows that hold no reference of ours, or one that does not belong there."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import redis

from devtools.worlds.rows import Rows
from devtools.worlds.running_task import RUN_ID, executing
from exclusive_redis_xcom import ExclusiveRedisXCom, InvalidReference, XComAccessDenied, XComExpired
from exclusive_redis_xcom.formats import reference as references
from tests.integration.task.sales import CANARY, pull, push, the_row


@pytest.mark.parametrize("key", ["token/slice", "token/item/3", "token/item/-1"])
def test_a_key_that_airflow_reads_as_another_question_is_named_as_the_reason(dag: Any, rows: Rows, key: str) -> None:
    push(dag, CANARY)
    rows.values["sales", RUN_ID, "extract", key, -1] = [the_row(rows)]

    with pytest.raises(InvalidReference) as caught:
        pull(dag, "load", key=key)

    assert str(caught.value) == (
        "Airflow answered with a list of references: it took the key for another question.\n"
        "Airflow reads a key that ends in '/slice', or in '/item/' and a number, as a call of a lazy sequence.\n"
        "Use another key."
    )


@pytest.mark.parametrize("key", ["copies", "a/slice/b", "item/3x"])
def test_a_plain_list_with_a_reference_in_it_is_refused_with_what_to_do(dag: Any, rows: Rows, key: str) -> None:
    push(dag, CANARY)
    rows.values["sales", RUN_ID, "extract", key, -1] = ["other", the_row(rows)]

    with pytest.raises(InvalidReference) as caught:
        pull(dag, "load", key=key)

    assert str(caught.value) == (
        f"XCom '{key}' is a list that holds a reference, and not the value of it.\n"
        "Somebody has read the row of an XCom instead of pulling the XCom, and has written what was there into this "
        "row. REST clients, triggers that end their task and SDKs of other languages read rows.\n"
        "Let a task pull the XCom, for example with ti.xcom_pull, and push what it gets."
    )


@pytest.mark.parametrize(
    ("asked", "pushed"), [("a/b", "a%2Fb"), ("a", "a?b"), ("a#1", "a#2"), ("100%", "100%25"), ("y", "x/../y")]
)
def test_keys_that_share_a_row_are_named_both(dag: Any, rows: Rows, asked: str, pushed: str) -> None:
    push(dag, CANARY, key=pushed)
    rows.values["sales", RUN_ID, "extract", asked, -1] = rows.values["sales", RUN_ID, "extract", pushed, -1]

    with pytest.raises(InvalidReference) as caught:
        pull(dag, "load", key=asked)

    assert str(caught.value) == (
        f"Keys '{asked}' and '{pushed}' share one row in Airflow's database.\n"
        f"The row holds the reference to XCom '{pushed}' of task 'extract' in DAG 'sales', run '{RUN_ID}'. The push of "
        f"'{asked}' was overwritten, or never happened. Airflow does not quote keys in URLs, so keys with '%', '?' or "
        "'#' can share a row with another key.\n"
        "Rename one of the keys, then clear extract."
    )


@pytest.mark.parametrize(("asked", "pushed"), [("a", "b"), ("a b", "a%c"), ("a\n", "a"), ("../../a", "../../b")])
def test_a_reference_of_any_other_key_was_copied(dag: Any, rows: Rows, asked: str, pushed: str) -> None:
    push(dag, CANARY, key=pushed)
    rows.values["sales", RUN_ID, "extract", asked, -1] = rows.values["sales", RUN_ID, "extract", pushed, -1]

    with pytest.raises(InvalidReference, match="copied there"):
        pull(dag, "load", key=asked)


@pytest.mark.parametrize("elsewhere", [{"dag_id": "other"}, {"run_id": "another run"}, {"map_index": -1}])
def test_a_lazy_sequence_takes_no_reference_from_another_dag_run_or_unmapped_task(
    dag: Any, rows: Rows, elsewhere: dict[str, Any]
) -> None:
    from airflow.sdk.execution_time.lazy_sequence import _XComWrapper

    push(dag, CANARY, map_index=0)
    pushed = references.parse(rows.values["sales", RUN_ID, "extract", "token", 0])
    row = replace(pushed, coordinate=replace(pushed.coordinate, **elsewhere)).to_json()

    with executing(dag.get_task("load")), pytest.raises(InvalidReference, match="copied there"):
        ExclusiveRedisXCom.deserialize_value(_XComWrapper(row))


@pytest.mark.parametrize("plain", ["text", 7, [1, {"a": 2}], {"a": 1}, {"exclusive_redis_xcom": 1, "more": 2}])
def test_a_row_that_is_not_ours_is_read_as_the_default_backend_reads_it(dag: Any, rows: Rows, plain: Any) -> None:
    rows.values["sales", RUN_ID, "extract", "token", -1] = plain

    assert pull(dag, "report") == plain


def test_a_row_that_airflow_serialised_is_deserialised(dag: Any, rows: Rows) -> None:
    from airflow.sdk.bases.xcom import BaseXCom

    rows.values["sales", RUN_ID, "extract", "token", -1] = BaseXCom.serialize_value((1, 2))

    assert pull(dag, "report") == (1, 2)


@pytest.mark.parametrize("key", ["skipmixin_key", "past_depends_met"])
def test_the_keys_that_the_scheduler_reads_stay_in_the_database(
    dag: Any, rows: Rows, raw: redis.Redis, key: str
) -> None:
    push(dag, {"followed": ["load"]}, key=key)

    assert the_row(rows, key) == {"followed": ["load"]}
    assert raw.dbsize() == 0
    assert pull(dag, "report", key=key) == {"followed": ["load"]}


def test_a_forged_reference_is_refused(dag: Any, rows: Rows) -> None:
    rows.values["sales", RUN_ID, "extract", "token", -1] = {"exclusive_redis_xcom": {"v": 1}}

    with pytest.raises(InvalidReference):
        pull(dag, "load")


def test_a_reference_copied_into_another_row_is_refused(dag: Any, rows: Rows) -> None:
    push(dag, CANARY)
    push(dag, "public", key="unlisted")
    rows.values["sales", RUN_ID, "extract", "unlisted", -1] = the_row(rows)

    with pytest.raises(InvalidReference, match="The row of 'unlisted' of extract refers to another XCom"):
        pull(dag, "load", key="unlisted")


def test_a_reference_of_an_earlier_push_is_not_answered_with_a_later_value(dag: Any, rows: Rows) -> None:
    push(dag, "old")
    old = the_row(rows)
    push(dag, "new")
    rows.values["sales", RUN_ID, "extract", "token", -1] = old

    with pytest.raises(XComExpired, match="is no longer in Redis: a later push replaced it"):
        pull(dag, "load")


def test_a_pull_that_meets_a_push_of_the_same_key_gets_the_later_value(dag: Any, rows: Rows) -> None:
    """Redis has the later value some milliseconds before Airflow's database refers to it."""
    push(dag, "old")
    old = the_row(rows)
    push(dag, "new")
    late = [old, old]
    rows.answer = lambda values: [late.pop()] if late else values

    assert pull(dag, "load") == "new"
    assert late == []
    assert rows.messages.count("GetXCom") + rows.messages.count("GetXComSequenceSlice") == 3


def test_a_pull_that_meets_a_push_is_refused_at_once_to_whom_the_rule_refuses(dag: Any, rows: Rows) -> None:
    push(dag, "old")
    old = the_row(rows)
    push(dag, "new")
    rows.answer = lambda _values: [old]

    with pytest.raises(XComAccessDenied):
        pull(dag, "report")
    assert rows.messages.count("GetXCom") + rows.messages.count("GetXComSequenceSlice") == 1


def test_a_pull_that_meets_a_push_says_once_what_would_be_refused(
    dag: Any, rows: Rows, caplog: pytest.LogCaptureFixture, configure: Callable[..., None]
) -> None:
    configure(mode="report")
    push(dag, "old")
    old = the_row(rows)
    push(dag, "new")
    late = [old, old]
    rows.answer = lambda values: [late.pop()] if late else values

    with caplog.at_level(logging.WARNING):
        assert pull(dag, "report") == "new"

    assert [message.partition(":")[0] for message in caplog.messages] == ["XCom pull would be refused"]


def test_a_value_that_is_gone_is_asked_for_once(dag: Any, rows: Rows, raw: redis.Redis) -> None:
    push(dag, "old")
    raw.flushdb()

    with pytest.raises(XComExpired, match="no longer in Redis"):
        pull(dag, "load")
    assert rows.messages.count("GetXCom") + rows.messages.count("GetXComSequenceSlice") == 1
