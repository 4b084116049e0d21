"""An ACL with many rules finds the rule that asking one after the other finds, and takes little time for it."""

from __future__ import annotations

import pickle
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exclusive_redis_xcom.acl import Acl, parse
from exclusive_redis_xcom.acl.rule import Rule
from exclusive_redis_xcom.acl.rule_index import RuleIndex

_NAMES = ["a", "b", "ab", "a.b", "b*", ""]
_PATTERNS = ["*", "a*", "*b", "a*b", "b**"]
_rules = st.lists(
    st.builds(
        Rule,
        producer=st.sampled_from([None, *_NAMES, *_PATTERNS]),
        key=st.sampled_from([*_NAMES, *_PATTERNS]),
        consumers=st.just(()),
        source=st.just("a rule"),
        exact=st.booleans(),
    ),
    max_size=30,
)
_asked = st.sampled_from([*_NAMES, *_PATTERNS, "elsewhere"])


def _numbered(rules: list[Rule]) -> tuple[Rule, ...]:
    """Tell rules apart that are written alike."""
    return tuple(replace(rule, source=f"rule {place}") for place, rule in enumerate(rules))


@given(_rules, _asked, _asked)
def test_the_first_rule_that_selects_an_xcom_is_found_in_any_order_of_rules(
    made: list[Rule], task_id: str, key: str
) -> None:
    rules = _numbered(made)
    selecting = [rule for rule in rules if rule.selects(task_id, key)]
    about = [rule for rule in rules if (rule.producer == task_id if rule.exact else rule.selects(task_id, rule.key))]
    index, acl = RuleIndex(rules), Acl("d", rules, "nobody")

    assert index.first(task_id, key) == next(iter(selecting), None)
    assert list(index.about(task_id)) == about
    assert acl.rule_for(task_id, key) == next(iter(selecting), Acl("d", (), "nobody").rule_for(task_id, key))
    assert list(acl.rules_about(task_id)) == about


@given(_rules, st.lists(st.tuples(_asked, _asked), min_size=2, max_size=5))
def test_an_acl_that_was_asked_is_equal_to_one_that_was_not(made: list[Rule], asked: list[tuple[str, str]]) -> None:
    rules = _numbered(made)
    acl = Acl("d", rules, "nobody")
    answers = [acl.rule_for(*each) for each in asked]

    assert [acl.rule_for(*each) for each in asked] == answers
    assert acl == Acl("d", rules, "nobody")
    assert pickle.loads(pickle.dumps(acl)) == acl  # noqa: S301 - made in the line above
    fewer = replace(acl, rules=rules[1:])
    assert [fewer.rule_for(*each) for each in asked] == [
        Acl("d", rules[1:], "nobody").rule_for(*each) for each in asked
    ]


@pytest.mark.parametrize("number", [8, 9])
def test_few_rules_and_many_rules_give_the_same_default(number: int) -> None:
    rules = {f"task_{each}": {"key": ["reader"]} for each in range(number)}
    acl = parse(rules, dag_id="d", task_ids=(), default_consumers="linked")

    found = acl.rule_for("task_0", "other")

    assert (found.producer, found.key, found.consumers, found.restricted) == (None, "*", "linked", False)
    assert found.source == "default_consumers (linked)"
    assert acl.rule_for("task_7", "key").producer == "task_7"


@pytest.mark.parametrize(
    "rules",
    [
        {f"task_{each}": {"key": ["reader"]} for each in range(3000)},
        {f"task_{each}": {"*": ["reader"]} for each in range(3000)},
        {f"key_{each}": ["reader"] for each in range(3000)},
    ],
)
def test_3000_rules_are_asked_about_3000_tasks_in_good_time(rules: dict[str, object]) -> None:
    acl = parse(rules, dag_id="d", task_ids=(), default_consumers="nobody")
    started = time.process_time()

    for each in range(3000):
        acl.rule_for(f"task_{each}", f"key_{each}")

    assert time.process_time() - started < 0.3
