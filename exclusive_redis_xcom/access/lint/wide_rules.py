"""Rules that let more tasks read than their author may think, or fewer: EX111 to EX113, and EX101 for other DAGs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.access.lint.findings import about_rule, finding, short
from exclusive_redis_xcom.acl.glob import is_pattern, matches
from exclusive_redis_xcom.acl.rule import ANYONE, NOBODY, Rule, consumer_ids

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from exclusive_redis_xcom.access.facts import DagFacts
    from exclusive_redis_xcom.access.finding import Finding


def check_anyone(facts: DagFacts) -> Iterator[Finding]:
    """Yield rules whose consumers are in all DAGs (EX111)."""
    for rule in facts.acl.rules:
        if rule.consumers == ANYONE:
            yield about_rule("EX111", facts, rule, ANYONE, f"the word '{ANYONE}' lets tasks of all DAGs read.")
        elif not isinstance(rule.consumers, str):
            for name in rule.consumers:
                if consumer_ids(name, facts.dag_id)[0] == "*":
                    yield about_rule("EX111", facts, rule, name, f"the consumer {short(name)} is in every DAG.")
    if facts.acl.default == ANYONE and not any(_is_for_all(rule) for rule in facts.acl.rules):
        message = f"default_consumers is '{ANYONE}', so tasks of all DAGs read each XCom without a rule."
        remedy = "Set another default_consumers, or give the DAG a rule for '*'."
        yield finding("EX111", facts.dag_id, message, "default_consumers", facts.file, remedy=remedy)


def _is_for_all(rule: Rule) -> bool:
    return rule.producer is None and rule.key == "*"


def check_once(facts: DagFacts) -> Iterator[Finding]:
    """Yield values that are read once and have several consumers (EX112)."""
    for rule in facts.acl.rules:
        if not rule.once or rule.consumers == NOBODY:
            continue
        if isinstance(rule.consumers, str):
            what = f"the value is read once, and '{rule.consumers}' may be several tasks."
            yield about_rule("EX112", facts, rule, rule.consumers, what)
        elif any(is_pattern(name) for name in rule.consumers):
            what = "the value is read once, and a pattern may name several tasks."
            yield about_rule("EX112", facts, rule, "pattern", what)
        elif len(rule.consumers) > 1:
            what = f"only the first of {len(rule.consumers)} consumers to pull the value gets it."
            yield about_rule("EX112", facts, rule, "list", what, level="note")


def check_other_dags(facts: DagFacts, dags: Mapping[str, DagFacts], *, level: str | None) -> Iterator[Finding]:
    """Yield consumers in other DAGs that do not exist (EX101, EX107 and EX113).

    Args:
        facts: The DAG whose rules are looked at.
        dags: All DAGs.
        level: The level of EX113 where not all DAGs are known; None for the check's own.
    """
    for rule in facts.acl.rules:
        if isinstance(rule.consumers, str):
            continue
        for name in rule.consumers:
            if "/" in name:
                yield from _other_dag(facts, rule, name, dags, level)


def _other_dag(
    facts: DagFacts, rule: Rule, name: str, dags: Mapping[str, DagFacts], level: str | None
) -> Iterator[Finding]:
    dag_id, task_id = consumer_ids(name, facts.dag_id)
    if dag_id == "*":
        return
    found = [dags[dag_id]] if dag_id in dags else [dags[each] for each in dags if matches(dag_id, each)]
    if not found:
        what = "no DAG matches the consumer" if is_pattern(dag_id) else "there is no DAG of the consumer"
        yield about_rule("EX113", facts, rule, name, f"{what} {short(name)}.", level=level)
    elif is_pattern(task_id):
        if not any(matches(task_id, each) for other in found for each in other.tasks):
            yield about_rule("EX107", facts, rule, name, f"no task matches the consumer {short(name)}.")
    elif not any(task_id in other.tasks for other in found):
        where = "no DAG that matches" if is_pattern(dag_id) else f"DAG {short(dag_id)}"
        what = f"the consumer {short(name)} does not exist: {where} has"
        what += " such a task." if is_pattern(dag_id) else f" no task {short(task_id)}."
        yield about_rule("EX101", facts, rule, name, what, remedy="Correct the id, or remove the consumer.")
