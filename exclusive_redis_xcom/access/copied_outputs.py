"""Who may read `return_value` for certain, where it copies multiple outputs and nobody knows their keys.

A push lets those consumers read the copy who may read every output. So whoever may do so under each choice of keys, and
in each order of them, may do so for certain.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from math import prod
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from exclusive_redis_xcom.acl import Acl
from exclusive_redis_xcom.acl.glob import STAR, covers, is_pattern
from exclusive_redis_xcom.acl.resolution import resolve, resolve_output
from exclusive_redis_xcom.acl.rule import consumer_ids
from exclusive_redis_xcom.model import RETURN_KEY, Coordinate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from exclusive_redis_xcom.acl import Rule
    from exclusive_redis_xcom.acl.rule import DagGraph

#: A consumer as (DAG, task); each may be a pattern.
_Name: TypeAlias = tuple[str, str]
#: So many ways to choose a pattern of each rule are tried for one consumer. Beyond that, nothing is certain.
_MOST_WAYS = 1000


def certain_consumers(acl: Acl, graph: DagGraph, task_id: str) -> tuple[str, ...]:
    """Return the consumers, as `dag/task`, who may read the copy whatever the outputs are.

    Args:
        acl: The DAG's rules.
        graph: The DAG's graph.
        task_id: The producer.
    """
    at = Coordinate(acl.dag_id, "", task_id, RETURN_KEY)
    declared = [acl.rule_for(task_id, RETURN_KEY), *_of_outputs(acl, task_id)]
    whole = _List.of(resolve(declared[0], at, graph), acl.dag_id)
    outputs = [
        _List.of(resolve_output(rule, at if is_pattern(rule.key) else replace(at, key=rule.key), graph), acl.dag_id)
        for rule in dict.fromkeys(declared[1:])
    ]
    found = dict.fromkeys(name for each in (whole, *outputs) for name in each.names())
    certain: Iterable[_Name] = (name for name in found if _is_certain(name, whole, outputs))
    if any(rule.same_run for rule in declared):
        # A task of another DAG is rarely in a run of the same id.
        certain = dict.fromkeys((acl.dag_id, task) for dag, task in certain if covers(dag, acl.dag_id))
    return tuple(f"{dag}/{task}" for dag, task in certain)


def _of_outputs(acl: Acl, task_id: str) -> Iterator[Rule]:
    """Yield the rules that may decide about an output of a task."""
    for rule in acl.rules_about(task_id):
        yield rule
        if rule.key == STAR:
            return  # no other rule decides about any key
    yield Acl(acl.dag_id, (), acl.default).rule_for(task_id, STAR)


class _List(NamedTuple):
    """The consumers of one rule."""

    exact: frozenset[_Name]
    patterns: tuple[_Name, ...]

    @classmethod
    def of(cls, rule: Rule, dag_id: str) -> _List:
        names = [consumer_ids(name, dag_id) for name in rule.consumers]
        patterns = tuple(name for name in names if _is_pattern(name))
        return cls(frozenset(names).difference(patterns), patterns)

    def names(self) -> Iterator[_Name]:
        yield from sorted(self.exact)
        yield from self.patterns

    def covering(self, name: _Name) -> list[_Name]:
        """Return the names here that cover another name. The name itself is enough: all that cover it cover it."""
        return [name] if name in self.exact else [each for each in self.patterns if _covers(each, name)]


def _is_certain(name: _Name, whole: _List, outputs: Sequence[_List]) -> bool:
    """Tell whether a name is left, whichever of the lists are combined with the first one.

    Of two lists, a combination keeps what either covers of the other. Some names that cover this one must form a row,
    in which each covers the next. Then the smallest of them so far is always kept.
    """
    covering = [each.covering(name) for each in (whole, *outputs)]
    if not all(covering) or prod(map(len, covering)) > _MOST_WAYS:
        return False
    return any(_is_kept(name, *way) for way in product(*covering))


def _is_kept(name: _Name, first: _Name, *others: _Name) -> bool:
    """Tell whether the name is the smallest in a row of names that begins with the first one."""
    smaller = [each for each in dict.fromkeys(others) if not _covers(each, first)]
    if not all(_covers(first, each) for each in smaller):
        return False
    row = all(_covers(one, other) or _covers(other, one) for one, other in product(smaller, repeat=2))
    return row and name in (first, *smaller) and all(_covers(each, name) for each in (first, *smaller))


def _covers(one: _Name, other: _Name) -> bool:
    return covers(one[0], other[0]) and covers(one[1], other[1])


def _is_pattern(name: _Name) -> bool:
    return is_pattern(name[0]) or is_pattern(name[1])
