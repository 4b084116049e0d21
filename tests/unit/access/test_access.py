"""Answers about DAG objects."""

from __future__ import annotations

import re
from typing import TypedDict

import pytest
from airflow.sdk import DAG, task

from exclusive_redis_xcom.access import Access, TaskName, Verdict, XComName
from exclusive_redis_xcom.access.parsed import facts_of
from exclusive_redis_xcom.access.undecided import UndecidedError


class Outputs(TypedDict):
    a: int
    b: str


def sales() -> DAG:
    acl = {
        "extract": {
            "token": ["load"],
            "shared": ["reports/*", "stock/count"],
            "once": {"consumers": ["*"], "once": True},
        },
        "*": "linked",
    }
    with DAG("sales", schedule=None, params={"xcom_acl": acl}) as dag:

        @task(multiple_outputs=True)
        def extract() -> Outputs:
            return {"a": 1, "b": ""}

        @task(multiple_outputs=True)
        def computed() -> dict:  # type: ignore[type-arg]
            return {}

        @task
        def load(value: object) -> None: ...

        @task
        def total(values: object, others: object) -> None: ...

        extracted = extract()
        load(extracted["a"])
        total(extracted, computed())
    return dag


def stock() -> DAG:
    with DAG("stock", schedule=None) as dag:

        @task
        def count() -> int:
            return 1

        @task
        def other() -> int:
            return 1

        count()
        other()
    return dag


@pytest.fixture
def access() -> Access:
    return Access(facts_of(dag, default_consumers="same_dag") for dag in (sales(), stock()))


@pytest.mark.parametrize(
    ("consumer", "xcom", "verdict", "reason"),
    [
        ("sales/load", "sales/extract:token", "yes", "xcom_acl['extract']['token'] at test_access.py allows 'load'"),
        (
            "sales/total",
            "sales/extract:token",
            "no",
            "xcom_acl['extract']['token'] at test_access.py allows only 'load'",
        ),
        ("sales/extract", "sales/extract:token", "yes", "a task may read its own XComs"),
        (
            "stock/count",
            "sales/extract:shared",
            "yes",
            "xcom_acl['extract']['shared'] at test_access.py allows 'stock/count'",
        ),
        (
            "sales/load",
            "stock/count:return_value",
            "no",
            "default_consumers (same_dag) allows only tasks of DAG 'stock'",
        ),
        ("stock/other", "stock/count:skipmixin_key", "yes", "Airflow writes and reads this key, past every backend"),
    ],
)
def test_an_answer_is_that_of_the_rule(access: Access, consumer: str, xcom: str, verdict: str, reason: str) -> None:
    answer = access.can_pull(TaskName.parse(consumer), XComName.parse(xcom))

    # The lines of this file are not what is tested here.
    assert (answer.verdict.value, re.sub(r":\d+", "", answer.reason)) == (verdict, reason)


def test_the_copy_of_known_outputs_is_for_consumers_of_all_outputs(access: Access) -> None:
    whole = XComName("sales", "extract", "return_value")

    assert access.can_pull(TaskName("sales", "total"), whole).verdict is Verdict.YES
    assert access.can_pull(TaskName("sales", "load"), whole).verdict is Verdict.NO


def test_the_copy_of_outputs_that_code_computes_is_maybe_for_everybody_whom_not_every_rule_allows() -> None:
    with DAG("sums", schedule=None, params={"xcom_acl": {"add": {"secret": ["audit"]}}}) as dag:

        @task(multiple_outputs=True)
        def add() -> dict:  # type: ignore[type-arg]
            return {}

        @task
        def audit() -> None: ...

        @task
        def load() -> None: ...

        add() >> [audit(), load()]
    access = Access([facts_of(dag, default_consumers="same_dag")])
    whole = XComName("sums", "add", "return_value")

    answer = access.can_pull(TaskName("sums", "load"), whole)

    assert answer.verdict is Verdict.MAYBE
    assert answer.reason.endswith("but the code of add computes the keys that 'return_value' copies")
    assert access.can_pull(TaskName("sums", "audit"), whole).verdict is Verdict.YES


def test_readers_outside_are_never_left_out(access: Access) -> None:
    readers = access.who_can(XComName("sales", "extract", "shared"))

    assert [(reader.name, reader.verdict.value) for reader in readers] == [
        ("sales/extract", "yes"),
        ("stock/count", "yes"),
        ("reports/*", "maybe"),
    ]


def test_what_a_task_may_pull_of_other_dags_is_found(access: Access) -> None:
    found = {str(answer.xcom) for answer in access.what_can(TaskName("stock", "count"))}

    assert found == {"stock/count:return_value", "stock/other:return_value", "sales/extract:shared"}


@pytest.mark.parametrize(
    ("consumer", "xcom", "text"),
    [
        ("sales/laod", "sales/extract:a", "DAG 'sales' has no task 'laod'.\nDid you mean 'load'?"),
        ("sales/load", "sale/extract:a", "There is no DAG 'sale' here.\nDid you mean 'sales'?"),
        (
            "sales/load",
            "sales/x:a",
            "DAG 'sales' has no task 'x'.\nThe tasks are 'computed', 'extract', 'load', 'total'.",
        ),
    ],
)
def test_a_name_that_is_wrong_is_no_no(access: Access, consumer: str, xcom: str, text: str) -> None:
    with pytest.raises(UndecidedError) as caught:
        access.can_pull(TaskName.parse(consumer), XComName.parse(xcom))

    assert str(caught.value) == text


def test_two_dags_with_one_id_are_refused() -> None:
    with pytest.raises(UndecidedError, match="Two DAGs have the id 'stock'"):
        Access(facts_of(dag, default_consumers="same_dag") for dag in (stock(), stock()))
