"""One entry for each XCom: groups stay groups until somebody asks for each task."""

from __future__ import annotations

import dataclasses

import pytest

from exclusive_redis_xcom.access import Access, DagFacts, TaskFacts, Verdict
from exclusive_redis_xcom.access.overview.entries import entries, further, short
from exclusive_redis_xcom.acl import Acl
from exclusive_redis_xcom.acl.rule import Rule

TASKS = ("a", "b", "c", "group.x", "group.y", "z1", "z2")


def dag(*rules: Rule, default: str = "nobody", dag_id: str = "d") -> DagFacts:
    tasks = {name: TaskFacts(name, computes_keys=False, returns=name == "a") for name in TASKS}
    downstream = dict(zip(TASKS, [(name,) for name in TASKS[1:]], strict=False))
    return DagFacts(Acl(dag_id, rules, default), downstream, {("a", "return_value"): frozenset({"c"})}, tasks)


def consumers(facts: DagFacts, *others: DagFacts, expand: bool = False, most: int | None = 5) -> list[str]:
    """The consumers of the one XCom that the DAG `d` has."""
    (entry,) = entries(Access([facts, *others]), expand=expand, most=most, dag_ids={"d"})
    marks = {Verdict.YES: "", Verdict.MAYBE: "?"}
    return [f"{short(who, 'd')}{marks[who.verdict]}{'*' * who.is_group}" for who in entry.consumers]


@pytest.mark.parametrize(
    ("word", "grouped", "expanded"),
    [
        ("nobody", [], []),
        ("same_dag", ["all tasks*"], ["b", "c", "group.x", "group.y", "z1", "z2"]),
        ("linked", ["c"], ["c"]),
        ("downstream", ["tasks after a*"], ["b", "c", "group.x", "group.y", "z1", "z2"]),
        ("anyone", ["all tasks*", "*/*?*"], ["b", "c", "group.x", "group.y", "z1", "z2", "*/*?*"]),
    ],
)
def test_policy_words_stay_words_until_each_task_is_asked_for(
    word: str, grouped: list[str], expanded: list[str]
) -> None:
    assert consumers(dag(default=word)) == grouped
    assert consumers(dag(default=word), expand=True) == expanded


def test_few_tasks_after_a_producer_are_named() -> None:
    names = ["b", "c", "group.x", "group.y", "z1", "z2"]

    assert consumers(dag(default="downstream"), most=6) == names
    assert consumers(dag(default="downstream"), most=None) == names


@pytest.mark.parametrize(
    ("consumer", "grouped", "expanded"),
    [
        ("group.*", ["group.**"], ["group.x", "group.y"]),
        ("nothing*", [], []),
        ("other/a", ["other/a"], ["other/a"]),
        ("other/z*", ["other/z**"], ["other/z1", "other/z2"]),
        ("absent/a", ["absent/a?"], ["absent/a?"]),
        ("absent/*", ["absent/*?*"], ["absent/*?*"]),
        ("oth*/a", ["oth*/a*", "oth*/a?*"], ["other/a", "oth*/a?*"]),
    ],
)
def test_names_and_patterns(consumer: str, grouped: list[str], expanded: list[str]) -> None:
    facts = dag(Rule("a", "return_value", (consumer,), "xcom_acl['a']['return_value'] at f.py:3"))

    assert consumers(facts, dag(dag_id="other")) == grouped
    assert consumers(facts, dag(dag_id="other"), expand=True) == expanded


def test_a_pattern_of_dags_is_certain_only_for_the_dags_that_are_here() -> None:
    rule = Rule("a", "return_value", ("*/*",), "xcom_acl['a']['return_value'] at f.py:3")

    assert consumers(dag(rule), dag(dag_id="other")) == ["*/**", "*/*?*"]
    # A task of another DAG is rarely in the same run, but those of the own DAG are.
    assert consumers(dag(dataclasses.replace(rule, same_run=True)), dag(dag_id="other")) == ["all tasks*", "*/*?*"]


def test_a_task_of_another_dag_is_rarely_in_the_same_run() -> None:
    facts = dag(Rule("a", "return_value", ("b", "other/b"), "xcom_acl['a']['return_value']", same_run=True))

    assert consumers(facts, dag(dag_id="other")) == ["b", "other/b?"]
    (entry,) = entries(Access([facts]))
    assert (further(entry.rule), entry.place) == ("same_run", "")
