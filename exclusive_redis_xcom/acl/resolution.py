"""From the rules of a DAG to the one rule in force for one XCom, with its policy word resolved to consumers."""

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

#: How many rules the source of a combined rule names before it only counts them.
_NAMED_SOURCES = 5


def resolve(rule: Rule, coordinate: Coordinate, graph: DagGraph) -> Rule:
    """The rule for exactly this producer and key, with consumers instead of a word."""
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
    """The rule of one of multiple outputs, as it bears on the copy in `return_value`.

    A task that takes the whole dict in DAG code takes each output with it, so under `linked` it counts.
    """
    resolved = resolve(rule, coordinate, graph)
    if rule.consumers != LINKED:
        return resolved
    takes_all = graph.linked_to(coordinate.task_id, RETURN_KEY)
    return replace(resolved, consumers=tuple(sorted(takes_all.union(resolved.consumers))))


def combine_outputs(whole: Rule, outputs: Sequence[Rule], dag_id: str) -> Rule:
    """The rule for `return_value`, which copies all of `outputs`: no wider, and no longer, than any of them.

    It is read once if any of them is; its claim is its own, like that of every XCom.
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
    """The shortest TTL that is set; None if none is."""
    return min((ttl for ttl in ttls if ttl is not None), default=None)


def intersect(left: tuple[str, ...], right: tuple[str, ...], dag_id: str) -> tuple[str, ...]:
    """The consumers of each list that the other covers, in the order of `left`, then `right`.

    Two patterns that overlap without one containing the other (`a*`, `*b`) have nothing in common here: a
    text cannot say "both", and refusing is the safe side.
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
