"""Check an ACL against its DAG: find ids that do not exist, and consumers that could never read."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, NoReturn

from exclusive_redis_xcom.acl import POLICY_WORDS
from exclusive_redis_xcom.acl.glob import is_pattern
from exclusive_redis_xcom.declaration.task_names import MOST_COMPARED, TaskNames, TooManyComparedError
from exclusive_redis_xcom.errors import InvalidAcl
from exclusive_redis_xcom.first_line import of_dag

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from exclusive_redis_xcom.acl import Acl, DagGraph, Rule
    from exclusive_redis_xcom.first_line import Shorten

#: How many task ids a message lists where none resembles the unknown one.
_LISTED = 10

#: How many warnings of one DAG are given. Further warnings are only counted.
_MOST_WARNINGS = 100


class AclWarning(UserWarning):
    """An `xcom_acl` is valid, but its author probably meant something else."""


def check(acl: Acl, graph: DagGraph) -> list[str]:
    """Check every rule against the DAG.

    Returns:
        Warnings. Each names the DAG and the entry.

    Raises:
        InvalidAcl: A task id is unknown, or a consumer runs before every task whose XComs the rule is about. Or the
            patterns take too long to check.
    """
    checker = _Checker(acl.dag_id, graph)
    try:
        for rule in acl.rules:
            checker.rule(rule)
    except TooManyComparedError:
        first = of_dag(acl.dag_id, lambda _: "the patterns of its rules take too long to check.")
        raise InvalidAcl(
            f"{first}\n"
            f"Their parts are compared with task ids more than {MOST_COMPARED} times, each time the file is parsed.\n"
            f"Write fewer patterns, or let them begin with more of the ids.\nDAG '{acl.dag_id}'."
        ) from None
    return checker.warnings()


class _Checker:
    def __init__(self, dag_id: str, graph: DagGraph) -> None:
        self._dag_id = dag_id
        self._graph = graph
        self._task_ids = graph.task_ids
        self._names = TaskNames(self._task_ids)
        self._warnings: list[str] = []
        self._more = 0

    def warnings(self) -> list[str]:
        more = [f"DAG '{self._dag_id}', xcom_acl: there are {self._more} more warnings."] if self._more else []
        return self._warnings + more

    def rule(self, rule: Rule) -> None:
        producers = self._producers(rule)
        if isinstance(rule.consumers, str):
            return
        for consumer in rule.consumers:
            if "/" in consumer:
                continue  # The task belongs to another DAG. Only the file of that DAG knows its tasks.
            if is_pattern(consumer):
                self._pattern(rule, consumer, producers)
            else:
                self._task(rule, consumer, producers)

    def _producers(self, rule: Rule) -> frozenset[str]:
        """Return the tasks whose XComs the rule may be about."""
        if rule.producer is None:
            self._maybe_a_producer(rule)
            return self._task_ids
        producer = rule.producer
        found = self._names.matching(producer)
        if not found and is_pattern(producer):
            self._fail(
                rule,
                lambda short: f"the producer pattern '{short(producer)}' matches no task of this DAG.",
                _list(self._task_ids),
            )
        if not found:
            self._fail(
                rule,
                lambda short: f"the producer '{short(producer)}' is not a task of this DAG.",
                _advice(producer, self._task_ids),
            )
        return found

    def _maybe_a_producer(self, rule: Rule) -> None:
        key = rule.key
        if key != "*" and is_pattern(key) and self._names.matching(key):
            self._warn(
                rule,
                f"here '{key}' is a pattern of XCom keys of any task, but it also matches tasks of this DAG. For the "
                f"producers it matches, write {{'{key}': {{'*': ...}}}}; for keys, write {{'*': {{'{key}': ...}}}}",
            )

    def _pattern(self, rule: Rule, consumer: str, producers: frozenset[str]) -> None:
        found = self._names.matching(consumer)
        if not found:
            self._warn(rule, f"the consumer pattern '{consumer}' matches no task of this DAG")
        elif consumer != "*" and all(self._runs_before(task_id, producers) for task_id in found):
            self._warn(rule, f"all tasks that the consumer pattern '{consumer}' matches run before {_name(rule)}")

    def _task(self, rule: Rule, consumer: str, producers: frozenset[str]) -> None:
        if consumer in POLICY_WORDS and consumer not in self._task_ids:
            self._fail(
                rule,
                lambda short: f"'{short(consumer)}' is a policy word, and a list names tasks.",
                f"Write it without the list: '{consumer}'.",
            )
        if consumer not in self._task_ids:
            self._fail(
                rule,
                lambda short: f"the consumer '{short(consumer)}' is not a task of this DAG.",
                f"{_advice(consumer, self._task_ids, POLICY_WORDS)} "
                f"For a task of another DAG, write 'dag_id/{consumer}'.",
            )
        if self._runs_before(consumer, producers):
            self._fail(
                rule,
                lambda short: f"the consumer {short(consumer)} can never run after {_name(rule, short)}.",
                "The consumer is upstream. Remove it from the rule, or reverse the dependency.",
            )
        if self._others(consumer, producers) and producers.isdisjoint(self._graph.upstream_of(consumer)):
            self._warn(
                rule,
                f"the consumer '{consumer}' is not downstream of {_name(rule)}, so it may run before the value is "
                "pushed. Set the dependency",
            )

    def _runs_before(self, consumer: str, producers: frozenset[str]) -> bool:
        # No task runs before itself. Most comparisons end with the numbers, so no set is copied.
        others, later = self._others(consumer, producers), self._graph.downstream_of(consumer)
        return 0 < others <= len(later) and producers - {consumer} <= later

    def _others(self, consumer: str, producers: frozenset[str]) -> int:
        return len(producers) - (consumer in producers)

    def _warn(self, rule: Rule, what: str) -> None:
        if len(self._warnings) < _MOST_WARNINGS:
            self._warnings.append(f"DAG '{self._dag_id}', {rule.source}: {what}.")
        else:
            self._more += 1

    def _fail(self, rule: Rule, decision: Callable[[Shorten], str], remedy: str) -> NoReturn:
        first = of_dag(self._dag_id, decision)
        raise InvalidAcl(f"{first}\nThe rule is {rule.source} of DAG '{self._dag_id}'.\n{remedy}")


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
