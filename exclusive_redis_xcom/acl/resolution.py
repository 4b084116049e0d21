"""Resolve a rule of a DAG to the rule in force for one XCom, with consumers in place of a policy word."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from exclusive_redis_xcom.acl.glob import covers, is_pattern
from exclusive_redis_xcom.acl.rule import DOWNSTREAM, FIXED_WORDS, LINKED, DagGraph, Rule, consumer_ids
from exclusive_redis_xcom.model import RETURN_KEY

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import timedelta

    from exclusive_redis_xcom.model import Coordinate

#: How many rules the source of a combined rule names. Further rules are only counted.
_NAMED_SOURCES = 5


def resolve(rule: Rule, coordinate: Coordinate, graph: DagGraph) -> Rule:
    """Return the rule for exactly this producer and key, with consumers in place of a policy word."""
    consumers = rule.consumers
    if isinstance(consumers, str):
        consumers = _resolve_word(consumers, coordinate, graph)
    return replace(rule, producer=coordinate.task_id, key=coordinate.key, consumers=consumers, exact=True)


def _resolve_word(word: str, coordinate: Coordinate, graph: DagGraph) -> tuple[str, ...]:
    if word == LINKED:
        return tuple(sorted(graph.linked_to(coordinate.task_id, coordinate.key)))
    if word == DOWNSTREAM:
        return tuple(sorted(graph.downstream_of(coordinate.task_id)))
    return FIXED_WORDS[word]


def resolve_output(rule: Rule, coordinate: Coordinate, graph: DagGraph) -> Rule:
    """Return the rule of one of multiple outputs, as it applies to the copy in `return_value`.

    A task that takes the whole dict in DAG code takes each output too. So `linked` includes that task.
    """
    resolved = resolve(rule, coordinate, graph)
    if rule.consumers != LINKED:
        return resolved
    takes_all = graph.linked_to(coordinate.task_id, RETURN_KEY)
    return replace(resolved, consumers=tuple(sorted(takes_all.union(resolved.consumers))))


def combine_outputs(whole: Rule, outputs: Sequence[Rule], dag_id: str) -> Rule:
    """Return the rule for `return_value`, which copies all of `outputs`.

    The copy has only consumers that every output has, and the shortest TTL of all outputs. It is read once if any
    output is; like every XCom, it has a claim of its own.
    """
    rules = [whole, *outputs]
    consumers = _tuple(whole)
    for output in outputs:
        consumers = intersect(consumers, _tuple(output), dag_id)
    sources = list(dict.fromkeys(rule.source for rule in rules))
    return replace(
        whole,
        consumers=consumers,
        ttl=shortest(rule.ttl for rule in rules),
        same_run=any(rule.same_run for rule in rules),
        once=any(rule.once for rule in rules),
        restricted=any(rule.restricted for rule in rules),
        source=f"multiple_outputs, intersection of {_list_sources(sources)}",
    )


def shortest(ttls: Iterable[timedelta | None]) -> timedelta | None:
    """Return the shortest TTL that is set; None if none is set."""
    return min((ttl for ttl in ttls if ttl is not None), default=None)


def intersect(left: tuple[str, ...], right: tuple[str, ...], dag_id: str) -> tuple[str, ...]:
    """Return the consumers of each list that the other list covers, in the order of `left`, then `right`.

    Two patterns that overlap, while neither contains the other (`a*`, `*b`), have nothing in common here. No text can
    say "both", and to refuse is the safe choice.
    """
    kept = [consumer for consumer in left if _covered(consumer, right, dag_id)]
    kept += [consumer for consumer in right if _covered(consumer, left, dag_id)]
    return tuple(dict.fromkeys(kept))


def _covered(consumer: str, by: tuple[str, ...], dag_id: str) -> bool:
    dag, task = consumer_ids(consumer, dag_id)
    return consumer in by or any(
        covers(other_dag, dag) and covers(other_task, task)
        for other_dag, other_task in (consumer_ids(other, dag_id) for other in by if is_pattern(other) or "/" in other)
    )


def _tuple(rule: Rule) -> tuple[str, ...]:
    assert not isinstance(rule.consumers, str), "only resolved rules are combined"  # noqa: S101 - a programming error
    return rule.consumers


def _list_sources(sources: list[str]) -> str:
    shown = ", ".join(sources[:_NAMED_SOURCES])
    more = len(sources) - _NAMED_SOURCES
    return shown if more <= 0 else f"{shown} and {more} more"
