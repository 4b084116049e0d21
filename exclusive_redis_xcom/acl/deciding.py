"""The decision: one pure function. Nothing else in this package grants access."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.acl.rule import FIXED_WORDS, Rule, describe_consumers, matching_consumer
from exclusive_redis_xcom.model import Decision

if TYPE_CHECKING:
    from exclusive_redis_xcom.acl.acl import Acl
    from exclusive_redis_xcom.model import Coordinate, Principal


def decide(acl: Acl | None, coordinate: Coordinate, principal: Principal | None) -> Decision:
    """Decide whether the principal may read the XCom. In doubt it may not.

    The order of rules is in docs/reference/acl.md, "Which rule decides".

    Args:
        acl: The ACL of a DAG, or an ACL in force; None where there is none, or where it cannot be read.
        coordinate: The XCom asked for.
        principal: Who asks; None where that is not known.
    """
    if principal is None:
        return _refused("the identity of the reading task cannot be established")
    if acl is None:
        return _refused("no readable ACL is stored with the value")
    rule = acl.rule_for(coordinate.task_id, coordinate.key)
    if acl.dag_id != coordinate.dag_id or (_in_force(acl) and rule is not acl.rules[0]):
        return _refused("the ACL belongs to another XCom")
    if (principal.dag_id, principal.task_id) == (coordinate.dag_id, coordinate.task_id):
        return Decision(True, "a task may read its own XComs")
    return _by_rule(rule, coordinate, principal)


def _by_rule(rule: Rule, coordinate: Coordinate, principal: Principal) -> Decision:
    consumers = FIXED_WORDS.get(rule.consumers) if isinstance(rule.consumers, str) else rule.consumers
    if consumers is None:
        return _refused(f"{rule.source} needs the DAG's graph, which is not known here", rule.source)
    consumer = matching_consumer(consumers, coordinate.dag_id, principal)
    if consumer is None:
        return _refused(f"{rule.source} allows only {describe_consumers(consumers, coordinate.dag_id)}", rule.source)
    if rule.same_run and principal.run_id is None:
        return _refused(f"{rule.source} needs the same run, and the reader's run is not known", rule.source)
    if rule.same_run and principal.run_id != coordinate.run_id:
        return _refused(f"{rule.source} allows '{consumer}' only within the run that pushed the value", rule.source)
    return Decision(True, f"{rule.source} allows '{consumer}'", rule.source)


def _in_force(acl: Acl) -> bool:
    return bool(acl.rules) and acl.rules[0].exact


def _refused(reason: str, source: str | None = None) -> Decision:
    return Decision(False, reason, source)
