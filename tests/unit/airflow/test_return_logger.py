"""Operators of Airflow log what they return, but neither what is long nor what has a rule."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator
from airflow.providers.standard.operators.python import (
    BranchPythonOperator,
    ExternalPythonOperator,
    PythonOperator,
    ShortCircuitOperator,
)
from airflow.sdk import DAG, task

from exclusive_redis_xcom.airflow import quiet_returns
from exclusive_redis_xcom.declaration import freeze

BIG = b"x" * 140_000_000
INSTEAD = "<bytes, 140000000 bytes: too long for the log>"


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """What Airflow's operators log, formatted as structlog formats it."""
    found: list[str] = []

    def keep(_logger: Any, _method: str, event: structlog.typing.EventDict) -> Any:
        if not str(event["event"]).endswith("outside of the Task Runner!"):  # these tests are
            found.append(str(event["event"]))
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(
        processors=[keep],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=False,
    )
    yield found
    structlog.configure(**before)


def operator(cls: Any, returned: Any, params: dict[str, Any] | None = None, **arguments: Any) -> Any:
    """An operator that returns this, as the listener leaves it for the run."""
    with DAG("quiet", params=params or {}) as dag:
        made = cls(task_id="make", python_callable=lambda: returned, **arguments)
    freeze(dag, default_consumers="same_dag")
    quiet_returns.shorten(made)
    return made


def execute(operator: Any) -> Any:
    context = {"ti": SimpleNamespace(task=operator), "task": operator, "outlet_events": {}, "dag_run": None}
    return operator.execute(context)


def as_decorated(python_callable: Callable[[], Any], task_id: str) -> Any:
    return task(task_id=task_id)(python_callable)().operator


@pytest.mark.parametrize("cls", [PythonOperator, as_decorated], ids=["classic", "decorated"])
def test_a_large_value_is_returned_at_once_and_not_logged(lines: list[str], cls: Any) -> None:
    making = operator(cls, BIG)
    start = time.perf_counter()

    assert execute(making) is BIG

    assert time.perf_counter() - start < 5  # Airflow's own line takes minutes
    assert lines == [f"Done. Returned value was: {INSTEAD}"]


def test_a_short_circuit_logs_no_large_condition(lines: list[str]) -> None:
    assert execute(operator(ShortCircuitOperator, BIG)) is BIG

    assert lines == [
        f"Done. Returned value was: {INSTEAD}",
        f"Condition result is {INSTEAD}",
        "Proceeding with downstream tasks...",
    ]


def test_an_async_task_logs_no_large_value(lines: list[str]) -> None:
    if "aexecute" not in vars(PythonOperator):
        pytest.skip("this Airflow has no asynchronous Python tasks")

    async def make() -> bytes:
        return BIG

    with DAG("quiet") as dag:
        making = PythonOperator(task_id="make", python_callable=make)
    freeze(dag, default_consumers="same_dag")
    quiet_returns.shorten(making)

    assert asyncio.run(making.aexecute({"outlet_events": {}})) is BIG
    assert lines == [f"Done. Returned value was: {INSTEAD}"]


