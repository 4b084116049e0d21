"""What tasks take and push: EX114 and EX121 to EX123."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.access.answers import Verdict
from exclusive_redis_xcom.access.lint.findings import entry_of, finding, place_of, short
from exclusive_redis_xcom.access.lint.secret_names import is_secret_name
from exclusive_redis_xcom.access.names import TaskName, XComName
from exclusive_redis_xcom.acl.rule import ANYONE, NOBODY, SAME_DAG
from exclusive_redis_xcom.model import is_airflows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exclusive_redis_xcom.access.access import Access
    from exclusive_redis_xcom.access.facts import DagFacts, Pull, TaskFacts
    from exclusive_redis_xcom.access.finding import Finding
    from exclusive_redis_xcom.acl import Rule


def check_arguments(access: Access, facts: DagFacts) -> Iterator[Finding]:
    """Yield restricted values that tasks take as arguments or in templates (EX121)."""
    for (producer, key), consumers in sorted(facts.links.items()):
        if producer not in facts.tasks or is_airflows(key):
            continue
        rule = access.in_force(XComName(facts.dag_id, producer, key))
        if rule.restricted:
            level = "warning" if is_secret_name(key) else None
            file, line = place_of(rule, facts)
            for consumer in sorted(consumers):
                message = f"{consumer} takes the restricted key {short(key)} of {producer} as an argument or template."
                subject = f"{consumer} takes {producer}:{key}"
                yield finding("EX121", facts.dag_id, message, subject, file, line, level=level)


def check_pulls(access: Access, facts: DagFacts) -> Iterator[Finding]:
    """Yield pulls that are refused (EX122), and pulls from tasks that do not exist (EX123)."""
    for task in facts.tasks.values():
        for pull in task.pulls:
            if pull.task_id is None or pull.dag_id not in access.dags:
                continue
            if pull.task_id not in access.dags[pull.dag_id].tasks:
                yield _unknown(facts, task, pull, pull.task_id)
            elif pull.key is not None:
                yield from _refused(access, facts, task, XComName(pull.dag_id, pull.task_id, pull.key), pull)


def _unknown(facts: DagFacts, task: TaskFacts, pull: Pull, producer: str) -> Finding:
    message = f"{task.task_id} pulls from {short(producer)}, which is no task of DAG {short(pull.dag_id)}."
    subject = f"{task.task_id} pulls from {pull.dag_id}/{producer}"
    return finding("EX123", facts.dag_id, message, subject, facts.file, pull.line)


def _refused(access: Access, facts: DagFacts, task: TaskFacts, xcom: XComName, pull: Pull) -> Iterator[Finding]:
    answer = access.can_pull(TaskName(facts.dag_id, task.task_id), xcom)
    if answer.verdict is Verdict.NO:
        producer = xcom.task_id if xcom.dag_id == facts.dag_id else f"{xcom.dag_id}/{xcom.task_id}"
        message = f"{task.task_id} pulls {short(xcom.key)} of {producer}, and may not: {answer.reason}."
        subject = f"{task.task_id} pulls {xcom}"
        file, line = facts.file, pull.line
        if line is None and answer.rule is not None and xcom.dag_id == facts.dag_id:
            file, line = place_of(answer.rule, facts)
        yield finding("EX122", facts.dag_id, message, subject, file, line)


def check_secret_names(facts: DagFacts) -> Iterator[Finding]:
    """Yield keys that are named like secrets and have no rule (EX114)."""
    lines = {
        (pull.task_id, pull.key): pull.line
        for task in facts.tasks.values()
        for pull in task.pulls
        if pull.dag_id == facts.dag_id and pull.task_id in facts.tasks and pull.key is not None
    }
    keys = {(task_id, key) for task_id in facts.tasks for key in facts.keys_of(task_id)}
    for task_id, key in sorted({*keys, *lines}):
        assert task_id is not None and key is not None  # noqa: S101, PT018 - see above
        rule = facts.acl.rule_for(task_id, key)
        if is_secret_name(key) and not is_airflows(key) and _is_open(rule, facts):
            who = f"{entry_of(rule)} ({rule.consumers})" if isinstance(rule.consumers, str) else entry_of(rule)
            message = f"the key {short(key)} of {task_id} is named like a secret, and only {who} is about it."
            line = lines.get((task_id, key))
            yield finding("EX114", facts.dag_id, message, f"{task_id}:{key}", facts.file, line)


def _is_open(rule: Rule, facts: DagFacts) -> bool:
    """Tell whether nothing but a default decides, and it lets others read."""
    if rule.restricted or rule.consumers == NOBODY:
        return False
    return rule not in facts.acl.rules or rule.consumers in (SAME_DAG, ANYONE)
