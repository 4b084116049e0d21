"""`report_consumers` refuses nothing. What the stricter word would refuse is logged, counted and recorded."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from devtools.worlds.running_task import executing
from exclusive_redis_xcom import ExclusiveRedisXCom, XComAccessDenied
from exclusive_redis_xcom.declaration import freeze
from tests.integration.task.direct_pulls.watched import Tasks
from tests.integration.task.observed.conftest import Recorded
from tests.integration.task.sales import address, pull, pull_all, push

Counted = list[tuple[str, int, dict[str, str]]]
WOULD = "exclusive_redis_xcom.pull_would_be_refused"
SAID = (
    "XCom pull would be refused by report_consumers = {word}: "
    "dag='sales' task='extract' key='plain' reader='sales/report'"
)


@pytest.fixture
def options() -> dict[str, str]:
    return {}


@pytest.fixture
def make_dag() -> Callable[..., Any]:
    """Make the DAG `sales` under the policy: `load` takes what `extract` returns, and `report` runs beside."""

    def make(policy: Any = None, *, stricter: str | None = None, default: str = "same_dag") -> Any:
        from airflow.sdk import DAG, task

        rules: dict[str, Any] = {"extract": {"token": ["load"]}}
        if policy is not None:
            rules["*"] = policy
        with DAG("sales", params={"xcom_acl": rules}) as dag:

            @task
            def extract() -> None: ...

            @task
            def load(value: Any) -> None: ...

            @task
            def report() -> None: ...

            got = extract()
            load(got["plain"])
            report()
        freeze(dag, default_consumers=default, report_consumers=stricter)
        return dag

    return make


@pytest.mark.parametrize(
    ("word", "refused"), [("linked", {"report"}), ("downstream", {"report"}), ("nobody", {"load", "report"})]
)
@pytest.mark.parametrize("where", ["setting", "DAG"])
def test_what_the_word_would_refuse_is_reported(
    make_dag: Callable[..., Any],
    configure: Callable[..., None],
    recorded: Recorded,
    counted: Counted,
    word: str,
    refused: set[str],
    where: str,
) -> None:
    configure(report_consumers=word if where == "setting" else "")
    policy = None if where == "setting" else {"consumers": "same_dag", "report_consumers": word}
    dag = make_dag(policy, stricter=word if where == "setting" else None)
    push(dag, "value", "plain")

    for reader in ("load", "report", "extract"):
        assert pull(dag, reader, "plain") == "value"

    assert recorded() == {f"extract:plain by sales/{reader}": {"would_refuse": 1} for reader in refused}
    assert [entry for entry in counted if entry[0] == WOULD] == [
        (WOULD, 1, {"dag_id": "sales", "task_id": "extract"}) for _ in refused
    ]


def test_the_log_has_the_fields(
    make_dag: Callable[..., Any], configure: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    configure(report_consumers="linked")
    dag = make_dag(stricter="linked")
    push(dag, "value", "plain")

    with caplog.at_level(logging.WARNING, "exclusive_redis_xcom"):
        pull(dag, "report", "plain")

    (line,) = [line for line in caplog.records if "report_consumers" in line.getMessage()]
    assert line.getMessage() == SAID.format(word="linked")
    assert {name: vars(line)[name] for name in ("dag", "task", "key", "reader")} == {
        "dag": "sales",
        "task": "extract",
        "key": "plain",
        "reader": "sales/report",
    }


def test_a_rule_about_the_xcom_holds_as_it_is(
    make_dag: Callable[..., Any], configure: Callable[..., None], recorded: Recorded
) -> None:
    configure(report_consumers="nobody")
    dag = make_dag(stricter="nobody")
    push(dag, "value", "token")

    assert pull(dag, "load", "token") == "value"

    assert recorded() == {}


def test_the_policy_of_a_dag_is_not_replaced_by_the_setting(
    make_dag: Callable[..., Any], configure: Callable[..., None], recorded: Recorded
) -> None:
    configure(report_consumers="nobody")
    dag = make_dag("same_dag", stricter="nobody")
    push(dag, "value", "plain")

    assert pull(dag, "report", "plain") == "value"

    assert recorded() == {}


def test_what_today_s_policy_refuses_stays_refused(
    make_dag: Callable[..., Any], configure: Callable[..., None], recorded: Recorded
) -> None:
    configure(report_consumers="nobody", default_consumers="linked")
    dag = make_dag(stricter="nobody", default="linked")
    push(dag, "value", "plain")

    with pytest.raises(XComAccessDenied):
        pull(dag, "report", "plain")

    assert recorded() == {"extract:plain by sales/report": {"rule": 1}}


def test_a_reader_of_another_dag(
    make_dag: Callable[..., Any], configure: Callable[..., None], recorded: Recorded
) -> None:
    from airflow.sdk import DAG, BaseOperator

    configure(report_consumers="downstream", default_consumers="anyone")
    dag = make_dag(stricter="downstream", default="anyone")
    push(dag, "value", "plain")
    with DAG("bi"):
        daily = BaseOperator(task_id="daily")

    with executing(daily):
        assert ExclusiveRedisXCom.get_one(key="plain", **address()) == "value"

    assert recorded() == {"extract:plain by bi/daily": {"would_refuse": 1}}


def test_the_results_of_a_mapped_task_are_reported_once(
    make_dag: Callable[..., Any], configure: Callable[..., None], recorded: Recorded
) -> None:
    configure(report_consumers="nobody")
    dag = make_dag(stricter="nobody")
    for index in range(3):
        push(dag, index, "mapped", index)

    assert pull_all(dag, "report", "mapped") == [0, 1, 2]

    assert recorded() == {"extract:mapped by sales/report": {"would_refuse": 1}}


def test_a_pull_that_redis_alone_answers(
    make_dag: Callable[..., Any], configure: Callable[..., None], api: Any, recorded: Recorded
) -> None:
    configure(report_consumers="nobody")
    tasks = Tasks(make_dag(stricter="nobody"), api.rows)
    tasks.push("value", "plain")

    assert (tasks.pull("plain", by="report"), tasks.calls) == ("value", [])

    assert recorded() == {"extract:plain by sales/report": {"would_refuse": 1}}


def test_mode_report_says_a_refusal_once(
    make_dag: Callable[..., Any], configure: Callable[..., None], recorded: Recorded
) -> None:
    configure(report_consumers="nobody", mode="report", default_consumers="linked")
    dag = make_dag(stricter="nobody", default="linked")
    push(dag, "value", "plain")

    assert pull(dag, "report", "plain") == "value"

    assert recorded() == {"extract:plain by sales/report": {"read": 1, "would_refuse": 1}}