def test_another_interpreter_s_value_is_not_logged(lines: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    # The other interpreter needs Airflow's supervisor. tests/acceptance/worker/test_returns.py has both.
    monkeypatch.setattr(ExternalPythonOperator, "execute_callable", lambda _operator: BIG)
    with DAG("quiet") as dag:
        making = ExternalPythonOperator(task_id="make", python_callable=execute, python=sys.executable)
    freeze(dag, default_consumers="same_dag")
    quiet_returns.shorten(making)

    assert execute(making) is BIG
    assert lines[-1] == f"Done. Returned value was: {INSTEAD}"


def test_a_branch_logs_no_large_value(lines: list[str]) -> None:
    with pytest.raises(Exception, match="branch"):  # there is no such task
        execute(operator(BranchPythonOperator, ["x" * 5000]))

    shown = [line for line in lines if line.endswith("too long for the log>")]
    assert shown == [
        "Done. Returned value was: <list of 1: too long for the log>",
        "Branch into <list of 1: too long for the log>",
        "Following branch <set of 1: too long for the log>",
    ]


def test_rows_of_a_query_are_not_logged(lines: list[str]) -> None:
    with DAG("quiet") as dag:
        query = SQLExecuteQueryOperator(task_id="make", sql="select 1", show_return_value_in_logs=True)
    freeze(dag, default_consumers="same_dag")
    quiet_returns.shorten(query)

    query._process_output([[(1, "x" * 5000)]], [None])

    assert lines == ["Operator output is: <list of 1: too long for the log>"]


@pytest.mark.parametrize("value", ["short", {"a": [1, 2]}, None, 7, "x" * 4000], ids=lambda value: type(value).__name__)
def test_a_short_value_is_logged_as_before(lines: list[str], value: Any) -> None:
    assert execute(operator(PythonOperator, value)) == value

    assert lines == [f"Done. Returned value was: {value}"]


def test_no_logger_shows_a_value_that_has_a_rule(lines: list[str]) -> None:
    making = operator(ShortCircuitOperator, "s3cr3t", {"xcom_acl": {"make": {"return_value": []}}})

    assert execute(making) == "s3cr3t"

    hidden = "<not shown>"
    assert lines == [
        f"Done. Returned value was: {hidden}",
        f"Condition result is {hidden}",
        "Proceeding with downstream tasks...",
    ]


def test_without_an_acl_nothing_is_shown(lines: list[str]) -> None:
    making = PythonOperator(task_id="make", python_callable=lambda: "s3cr3t")  # no DAG tells the rules
    quiet_returns.shorten(making)

    execute(making)

    assert lines == ["Done. Returned value was: <not shown>"]


def test_what_else_an_operator_logs_stays_as_it_is(lines: list[str]) -> None:
    making = operator(PythonOperator, None)

    making.log.info("Executing: %s", "x" * 5000)
    making.log.info("x" * 5000)
    making.log.bind(run=1).warning("bound %s", "x" * 5000)

    assert lines == ["Executing: " + "x" * 5000, "x" * 5000, "bound " + "x" * 5000]


def test_it_is_done_once(lines: list[str]) -> None:
    making = operator(PythonOperator, BIG)
    logger = making.log

    quiet_returns.shorten(making)

    assert making.log is logger


class TestALoggerOfTheStandardLibrary:
    @pytest.fixture
    def logger(self) -> Iterator[logging.Logger]:
        logger = logging.getLogger("tests.an_operator")
        yield logger
        logger.filters.clear()

    def test_a_large_value_is_not_formatted(self, logger: logging.Logger, caplog: pytest.LogCaptureFixture) -> None:
        with DAG("quiet") as dag:
            making = PythonOperator(task_id="make", python_callable=str)
        freeze(dag, default_consumers="same_dag")
        for name in ("_log", "_cached_logger"):
            vars(making)[name] = logger

        for _ in range(2):
            quiet_returns.shorten(making)
        with caplog.at_level(logging.INFO):
            logger.info("Done. Returned value was: %s", BIG)
            logger.info("Done. Returned value was: %s", {"a": 1})
            logger.info("Something else: %s", "x" * 5000)

        assert len(logger.filters) == 1
        assert [record.getMessage() for record in caplog.records] == [
            f"Done. Returned value was: {INSTEAD}",
            "Done. Returned value was: {'a': 1}",
            "Something else: " + "x" * 5000,
        ]

    def test_each_task_s_own_rule_counts_where_tasks_share_it(
        self, logger: logging.Logger, caplog: pytest.LogCaptureFixture
    ) -> None:
        with DAG("quiet", params={"xcom_acl": {"secret": {"return_value": []}}}) as dag:
            tasks = [PythonOperator(task_id=name, python_callable=str) for name in ("open", "secret", "again")]
        freeze(dag, default_consumers="same_dag")

        with caplog.at_level(logging.INFO):
            for each in tasks:  # as under dag.test()
                for name in ("_log", "_cached_logger"):
                    vars(each)[name] = logger
                quiet_returns.shorten(each)
                logger.info("Done. Returned value was: %s", each.task_id)

        assert [record.getMessage() for record in caplog.records] == [
            "Done. Returned value was: open",
            "Done. Returned value was: <not shown>",
            "Done. Returned value was: again",
        ]
