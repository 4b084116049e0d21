"""What adds to a rule: multiple outputs narrow who may pull their copy, and links may be there that nobody sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.acl import LINKED
from exclusive_redis_xcom.model import RETURN_KEY

if TYPE_CHECKING:
    from exclusive_redis_xcom.access.facts import DagFacts
    from exclusive_redis_xcom.access.names import XComName
    from exclusive_redis_xcom.acl import Rule


def is_narrowed(facts: DagFacts, xcom: XComName, rule: Rule) -> bool:
    """Tell whether an XCom copies multiple outputs, and its declared rule lets their rules narrow it."""
    return facts.tasks[xcom.task_id].multiple_outputs and xcom.key == RETURN_KEY != rule.key


def perhaps_linked(facts: DagFacts, xcom: XComName) -> frozenset[str]:
    """Return the tasks that may be linked to an XCom, although no link is known, if `linked` decides about it."""
    if not facts.unread:
        return facts.unread
    task, rule = facts.tasks[xcom.task_id], facts.acl.rule_for(xcom.task_id, xcom.key)
    rules = [rule]
    if is_narrowed(facts, xcom, rule):
        rules += [facts.acl.rule_for(xcom.task_id, key) for key in task.outputs or ()]
    return facts.unread if any(each.consumers == LINKED for each in rules) else frozenset()
