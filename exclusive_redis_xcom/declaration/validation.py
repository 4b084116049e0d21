"""Check an ACL against its DAG: find ids that do not exist, and consumers that could never read."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exclusive_redis_xcom.acl import POLICY_WORDS
from exclusive_redis_xcom.acl.glob import is_pattern
from exclusive_redis_xcom.declaration.task_names import MOST_COMPARED, TaskNames, TooManyComparedError
from exclusive_redis_xcom.errors import InvalidAcl
from exclusive_redis_xcom.first_line import of_dag

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from exclusive_redis_xcom.acl import Acl, DagGraph, Rule
    from exclusive_redis_xcom.first_line import Shorten

#: How many task ids a message lists where none resembles the unknown one.
_LISTED = 10

#: How many warnings of one DAG are given. Further warnings are only counted.
_MOST_WARNINGS = 100


class AclWarning(UserWarning):
    """An `xcom_acl` is valid, but its author probably meant something else."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a rule, or looks wrong.

    Attributes:
        fault: The kind of mistake, for programs, as in `InvalidAcl.fault`. Problems that are only warned about have
            further kinds: `unrelated-consumer` and `task-as-key`.
        rule: The rule.
        decision: Words what is wrong. It gets a function that shortens one name.
        remedy: What to do, in one or more sentences; "" where the decision says it.
        name: The consumer or producer that is wrong; the key where neither is.
        refuses: Whether the DAG is refused, and not only warned about.
    """

    fault: str
    rule: Rule
    decision: Callable[[Shorten], str]
    remedy: str
    name: str
    refuses: bool = True


def check(acl: Acl, graph: DagGraph) -> list[str]:
    """Check every rule against the DAG.

    Returns:
        Warnings. Each names the DAG and the entry.

    Raises:
        InvalidAcl: A task id is unknown, or a consumer runs before every task whose XComs the rule is about. Or the
            patterns take too long to check.
    """
    warnings: list[str] = []
    more = 0
    for problem in problems(acl, graph):
        if problem.refuses:
            raise _refusal(acl.dag_id, problem)
        if len(warnings) < _MOST_WARNINGS:
            what = f"{problem.decision(str)} {problem.remedy}".strip()
            warnings.append(f"DAG '{acl.dag_id}', {problem.rule.source}: {what}")
        else:
            more += 1
    return warnings + ([f"DAG '{acl.dag_id}', xcom_acl: there are {more} more warnings."] if more else [])


def problems(acl: Acl, graph: DagGraph) -> Iterator[Problem]:
    """Yield what is wrong with each rule, or looks wrong.

    Raises:
        InvalidAcl: The patterns take too long to check.
    """
    checker = _Checker(graph)
    try:
        for rule in acl.rules:
            yield from checker.rule(rule)
    except TooManyComparedError:
        first = of_dag(acl.dag_id, lambda _: "the patterns of its rules take too long to check.")
        raise InvalidAcl(
            f"{first}\n"
            f"Their parts are compared with task ids more than {MOST_COMPARED} times, each time the file is parsed.\n"
            f"Write fewer patterns, or let them begin with more of the ids.\nDAG '{acl.dag_id}'."
        ) from None


def _refusal(dag_id: str, problem: Problem) -> InvalidAcl:
    first = of_dag(dag_id, problem.decision)
    error = InvalidAcl(f"{first}\nThe rule is {problem.rule.source} of DAG '{dag_id}'.\n{problem.remedy}")
    error.fault = problem.fault
    return error


class _Checker:
    def __init__(self, graph: DagGraph) -> None:
        self._graph = graph
        self._task_ids = graph.task_ids
        self._names = TaskNames(self._task_ids)

    def rule(self, rule: Rule) -> Iterator[Problem]:
        if rule.producer is None:
            producers = self._task_ids
            yield from self._maybe_a_producer(rule)
        else:
            producers = self._names.matching(rule.producer)
            if not producers:
                yield self._no_producer(rule, rule.producer)
                return
        if isinstance(rule.consumers, str):
            return
        for consumer in rule.consumers:
            if "/" in consumer:
                continue  # The task belongs to another DAG. Only the file of that DAG knows its tasks.
            if is_pattern(consumer):
                yield from self._pattern(rule, consumer, producers)
            else:
                yield from self._task(rule, consumer, producers)

    def _no_producer(self, rule: Rule, producer: str) -> Problem:
        if is_pattern(producer):
            return Problem(
                "no-match",
                rule,
                lambda short: f"the producer pattern '{short(producer)}' matches no task of this DAG.",
                _list(self._task_ids),
                producer,
            )
        return Problem(
            "unknown-task",
            rule,
            lambda short: f"the producer '{short(producer)}' is not a task of this DAG.",
            _advice(producer, self._task_ids),
            producer,
        )

    def _maybe_a_producer(self, rule: Rule) -> Iterator[Problem]:
        key = rule.key
        if key != "*" and is_pattern(key) and self._names.matching(key):
            yield Problem(
                "task-as-key",
                rule,
                lambda _: f"here '{key}' is a pattern of XCom keys of any task, but it also matches tasks of this DAG.",
                f"For the producers it matches, write {{'{key}': {{'*': ...}}}}; for keys, write "
                f"{{'*': {{'{key}': ...}}}}.",
                key,
                refuses=False,
            )

    def _pattern(self, rule: Rule, consumer: str, producers: frozenset[str]) -> Iterator[Problem]:
        found = self._names.matching(consumer)
        if not found:
            what = f"the consumer pattern '{consumer}' matches no task of this DAG."
            yield Problem("no-match", rule, lambda _: what, "", consumer, refuses=False)
        elif consumer != "*" and all(self._runs_before(task_id, producers) for task_id in found):
            what = f"all tasks that the consumer pattern '{consumer}' matches run before {_name(rule)}."
            yield Problem("upstream-consumer", rule, lambda _: what, "", consumer, refuses=False)

    def _task(self, rule: Rule, consumer: str, producers: frozenset[str]) -> Iterator[Problem]:
        if consumer not in self._task_ids:
            yield self._no_consumer(rule, consumer)
        elif self._runs_before(consumer, producers):
            yield Problem(
                "upstream-consumer",
                rule,
                lambda short: f"the consumer {short(consumer)} can never run after {_name(rule, short)}.",
                "The consumer is upstream. Remove it from the rule, or reverse the dependency.",
                consumer,
            )
        elif self._others(consumer, producers) and producers.isdisjoint(self._graph.upstream_of(consumer)):
            yield Problem(
                "unrelated-consumer",
                rule,
                lambda _: (
                    f"the consumer '{consumer}' is not downstream of {_name(rule)}, so it may run before the value is "
                    "pushed."
                ),
                "Set the dependency.",
                consumer,
                refuses=False,
            )

    def _no_consumer(self, rule: Rule, consumer: str) -> Problem:
        if consumer in POLICY_WORDS:
            return Problem(
                "unknown-word",
                rule,
                lambda short: f"'{short(consumer)}' is a policy word, and a list names tasks.",
                f"Write it without the list: '{consumer}'.",
                consumer,
            )
        return Problem(
            "unknown-task",
            rule,
            lambda short: f"the consumer '{short(consumer)}' is not a task of this DAG.",
            f"{_advice(consumer, self._task_ids, POLICY_WORDS)} For a task of another DAG, write 'dag_id/{consumer}'.",
            consumer,
        )

    def _runs_before(self, consumer: str, producers: frozenset[str]) -> bool:
        # No task runs before itself. Most comparisons end with the numbers, so no set is copied.
        others, later = self._others(consumer, producers), self._graph.downstream_of(consumer)
        return 0 < others <= len(later) and producers - {consumer} <= later

    def _others(self, consumer: str, producers: frozenset[str]) -> int:
        return len(producers) - (consumer in producers)


def _name(rule: Rule, short: Shorten = str) -> str:
    if rule.producer is None:
        return "another task of this DAG"
    if is_pattern(rule.producer):
        return f"any task that '{short(rule.producer)}' matches"
    return f"its producer '{short(rule.producer)}'"


def _advice(name: str, task_ids: Collection[str], words: Collection[str] = ()) -> str:
    inside_groups = sorted(task_id for task_id in task_ids if task_id.endswith(f".{name}"))
    close = inside_groups or difflib.get_close_matches(name, sorted(task_ids), n=1)
    if close:
        return f"Did you mean '{close[0]}'?"
    word = difflib.get_close_matches(name.lower(), words, n=1)
    if word:
        return f"Did you mean the policy word '{word[0]}'? Write it without the list."
    return _list(task_ids)


def _list(task_ids: Collection[str]) -> str:
    listed = ", ".join(f"'{task_id}'" for task_id in sorted(task_ids)[:_LISTED])
    more = len(task_ids) - _LISTED
    return f"The DAG's tasks are {listed}{f' and {more} more' if more > 0 else ''}."
