"""Names of DAGs and tasks that a user may not read. The page shows how many there are, and nothing else of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from exclusive_redis_xcom.access.reader_groups import ReaderGroup
from exclusive_redis_xcom.acl.glob import STAR, is_pattern
from exclusive_redis_xcom.acl.rule import consumer_ids
from exclusive_redis_xcom.pages.hidden_count import hidden

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exclusive_redis_xcom.access import DagFacts
    from exclusive_redis_xcom.access.changes import Change
    from exclusive_redis_xcom.acl import Rule
    from exclusive_redis_xcom.pages.user import Readable


class Names:
    """Which names around one DAG a user may see: those of the DAG itself, and of DAGs that the user may read.

    Args:
        dag_id: The DAG.
        readable: What the user may read.
    """

    def __init__(self, dag_id: str, readable: Readable) -> None:
        self._dag_id, self._readable = dag_id, readable

    def shows(self, dag_id: str) -> bool:
        """Tell whether the user may see the name of a DAG, or a pattern of such names. A star alone names nobody."""
        return dag_id in (self._dag_id, STAR) or self._readable.shows(dag_id)

    def shows_consumer(self, name: str) -> bool:
        """Tell the same of a consumer, as the DAG's rules name it."""
        return self.shows(consumer_ids(name, self._dag_id)[0])

    def consumers(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return consumers of a rule. Those that stay hidden become one text that tells their number."""
        names = tuple(names)
        shown = tuple(filter(self.shows_consumer, names))
        others = [name for name in names if not self.shows_consumer(name)]
        return (*shown, counted(others)) if others else shown

    def short(self, name: str) -> str:
        """Name a task of the DAG without the DAG, and any other one as `dag/task`."""
        return name.removeprefix(f"{self._dag_id}/")

    def rule(self, rule: Rule) -> Rule:
        """Return a rule with these consumers."""
        return rule if isinstance(rule.consumers, str) else replace(rule, consumers=self.consumers(rule.consumers))

    def change(self, change: Change) -> Change:
        """Return a change with its readers in the same way."""
        others = [each.name for each in change.readers if not self.shows(each.name.partition("/")[0])]
        if not others:
            return change
        shown = tuple(each for each in change.readers if each.name not in others)
        return replace(change, readers=(*shown, ReaderGroup(counted(others))))

    def hidden_in(self, facts: DagFacts) -> frozenset[str]:
        """Return the names of DAGs in the rules of the DAG that stay hidden."""
        return frozenset(name for name in foreign_dags(facts) if not self.shows(name))


def foreign_dags(facts: DagFacts) -> frozenset[str]:
    """Return the other DAGs, and patterns of DAGs, that the consumers of a DAG's rules are in."""
    found = {
        consumer_ids(name, facts.dag_id)[0]
        for rule in facts.acl.rules
        if not isinstance(rule.consumers, str)
        for name in rule.consumers
    }
    return frozenset(found - {facts.dag_id})


def counted(names: Iterable[str]) -> str:
    """Say how many tasks, and patterns of tasks, stay hidden."""
    names = list(names)
    patterns = sum(map(is_pattern, names))
    return hidden(len(names) - patterns, patterns)
