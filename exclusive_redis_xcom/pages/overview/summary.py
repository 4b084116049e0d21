"""What the overview keeps of a DAG: how many keys have no rule, and which rules let tasks of other DAGs read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exclusive_redis_xcom.access import Access
from exclusive_redis_xcom.access.printable import cut
from exclusive_redis_xcom.acl.glob import is_pattern
from exclusive_redis_xcom.acl.rule import ANYONE, consumer_ids

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exclusive_redis_xcom.access import DagFacts
    from exclusive_redis_xcom.acl import Rule

_NAMED_KEYS = 3
_MOST_GRANTS = 5
_LONGEST = 80
_LONGEST_PLACE = 120


@dataclass(frozen=True, slots=True)
class WideGrant:
    """A consumer that stands for tasks of many DAGs.

    Attributes:
        rank: 0: all tasks of all DAGs. 1: some tasks of all DAGs. 2: tasks of all DAGs that match a pattern.
        consumer: The consumer or the policy word, as the rule has it.
        of: The XComs that the rule is about, as `task: key`.
        source: Where the rule was written.
    """

    rank: int
    consumer: str
    of: str
    source: str

    @property
    def names_dags(self) -> bool:
        """Whether the consumer has a part of DAGs' names."""
        return self.rank == 2


@dataclass(frozen=True, slots=True)
class Summary:
    """What is kept of one version of a DAG. All texts are cut, and can be shown.

    Attributes:
        xcoms: How many XComs of it are known.
        without_rule: How many of them have no rule.
        examples: Some of these, as `task: key`.
        wide: Its widest grants, the widest first.
        more_wide: How many more it has.
        is_unreadable: Whether its rules are wrong, or its form is not known. Nothing else is known then.
    """

    xcoms: int = 0
    without_rule: int = 0
    examples: tuple[str, ...] = ()
    wide: tuple[WideGrant, ...] = ()
    more_wide: int = 0
    is_unreadable: bool = False


def summary(facts: DagFacts) -> Summary:
    """Sum a DAG up."""
    grants = list(Access([facts]).grants())
    open_xcoms = [grant.xcom for grant in grants if not grant.rule.restricted]
    wide = sorted(_wide_grants(facts), key=lambda grant: grant.rank)
    return Summary(
        xcoms=len(grants),
        without_rule=len(open_xcoms),
        examples=tuple(cut(f"{each.task_id}: {each.key}", _LONGEST) for each in open_xcoms[:_NAMED_KEYS]),
        wide=tuple(wide[:_MOST_GRANTS]),
        more_wide=max(len(wide) - _MOST_GRANTS, 0),
    )


def _wide_grants(facts: DagFacts) -> Iterator[WideGrant]:
    for rule in facts.acl.rules:
        of = cut(f"{rule.producer or '*'}: {rule.key}", _LONGEST)
        for rank, consumer in _wide_consumers(rule, facts.dag_id):
            yield WideGrant(rank, cut(consumer, _LONGEST), of, cut(rule.source, _LONGEST_PLACE))


def _wide_consumers(rule: Rule, dag_id: str) -> Iterator[tuple[int, str]]:
    if isinstance(rule.consumers, str):
        if rule.consumers == ANYONE:
            yield 0, ANYONE
        return
    for name in rule.consumers:
        dag, task = consumer_ids(name, dag_id)
        if dag == "*":
            yield (0 if task == "*" else 1), name
        elif "/" in name and is_pattern(dag):
            yield 2, name
