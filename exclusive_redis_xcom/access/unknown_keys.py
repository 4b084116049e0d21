"""Keys that task code computes. Nobody can list them, but rules for patterns of keys still decide about them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from exclusive_redis_xcom.access.names import TaskName
from exclusive_redis_xcom.acl import Acl, decide
from exclusive_redis_xcom.acl.glob import STAR, is_pattern
from exclusive_redis_xcom.model import Coordinate, Principal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from exclusive_redis_xcom.access.access import Access
    from exclusive_redis_xcom.access.facts import DagFacts
    from exclusive_redis_xcom.acl import Rule

_RUN = "run"


def may_push_more(access: Access, consumer: TaskName) -> list[TaskName]:
    """Return the other tasks whose code may push keys that are not known, if the consumer may pull some of these."""
    return [
        TaskName(facts.dag_id, task.task_id)
        for _, facts in sorted(access.dags.items())
        for task in facts.tasks.values()
        if task.computes_keys
        and consumer != (facts.dag_id, task.task_id)
        and any(_allows(rule, facts, consumer, task.task_id) for rule in _for_any_key(facts, task.task_id))
    ]


def unlisted(access: Access, dag_ids: Collection[str] | None = None) -> list[TaskName]:
    """Return the tasks whose code may push keys that are not known, if anybody else may pull some of these.

    Args:
        access: The DAGs.
        dag_ids: The DAGs that are meant; None for all.
    """
    return [
        TaskName(facts.dag_id, task.task_id)
        for _, facts in sorted(access.dags.items())
        if dag_ids is None or facts.dag_id in dag_ids
        for task in facts.tasks.values()
        if task.computes_keys
        and any(_has_readers(rule, facts, task.task_id) for rule in _for_any_key(facts, task.task_id))
    ]


def _for_any_key(facts: DagFacts, task_id: str) -> Iterator[Rule]:
    """Yield the rules that may decide about a key that no rule names."""
    for rule in facts.acl.rules_about(task_id):
        if is_pattern(rule.key):
            yield rule
            if rule.key == STAR:
                return
    yield Acl(facts.dag_id, (), facts.acl.default).rule_for(task_id, STAR)


def _allows(rule: Rule, facts: DagFacts, consumer: TaskName, task_id: str) -> bool:
    at, acl = _alone(rule, facts, task_id)
    return decide(acl, at, Principal(*consumer, _RUN, -1)).allowed


def _has_readers(rule: Rule, facts: DagFacts, task_id: str) -> bool:
    consumers = _alone(rule, facts, task_id)[1].consumers
    return len(facts.tasks) > 1 if consumers == (STAR,) else bool(consumers)


def _alone(rule: Rule, facts: DagFacts, task_id: str) -> tuple[Coordinate, Acl]:
    """Return an XCom of the task that no rule names, and what is in force for it if this rule decides."""
    at = Coordinate(facts.dag_id, _RUN, task_id, STAR)
    acl = Acl(facts.dag_id, (replace(rule, producer=None, key=STAR),), facts.acl.default)
    return at, acl.in_force(at, facts.graph)
