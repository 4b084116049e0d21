"""Find the rules that may select an XCom, without asking all rules. A DAG may have thousands of both.

The order of the rules stays theirs: of several rules that select an XCom, the first one is found.
"""

from __future__ import annotations

from heapq import merge
from typing import TYPE_CHECKING

from exclusive_redis_xcom.acl.glob import is_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from exclusive_redis_xcom.acl.rule import Rule


class RuleIndex:
    """The places of rules in a sequence, by what they name.

    Args:
        rules: The rules.
    """

    __slots__ = ("_by_key", "_by_producer", "_exact", "_general", "_of_producer", "_others", "_rules")

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._exact: dict[tuple[str, str], int] = {}
        #: Rules with one producer: those with a pattern of keys, and all.
        self._by_producer: dict[str, list[int]] = {}
        self._of_producer: dict[str, list[int]] = {}
        #: All other rules, then those of them with one key, and those with a pattern of keys.
        self._general: list[int] = []
        self._by_key: dict[str, list[int]] = {}
        self._others: list[int] = []
        for place, rule in enumerate(rules):
            self._add(place, rule)

    def _add(self, place: int, rule: Rule) -> None:
        producer, is_one_key = rule.producer, rule.exact or not is_pattern(rule.key)
        if producer is None or (is_pattern(producer) and not rule.exact):
            self._general.append(place)
            (self._by_key.setdefault(rule.key, []) if is_one_key else self._others).append(place)
            return
        self._of_producer.setdefault(producer, []).append(place)
        if is_one_key:
            self._exact.setdefault((producer, rule.key), place)
        else:
            self._by_producer.setdefault(producer, []).append(place)

    def first(self, task_id: str, key: str) -> Rule | None:
        """Return the first rule that selects an XCom; None if none does."""
        rules = self._rules
        found = self._exact.get((task_id, key), len(rules))
        for places in (self._by_producer.get(task_id, ()), self._by_key.get(key, ()), self._others):
            for place in places:
                if place >= found:
                    break
                if rules[place].selects(task_id, key):
                    found = place
                    break
        return rules[found] if found < len(rules) else None

    def about(self, task_id: str) -> Iterator[Rule]:
        """Yield all rules that may select an XCom of a task, in their order."""
        for place in merge(self._of_producer.get(task_id, ()), self._general):
            if self._rules[place].is_about(task_id):
                yield self._rules[place]
