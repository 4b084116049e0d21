"""The rules that a task hands on give its children the same rule in force for every push."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk import DAG, task

from exclusive_redis_xcom.declaration import FrozenAcl, freeze, handed_on
from exclusive_redis_xcom.model import Coordinate

RULE = {"consumers": ["load", "other/task"], "ttl_seconds": 60, "same_run": True, "once": True}
ACLS: list[Any] = [
    {},
    {"*": "downstream"},
    {"*": "linked"},
    {"*": "nobody"},
    {"*": ["load", "other_dag/*"]},
    {"extract": {"token": RULE, "*": "linked"}, "load": {"*": "nobody"}},
    {"ex*": {"t*": "linked", "*": "downstream"}, "*": "anyone"},
    {"token": ["load"], "t*": ["report"], "*": "same_dag"},
    {"extract": {"return_value": {"consumers": "linked", "ttl_seconds": 5}, "token": "downstream"}},
]
KEYS = ["return_value", "token", "t", "another", "*", "ü"]
OUTPUTS = [None, [], ["token", "another"]]


def frozen(acl: Any, default: str = "same_dag") -> FrozenAcl:
    with DAG("etl", params={"xcom_acl": acl}) as dag:

        @task(multiple_outputs=True)
        def extract() -> dict[str, str]:
            return {}

        @task
        def load(token: str) -> None: ...

        @task
        def report(whole: Any) -> None: ...

        made = extract()
        load(made["token"]) >> report(made)
    return freeze(dag, default_consumers=default)


@pytest.mark.parametrize("default", ["same_dag", "linked", "downstream", "nobody", "anyone"])
@pytest.mark.parametrize("acl", ACLS)
def test_a_push_by_a_child_gets_the_rule_that_the_task_would_give_it(acl: Any, default: str) -> None:
    here = frozen(acl, default)
    there = handed_on.loads(handed_on.dumps(here, "extract"), "etl", "extract")

    assert there is not None
    for key in KEYS:
        at = Coordinate("etl", "r", "extract", key)
        for outputs in OUTPUTS:
            expected = here.in_force(at, outputs, timedelta(days=7))
            assert there.in_force(at, outputs, timedelta(days=7)) == expected
            assert there.in_force(at, outputs, timedelta(days=7)).dumps() == expected.dumps()


def test_rules_about_other_tasks_stay_behind() -> None:
    text = handed_on.dumps(frozen({"extract": {"token": ["load"]}, "load": {"*": ["report"]}}), "extract")

    assert "report" not in text


def test_nothing_is_known_of_another_task() -> None:
    there = handed_on.loads(handed_on.dumps(frozen({"*": "downstream"}), "extract"), "etl", "extract")

    assert there is not None
    assert there.graph.downstream_of("load") == there.graph.linked_to("load", "token") == frozenset()


@pytest.mark.parametrize("name", ["default", "rules", "downstream", "links"])
@pytest.mark.parametrize("value", [None, 7, [[]], [["too", "few"]]])
def test_what_was_edited_gives_no_rules_or_rules_that_can_be_used(name: str, value: Any) -> None:
    fields = json.loads(handed_on.dumps(frozen({"extract": {"token": RULE}}), "extract"))
    fields[name] = value

    there = handed_on.loads(json.dumps(fields), "etl", "extract")

    assert there is None or name == "downstream"


@pytest.mark.parametrize("text", ["", "no JSON", "[]", "7", "{}", "[" * 100_000])
def test_what_is_no_json_of_ours_gives_no_rules(text: str) -> None:
    assert handed_on.loads(text, "etl", "extract") is None
