"""What rules say about revealing: stored rules as a pull asks them, and the DAG's own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exclusive_redis_xcom.access import DagFacts
from exclusive_redis_xcom.access.facts import TaskFacts
from exclusive_redis_xcom.acl import parse
from exclusive_redis_xcom.pages.xcoms import rules
from exclusive_redis_xcom.pages.xcoms.rules import Strictness
from tests.unit.sealed_reference import AT, acl_in_force, sealed_reference

RULED = acl_in_force(("load",)).dumps()
ONCE = acl_in_force({"consumers": ["load"], "once": True}).dumps()
MAPPED = replace(AT, map_index=2)


def facts(declared: object, *, multiple_outputs: bool = False) -> DagFacts:
    tasks = {"extract": TaskFacts("extract", multiple_outputs=multiple_outputs), "load": TaskFacts("load")}
    acl = parse(declared, dag_id="sales", task_ids=frozenset(tasks), default_consumers="same_dag")
    return DagFacts(acl, {}, {}, tasks)


def test_the_key_s_rule_counts_and_the_value_s_own_where_the_task_is_mapped() -> None:
    assert rules.strictness(rules.stored(AT, RULED, ONCE)) == Strictness(True, False)
    assert rules.strictness(rules.stored(MAPPED, RULED, ONCE)) == Strictness(True, True)


@pytest.mark.parametrize("text", [b"", b"{}", b"canary", RULED + b" "])
def test_a_rule_that_cannot_be_read_says_nothing(text: bytes) -> None:
    assert rules.strictness(rules.stored(AT, text, b"")) is None
    assert rules.strictness(rules.stored(MAPPED, RULED, text)) is None


def test_without_rules_nothing_is_said() -> None:
    assert rules.strictness([]) is None


def test_the_rule_of_a_seal_is_read() -> None:
    assert rules.strictness([rules.sealed(sealed_reference())]) == Strictness(True, False)


@pytest.mark.parametrize(
    ("declared", "key", "strictness"),
    [
        ({"extract": {"token": ["load"]}}, "token", Strictness(True, False)),
        ({"extract": {"token": ["load"]}}, "other", Strictness(False, False)),
        ({"extract": {"*": ["load"]}}, "other", Strictness(True, False)),
        ({"extract": {"token": {"consumers": ["load"], "once": True}}}, "token", Strictness(True, True)),
        ({"load": {"token": ["extract"]}}, "token", Strictness(False, False)),
    ],
)
def test_the_dag_s_own_rules_count(declared: object, key: str, strictness: Strictness) -> None:
    assert rules.declared(facts(declared), replace(AT, key=key)) == strictness


@pytest.mark.parametrize(("multiple_outputs", "restricted"), [(True, True), (False, False)])
def test_a_copy_of_other_keys_is_as_strict_as_these(multiple_outputs: bool, restricted: bool) -> None:
    declared = facts({"extract": {"token": ["load"]}}, multiple_outputs=multiple_outputs)

    assert rules.declared(declared, replace(AT, key="return_value")).restricted is restricted


def test_a_task_that_the_dag_no_longer_has_may_have_copied_keys() -> None:
    declared = facts({"*": {"token": ["load"]}})

    assert rules.declared(declared, replace(AT, task_id="gone", key="return_value")).restricted
