"""All rules for an XCom, and which of them decides. With a consumer, the answer about it, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from exclusive_redis_xcom.acl import Acl
from exclusive_redis_xcom.model import is_airflows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exclusive_redis_xcom.access.access import Access
    from exclusive_redis_xcom.access.answers import Answer
    from exclusive_redis_xcom.access.names import TaskName, XComName
    from exclusive_redis_xcom.acl import Rule


class Explanation(NamedTuple):
    """An XCom's rules in order of precedence. The first one decides; none does about Airflow's own keys.

    Attributes:
        xcom: The XCom.
        rules: The rules, as they were declared. The last one is that of the setting `default_consumers`.
        in_force: The rule that decides, with its consumers resolved; None for Airflow's own keys.
        answer: Whether the consumer may pull it; None if nobody was named.
    """

    xcom: XComName
    rules: Sequence[Rule]
    in_force: Rule | None
    answer: Answer | None


def explain(access: Access, xcom: XComName, consumer: TaskName | None) -> Explanation:
    """Explain an XCom's rules.

    Raises:
        UndecidedError: As for `Access.can_pull`.
    """
    in_force = access.in_force(xcom)
    answer = None if consumer is None else access.can_pull(consumer, xcom)
    if is_airflows(xcom.key):
        return Explanation(xcom, (), None, answer)
    acl = access.dags[xcom.dag_id].acl
    rules = [rule for rule in acl.rules if rule.selects(xcom.task_id, xcom.key)]
    last = Acl(acl.dag_id, (), acl.default).rule_for(xcom.task_id, xcom.key)
    return Explanation(xcom, [*rules, last], in_force, answer)
