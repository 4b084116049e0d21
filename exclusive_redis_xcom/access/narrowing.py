"""Whether the rules of multiple outputs narrow who may pull the copy of all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.model import RETURN_KEY

if TYPE_CHECKING:
    from exclusive_redis_xcom.access.facts import DagFacts
    from exclusive_redis_xcom.access.names import XComName
    from exclusive_redis_xcom.acl import Rule


def is_narrowed(facts: DagFacts, xcom: XComName, rule: Rule) -> bool:
    """Tell whether an XCom copies multiple outputs, and its declared rule lets their rules narrow it."""
    return facts.tasks[xcom.task_id].multiple_outputs and xcom.key == RETURN_KEY != rule.key
