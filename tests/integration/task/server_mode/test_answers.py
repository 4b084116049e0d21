"""What a task makes of each answer of the API server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from devtools.worlds.rows import Rows
from exclusive_redis_xcom import CorruptValue, InvalidReference, XComAccessDenied, XComAlreadyClaimed, XComSealed
from exclusive_redis_xcom.formats import reference as references
from exclusive_redis_xcom.formats import seal
from exclusive_redis_xcom.task import encryption
from tests.integration.task.played_ring import PRIVATE_TEXT, each, no_ring
from tests.integration.task.sales import CANARY, pull, push


class TestNobodyOpensIt:
    @pytest.fixture(autouse=True)
    def pushed(self, configuration: None, dag: Any, rows: Rows) -> None:
        push(dag, CANARY)
        rows.answer = no_ring

    def test_a_consumer_is_told_to_look_at_the_api_server(self, dag: Any) -> None:
        with pytest.raises(XComSealed, match="exclusive-xcom doctor"):
            pull(dag, "load")

    def test_a_stranger_is_told_that_it_is_none(self, dag: Any) -> None:
        with pytest.raises(XComAccessDenied, match="allows only 'load'"):
            pull(dag, "report")

    @pytest.mark.parametrize(
        ("process", "says"),
        [
            ("dag_test", "No API server answers in a test run of a DAG, so nobody opened it"),
            ("triggerer", "Triggers run without"),
            ("dag_processor", "Callbacks in the DAG processor"),
        ],
    )
    def test_elsewhere_the_text_says_why_there(
        self, dag: Any, monkeypatch: pytest.MonkeyPatch, process: str, says: str
    ) -> None:
        from exclusive_redis_xcom.process import kind

        monkeypatch.setattr(kind, "of_this_process", lambda: process)

        with pytest.raises(XComSealed, match=says):
            pull(dag, "load")

    def test_dag_test_opens_with_the_private_keys_and_refuses_by_the_same_rule(
        self, dag: Any, monkeypatch: pytest.MonkeyPatch, configure: Callable[..., None]
    ) -> None:
        from exclusive_redis_xcom.process import kind

        configure(seal_private_keys=PRIVATE_TEXT)
        monkeypatch.setattr(kind, "of_this_process", lambda: "dag_test")

        assert pull(dag, "load") == CANARY
        with pytest.raises(XComAccessDenied, match="allows only 'load'"):
            pull(dag, "report")

    def test_a_worker_with_the_private_keys_does_not_open_by_itself(
        self, dag: Any, configure: Callable[..., None]
    ) -> None:
        configure(seal_private_keys=PRIVATE_TEXT)

        with pytest.raises(XComSealed):
            pull(dag, "load")


class TestAnswersOfTheRing:
    @pytest.mark.parametrize(
        ("reason", "error", "says"),
        [
            (seal.NOT_RUNNING, XComSealed, "running task instances only"),
            (seal.UNKNOWN_KEY, XComSealed, "no longer has the private key"),
            (seal.DENIED, XComSealed, "by another identity"),
            (seal.CLAIMED, XComAlreadyClaimed, "task 'other' of DAG 'sales'"),
            (seal.FORGED, InvalidReference, "edited or forged"),
        ],
    )
    def test_each_reason_has_its_error_and_text(
        self, dag: Any, rows: Rows, reason: str, error: type[Exception], says: str
    ) -> None:
        push(dag, CANARY)
        rows.answer = each(lambda found: found.refused(reason, "task 'other' of DAG 'sales'").to_json())

        with pytest.raises(error, match=says) as caught:
            pull(dag, "load")

        assert CANARY not in f"{caught.value!r}"

    def test_a_task_that_is_over_reads_what_it_pushed_itself_and_nothing_else(self, dag: Any, rows: Rows) -> None:
        """Callbacks, and the links of operators: Airflow runs them after it has recorded the end of the task."""
        push(dag, CANARY)
        rows.answer = each(lambda found: found.refused(seal.NOT_RUNNING).to_json())

        assert pull(dag, "extract") == CANARY
        with pytest.raises(XComSealed):
            pull(dag, "load")

        encryption.forget()  # another process of the same task
        with pytest.raises(XComSealed):
            pull(dag, "extract")

    @pytest.mark.parametrize("reason", [seal.UNKNOWN_KEY, seal.FORGED, seal.DENIED, seal.CLAIMED])
    def test_another_reason_stands_for_its_own_values_too(self, dag: Any, rows: Rows, reason: str) -> None:
        push(dag, CANARY)
        rows.answer = each(lambda found: found.refused(reason).to_json())

        with pytest.raises((XComAccessDenied, InvalidReference)):
            pull(dag, "extract")

    def test_a_wrong_data_key_is_corruption(self, dag: Any, rows: Rows) -> None:
        push(dag, CANARY)
        rows.answer = each(lambda found: found.opened(bytes(32)).to_json())

        with pytest.raises(CorruptValue):
            pull(dag, "load")

    def test_what_the_ring_replaced_is_an_invalid_reference(self, dag: Any, rows: Rows) -> None:
        push(dag, CANARY)
        rows.answer = each(lambda found: references.unusable())

        with pytest.raises(InvalidReference):
            pull(dag, "load")
