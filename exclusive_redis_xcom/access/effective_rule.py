"""The effective rule of one XCom: who may read it, in a form that two versions of a set of DAGs can be compared by."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exclusive_redis_xcom.access.names import XComName
from exclusive_redis_xcom.access.task_patterns import is_covered
from exclusive_redis_xcom.acl.rule import DOWNSTREAM, LINKED, consumer_ids

if TYPE_CHECKING:
    from datetime import timedelta

    from exclusive_redis_xcom.access.facts import DagFacts
    from exclusive_redis_xcom.acl import Rule

#: What these words mean depends on the producer. All other consumers are the same for each XCom of a rule.
_OF_PRODUCER = (LINKED, DOWNSTREAM)
#: The key that stands for all keys of a task that no other key or pattern of keys stands for.
OTHER_KEYS = "*"


@dataclass(frozen=True, slots=True)
class EffectiveRule:
    """Who may read an XCom besides its producer, and under which conditions.

    Attributes:
        sure: The readers: `dag/task`, or patterns of that.
        unsure: Readers of whom it cannot be known. Code may compute the keys that `return_value` copies. Or a
            serialized DAG does not show all that its tasks take.
        ttl: How long a value is kept; None where the setting decides.
        same_run: Whether only tasks of the run that pushed it may read it.
        once: Whether only the first task instance that pulls it gets it.
        restricted: Whether a rule is about it. Then logs and rendered fields do not show its value.
        is_downstream: Whether `sure` is all that runs after the producer. A snapshot writes that in one line.
        source: The rule and its place, for people. A snapshot does not keep it.
    """

    sure: frozenset[str]
    unsure: frozenset[str] = frozenset()
    ttl: timedelta | None = None
    same_run: bool = False
    once: bool = False
    restricted: bool = True
    is_downstream: bool = field(default=False, compare=False)
    source: str | None = field(default=None, compare=False)

    @property
    def names(self) -> frozenset[str]:
        """All readers, known and unknown."""
        return self.sure | self.unsure if self.unsure else self.sure


class EffectiveRules:
    """The effective rules of one DAG's XComs.

    Args:
        facts: The DAG.
    """

    def __init__(self, facts: DagFacts) -> None:
        self._facts = facts
        self._of_rules: dict[Rule, EffectiveRule] = {}
        self._names: dict[tuple[str, ...], frozenset[str]] = {}

    def keys_of(self, task_id: str) -> list[str]:
        """Return the known keys of a task; if its code computes keys, those that its rules name or match, too."""
        found = set(self._facts.keys_of(task_id))
        if self._facts.tasks[task_id].computes_keys:
            found.add(OTHER_KEYS)
            found.update(rule.key for rule in self._facts.acl.rules_about(task_id))
        return sorted(found)

    def rule(self, task_id: str, key: str) -> EffectiveRule:
        """Return who may read an XCom of a task under the rules, whether or not the task is known to push it."""
        declared = self._facts.rule_for(task_id, key)
        xcom = XComName(self._facts.dag_id, task_id, key)
        if declared.consumers in _OF_PRODUCER or self._facts.is_narrowed(xcom, declared):
            return self._of_xcom(xcom, declared)
        known = self._of_rules.get(declared)
        if known is None:
            known = self._of_rules[declared] = self._of_xcom(xcom, declared)
        return known

    def _of_xcom(self, xcom: XComName, declared: Rule) -> EffectiveRule:
        facts = self._facts
        rule = facts.in_force(xcom)
        narrowed = facts.is_narrowed(xcom, declared)
        sure = self._whole(rule.consumers)
        all_names = sure.union(f"{facts.dag_id}/{task_id}" for task_id in facts.perhaps_linked(xcom))
        certain = facts.certain_consumers(xcom)
        if certain is not None:
            sure = frozenset(certain)
        return EffectiveRule(
            sure,
            frozenset(name for name in all_names - sure if not is_covered(name, sure)),
            rule.ttl,
            rule.same_run,
            rule.once,
            rule.restricted,
            declared.consumers == DOWNSTREAM and not narrowed,
            rule.source,
        )

    def _whole(self, consumers: tuple[str, ...]) -> frozenset[str]:
        """Return consumers as `dag/task`. The same tuple gives the same set, which costs memory once."""
        known = self._names.get(consumers)
        if known is None:
            pairs = (consumer_ids(name, self._facts.dag_id) for name in consumers)
            known = self._names[consumers] = frozenset(f"{dag_id}/{task_id}" for dag_id, task_id in pairs)
        return known
