"""Keys that code computes: who may pull some of them."""

from __future__ import annotations

import pytest

from exclusive_redis_xcom.access import Access, DagFacts, TaskFacts, TaskName
from exclusive_redis_xcom.access.unknown_keys import may_push_more, unlisted
from exclusive_redis_xcom.acl import Acl
from exclusive_redis_xcom.acl.rule import Rule


def dag(*rules: Rule, default: str = "nobody", tasks: tuple[str, ...] = ("a", "b"), computes: bool = True) -> Access:
    facts = {name: TaskFacts(name, computes_keys=computes and name == "a") for name in tasks}
    return Access([DagFacts(Acl("d", rules, default), {}, {}, facts)])


@pytest.mark.parametrize(
    ("rules", "default", "may"),
    [
        ([], "same_dag", True),
        ([], "nobody", False),
        ([], "linked", False),
        ([Rule("a", "key_*", ("b",), "xcom_acl['a']['key_*']")], "nobody", True),
        ([Rule("a", "key", ("b",), "xcom_acl['a']['key']")], "nobody", False),
        ([Rule("c", "*", ("b",), "xcom_acl['c']['*']")], "nobody", False),
        # The rule for all keys comes before the default, so the default decides about none.
        ([Rule("a", "*", (), "xcom_acl['a']['*']")], "same_dag", False),
        ([Rule(None, "*", (), "xcom_acl['*']")], "same_dag", False),
    ],
)
def test_rules_for_patterns_of_keys_and_the_default_decide(rules: list[Rule], default: str, may: bool) -> None:
    access = dag(*rules, default=default)
    producer = [TaskName("d", "a")] if may else []

    assert may_push_more(access, TaskName("d", "b")) == producer
    assert unlisted(access) == producer


def test_what_has_no_further_keys_or_no_other_reader_is_not_named() -> None:
    consumer = TaskName("d", "b")

    assert may_push_more(dag(default="same_dag", computes=False), consumer) == []
    assert may_push_more(dag(default="same_dag"), TaskName("d", "a")) == []
    assert unlisted(dag(default="same_dag", tasks=("a",))) == []
    assert unlisted(dag(default="same_dag"), {"other"}) == []


def test_a_task_of_another_dag_counts_where_a_rule_names_it() -> None:
    other = TaskName("reports", "daily")

    assert may_push_more(dag(default="same_dag"), other) == []
    assert may_push_more(dag(Rule("a", "k*", ("reports/*",), "xcom_acl['a']['k*']")), other) == [TaskName("d", "a")]
