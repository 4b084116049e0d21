"""Each kind of failed push and pull is counted once, with the producer's ids and the type of the error as tags."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
import redis

import exclusive_redis_xcom
from devtools.worlds.rows import Rows
from devtools.worlds.running_task import RUN_ID, TI_ID, executing
from exclusive_redis_xcom import (
    ConfigurationError,
    CorruptValue,
    ExclusiveRedisXCom,
    InvalidReference,
    StoreUnavailable,
    XComAccessDenied,
    XComAlreadyClaimed,
    XComExpired,
    XComMissing,
    XComNotImportable,
    XComNotSerializable,
    XComSealed,
    XComTooLarge,
)
from exclusive_redis_xcom.crypto import generate_encryption_key
from exclusive_redis_xcom.reporting import metrics
from tests.integration.task.played_ring import PUBLIC_TEXT, no_ring
from tests.integration.task.sales import CANARY, HASH, address, field_of, look_back, pull, pull_all, push, the_row

Counts = list[tuple[str, int, dict[str, str]]]

IDS = {"dag_id": "sales", "task_id": "extract"}


@dataclasses.dataclass
class NotAllowed:
    number: int


class Alarm(BaseException):
    """What a task's own signal handler may raise, as Airflow's timeout does."""


def failed(what: str, error: str) -> tuple[str, int, dict[str, str]]:
    return (f"exclusive_redis_xcom.{what}_failed", 1, {**IDS, "error": error})


def refused(what: str) -> tuple[str, int, dict[str, str]]:
    return (f"exclusive_redis_xcom.{what}_refused", 1, IDS)


def counts_of(counted: Counts, action: Callable[[], object], kind: type[BaseException]) -> Counts:
    """Return what was counted while an action failed."""
    counted.clear()
    with pytest.raises(kind):
        action()
    return [*counted]


class TestPush:
    def test_what_cannot_be_carried(self, dag: Any, counted: Counts) -> None:
        found = counts_of(counted, lambda: push(dag, [CANARY, 1j]), XComNotSerializable)

        assert found == [failed("push", "XComNotSerializable")]

    def test_too_large(self, dag: Any, counted: Counts, configure: Callable[..., None]) -> None:
        configure(max_value_bytes="1000")

        found = counts_of(counted, lambda: push(dag, CANARY * 100), XComTooLarge)

        assert found == [failed("push", "XComTooLarge")]

    def test_store_unavailable(self, dag: Any, counted: Counts, configure: Callable[..., None]) -> None:
        configure(redis_url="redis://127.0.0.1:1", retry_deadline="0")

        found = counts_of(counted, lambda: push(dag, 1), StoreUnavailable)

        assert found == [failed("push", "StoreUnavailable")]

    def test_wrong_settings(self, dag: Any, counted: Counts, configure: Callable[..., None]) -> None:
        configure(enforcement="server")

        found = counts_of(counted, lambda: push(dag, 1), ConfigurationError)

        assert found == [failed("push", "ConfigurationError")]

    def test_an_id_that_is_too_long(self, dag: Any, counted: Counts) -> None:
        found = counts_of(counted, lambda: push(dag, 1, key="k" * 1001), InvalidReference)

        assert found == [failed("push", "InvalidReference")]

    def test_a_refusal_counts_as_refused_alone(self, dag: Any, counted: Counts) -> None:
        def foreign() -> None:
            with executing(dag.get_task("load")):
                ExclusiveRedisXCom.set("token", 1, **address())

        assert counts_of(counted, foreign, XComAccessDenied) == [refused("write")]

    def test_an_api_server_that_takes_no_row(self, dag: Any, rows: Rows, counted: Counts) -> None:
        def fails(*_: Any) -> None:
            raise OSError("the text is nobody's business")

        rows.accepted = fails

        found = counts_of(counted, lambda: push(dag, 1), OSError)

        assert [entry for entry in found if "failed" in entry[0]] == [failed("push", "other")]

    def test_a_push_as_airflow_names_task_instances(self, dag: Any, counted: Counts) -> None:
        at = SimpleNamespace(dag_id="sales", run_id=RUN_ID, task_id="extract", ti_id=UUID(TI_ID))

        def push_value() -> None:
            with executing(dag.get_task("extract"), ti_id=TI_ID):
                ExclusiveRedisXCom.store_value(at, "token", [CANARY, 1j])

        assert counts_of(counted, push_value, XComNotSerializable) == [failed("push", "XComNotSerializable")]

    def test_a_signal_counts_as_nothing(self, dag: Any, rows: Rows, counted: Counts) -> None:
        def rings(*_: Any) -> None:
            raise Alarm

        rows.accepted = rings

        found = counts_of(counted, lambda: push(dag, 1), Alarm)

        assert [entry for entry in found if "failed" in entry[0]] == []


class TestPull:
    @pytest.fixture(autouse=True)
    def pushed(self, dag: Any, configuration: None) -> None:
        push(dag, [CANARY])

    def test_expired(self, dag: Any, raw: redis.Redis, counted: Counts) -> None:
        raw.delete(HASH)

        assert counts_of(counted, lambda: pull(dag), XComExpired) == [failed("pull", "XComExpired")]
        assert counts_of(counted, lambda: pull_all(dag), XComExpired) == [failed("pull", "XComExpired")]

    def test_replaced_while_it_was_asked_again(self, dag: Any, rows: Rows, counted: Counts) -> None:
        """Seven attempts are one pull."""
        row = dict(the_row(rows))
        push(dag, "later")
        rows.answer = lambda values: [row for _ in values]

        assert counts_of(counted, lambda: pull(dag), XComExpired) == [failed("pull", "XComExpired")]

    def test_damaged(self, dag: Any, raw: redis.Redis, counted: Counts) -> None:
        stored = field_of(raw, HASH, "-1")
        raw.hset(HASH, "-1", stored.replace(CANARY.encode(), b"\xff" * len(CANARY)))

        found = counts_of(counted, lambda: pull(dag), CorruptValue)

        assert [entry for entry in found if "failed" in entry[0]] == [failed("pull", "CorruptValue")]

    def test_not_importable(self, dag: Any, counted: Counts) -> None:
        push(dag, NotAllowed(1))

        found = counts_of(counted, lambda: pull(dag), XComNotImportable)

        assert [entry for entry in found if "failed" in entry[0]] == [failed("pull", "XComNotImportable")]

    def test_too_large(self, dag: Any, counted: Counts, configure: Callable[..., None]) -> None:
        push(dag, CANARY * 100)
        configure(max_value_bytes="1000")

        found = counts_of(counted, lambda: pull(dag), XComTooLarge)

        assert [entry for entry in found if "failed" in entry[0]] == [failed("pull", "XComTooLarge")]

    def test_store_unavailable(self, dag: Any, counted: Counts, configure: Callable[..., None]) -> None:
        configure(redis_url="redis://127.0.0.1:1", retry_deadline="0")

        assert counts_of(counted, lambda: pull(dag), StoreUnavailable) == [failed("pull", "StoreUnavailable")]

    def test_a_key_that_is_not_here(self, dag: Any, counted: Counts, configure: Callable[..., None]) -> None:
        configure(encryption_keys=generate_encryption_key())
        push(dag, 1)
        configure(encryption_keys=generate_encryption_key())

        found = counts_of(counted, lambda: pull(dag), ConfigurationError)

        assert [entry for entry in found if "failed" in entry[0]] == [failed("pull", "ConfigurationError")]

    def test_a_forged_reference(self, dag: Any, rows: Rows, counted: Counts) -> None:
        the_row(rows)["exclusive_redis_xcom"]["more"] = 1

        assert counts_of(counted, lambda: pull(dag), InvalidReference) == [failed("pull", "InvalidReference")]

    def test_in_a_look_back(self, dag: Any, raw: redis.Redis, counted: Counts) -> None:
        raw.delete(HASH)

        found = counts_of(counted, lambda: look_back(dag, run_id=RUN_ID), XComExpired)

        assert found == [failed("pull", "XComExpired")]

    def test_an_object_that_is_gone(
        self, dag: Any, tmp_path: Path, counted: Counts, configure: Callable[..., None]
    ) -> None:
        configure(spill_path=f"file://{tmp_path}", spill_threshold_bytes="10000", compression="off")
        push(dag, CANARY * 1000)
        for path in [found for found in tmp_path.rglob("*") if found.is_file()]:
            path.unlink()

        found = counts_of(counted, lambda: pull(dag), XComExpired)

        assert [entry for entry in found if "failed" in entry[0]] == [failed("pull", "XComExpired")]

    def test_missing(self, dag: Any, counted: Counts) -> None:
        def required() -> None:
            with executing(dag.get_task("load")):
                exclusive_redis_xcom.pull("extract", key="toke", required=True)

        assert counts_of(counted, required, XComMissing) == [failed("pull", "XComMissing")]

    def test_a_row_that_airflow_hands_over_by_itself(
        self, dag: Any, rows: Rows, raw: redis.Redis, counted: Counts
    ) -> None:
        """It is not known whose it is, and what it says of itself anybody may have written."""
        raw.delete(HASH)

        class Row:
            value = the_row(rows)

        def deserialize() -> None:
            with executing(dag.get_task("load")):
                ExclusiveRedisXCom.deserialize_value(Row)

        found = counts_of(counted, deserialize, XComExpired)

        assert found == [(metrics.PULL_FAILED, 1, {"error": "XComExpired"})]

    def test_a_refusal_counts_as_refused_alone(self, dag: Any, counted: Counts) -> None:
        assert counts_of(counted, lambda: pull(dag, "report"), XComAccessDenied) == [refused("pull")]

    def test_a_claimed_value_counts_as_refused_alone(self, dag: Any, counted: Counts) -> None:
        push(dag, 1, key="once")
        pull(dag, "load", key="once")

        found = counts_of(counted, lambda: pull(dag, "report", key="once"), XComAlreadyClaimed)

        assert found == [refused("pull")]

    def test_a_seal_that_nobody_opened_counts_as_refused_alone(
        self, dag: Any, rows: Rows, counted: Counts, configure: Callable[..., None]
    ) -> None:
        configure(enforcement="server", seal_public_key=PUBLIC_TEXT)
        push(dag, 1)
        rows.answer = no_ring

        assert counts_of(counted, lambda: pull(dag), XComSealed) == [refused("pull")]

    def test_nothing_is_counted_for_an_xcom_that_nobody_pushed(self, dag: Any, counted: Counts) -> None:
        counted.clear()

        assert pull(dag, key="unknown") is None
        assert counted == []


def test_no_tag_has_a_value_in_it(dag: Any, counted: Counts) -> None:
    class QuotingError(ValueError):
        """An author's error. Its name could be anything, so that it must not become a tag."""

    QuotingError.__name__ = CANARY
    metrics.failed(metrics.PUSH_FAILED, QuotingError(CANARY), dag_id="sales", task_id="extract")

    assert counted == [failed("push", "other")]
