"""Answers about a set of DAGs. Every yes and no comes from `acl.decide`, which tasks ask, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.access.answers import Answer, Grant, Reader, Verdict
from exclusive_redis_xcom.access.diff import compare
from exclusive_redis_xcom.access.names import TaskName, XComName
from exclusive_redis_xcom.access.near import closest
from exclusive_redis_xcom.access.snapshot import Snapshot
from exclusive_redis_xcom.access.task_patterns import is_covered
from exclusive_redis_xcom.access.undecided import UndecidedError
from exclusive_redis_xcom.acl import decide
from exclusive_redis_xcom.acl.glob import is_pattern, matches
from exclusive_redis_xcom.acl.rule import ANYONE, consumer_ids
from exclusive_redis_xcom.model import RETURN_KEY, Coordinate, Decision, Principal, is_airflows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from exclusive_redis_xcom.access.changes import AccessDiff
    from exclusive_redis_xcom.access.facts import DagFacts
    from exclusive_redis_xcom.acl import Acl, Rule

#: Questions are not about a run. Within one DAG, both tasks are taken to be in this one.
_RUN = "run"


class Access:
    """Who may pull what, in a set of DAGs.

    Args:
        dags: What each DAG says. Two DAGs with one id are refused.

    Raises:
        UndecidedError: Two DAGs have the same id.
    """

    def __init__(self, dags: Iterable[DagFacts]) -> None:
        self.dags: dict[str, DagFacts] = {}
        for facts in dags:
            other = self.dags.setdefault(facts.dag_id, facts)
            if other is not facts:
                raise UndecidedError(
                    f"Two DAGs have the id '{facts.dag_id}'.\nOne is in {other.file}, the other in {facts.file}. Give "
                    "one of them another id."
                )

    def can_pull(self, consumer: TaskName, xcom: XComName) -> Answer:
        """Tell whether a task may pull an XCom.

        Raises:
            UndecidedError: The producer's DAG is not here, or it has no such task. Or the consumer's DAG is here and
                has no such task.
        """
        facts = self._facts_of(xcom.producer)
        if consumer.dag_id in self.dags:
            self._facts_of(consumer)
        return _answer(facts, consumer, xcom)

    def in_force(self, xcom: XComName) -> Rule:
        """Return the rule that decides about an XCom, with its consumers resolved.

        Raises:
            UndecidedError: The producer's DAG is not here, or it has no such task.
        """
        return self._facts_of(xcom.producer).in_force(xcom).rules[0]

    def who_can(self, xcom: XComName) -> list[Reader]:
        """Return everybody who may pull an XCom: its producer, then tasks, then what is not known for certain.

        Raises:
            UndecidedError: As for `in_force`.
        """
        facts = self._facts_of(xcom.producer)
        answers = [
            _answer(facts, TaskName(dag_id, task_id), xcom)
            for dag_id in (self.dags if is_airflows(xcom.key) or _leaves(facts) else (facts.dag_id,))
            for task_id in self._possible(facts, xcom, dag_id)
        ]
        readers = [
            Reader(str(answer.consumer), answer.verdict, answer.reason, answer.conditions)
            for answer in answers
            if answer.verdict is not Verdict.NO
        ]
        readers += self._not_here(facts, self.in_force(xcom))
        own = str(xcom.producer)
        return sorted(readers, key=lambda reader: (reader.name != own, reader.verdict is not Verdict.YES, reader.name))

    def what_can(self, consumer: TaskName) -> list[Answer]:
        """Return all known XComs that a task may pull, its own DAG's first.

        Raises:
            UndecidedError: The consumer's DAG is here and has no such task.
        """
        if consumer.dag_id in self.dags:
            self._facts_of(consumer)
        found = []
        for facts in sorted(self.dags.values(), key=lambda facts: (facts.dag_id != consumer.dag_id, facts.dag_id)):
            has_rules = facts.dag_id == consumer.dag_id or _leaves(facts)
            for task_id in facts.tasks:
                for key in facts.keys_of(task_id):
                    if not has_rules and not is_airflows(key):
                        continue
                    answer = _answer(facts, consumer, XComName(facts.dag_id, task_id, key))
                    if answer.verdict is not Verdict.NO:
                        found.append(answer)
        return found

    def grants(self) -> Iterator[Grant]:
        """Yield the rule of every known XCom. Policy words stay as they are, so this costs little."""
        for dag_id in sorted(self.dags):
            facts = self.dags[dag_id]
            for task_id in sorted(facts.tasks):
                for key in facts.keys_of(task_id):
                    rule, xcom = facts.rule_for(task_id, key), XComName(dag_id, task_id, key)
                    yield Grant(xcom, rule, facts.is_narrowed(xcom, rule))

    def diff(self, other: Access) -> AccessDiff:
        """Tell what changes for whom from these DAGs to others, which are newer."""
        return compare(Snapshot.of(self.dags), Snapshot.of(other.dags))

    def dag(self, dag_id: str) -> DagFacts:
        """Return what a DAG says.

        Raises:
            UndecidedError: It is not here.
        """
        facts = self.dags.get(dag_id)
        if facts is None:
            raise UndecidedError(f"There is no DAG '{dag_id}' here.\n{_near(dag_id, self.dags, 'DAGs')}")
        return facts

    def _facts_of(self, task: TaskName) -> DagFacts:
        facts = self.dag(task.dag_id)
        if task.task_id not in facts.tasks:
            raise UndecidedError(
                f"DAG '{task.dag_id}' has no task '{task.task_id}'.\n{_near(task.task_id, facts.tasks, 'tasks')}"
            )
        return facts

    def _not_here(self, facts: DagFacts, rule: Rule) -> Iterator[Reader]:
        """Yield the consumers of a rule in DAGs that are not here, and the patterns that such DAGs may match."""
        for name in rule.consumers:
            dag_id, task_id = consumer_ids(name, facts.dag_id)
            if dag_id not in self.dags:
                what = "all DAGs that match" if is_pattern(dag_id) else "a DAG that is not here"
                yield Reader(f"{dag_id}/{task_id}", Verdict.MAYBE, f"{rule.source} names {what}", _conditions(rule))

    def _possible(self, facts: DagFacts, xcom: XComName, dag_id: str) -> Iterable[str]:
        """Return the tasks of a DAG that may be consumers of an XCom. Nobody else is asked about."""
        tasks = self.dags[dag_id].tasks
        if is_airflows(xcom.key):
            return sorted(tasks)
        names = self.in_force(xcom).consumers
        found = {xcom.task_id, *facts.perhaps_linked(xcom)} if dag_id == facts.dag_id else set()
        for name in names:
            dag_pattern, task_pattern = consumer_ids(name, facts.dag_id)
            if not matches(dag_pattern, dag_id):
                continue
            if is_pattern(task_pattern):
                found.update(task_id for task_id in tasks if matches(task_pattern, task_id))
            elif task_pattern in tasks:
                found.add(task_pattern)
        return sorted(found)


def _answer(facts: DagFacts, consumer: TaskName, xcom: XComName) -> Answer:
    if is_airflows(xcom.key):
        return Answer(consumer, xcom, Verdict.YES, "Airflow writes and reads this key, past every backend")
    acl = facts.in_force(xcom)
    decision, rule = _decided(acl, consumer, xcom), acl.rules[0]
    if not decision.allowed and consumer.task_id in facts.perhaps_linked(xcom) and consumer.dag_id == facts.dag_id:
        reason = f"{decision.reason}, but the serialized DAG does not show all XComs that {consumer.task_id} takes"
        return Answer(consumer, xcom, Verdict.MAYBE, reason, rule)
    if not decision.allowed:
        return Answer(consumer, xcom, Verdict.NO, decision.reason, rule)
    verdict, reason = Verdict.YES, decision.reason
    is_own = consumer == xcom.producer
    if not is_own and rule.same_run and consumer.dag_id != xcom.dag_id:
        verdict, reason = Verdict.MAYBE, f"{reason}, and a task of another DAG is rarely in a run of the same id"
    if not is_own and _is_uncertain(facts, consumer, xcom):
        verdict = Verdict.MAYBE
        reason = f"{reason}, but the code of {xcom.task_id} computes the keys that '{RETURN_KEY}' copies"
    return Answer(consumer, xcom, verdict, reason, rule, () if is_own else _conditions(rule))


def _coordinate(xcom: XComName) -> Coordinate:
    return Coordinate(xcom.dag_id, _RUN, xcom.task_id, xcom.key)


def _decided(acl: Acl, consumer: TaskName, xcom: XComName) -> Decision:
    principal = Principal(consumer.dag_id, consumer.task_id, _RUN, -1)
    return decide(acl, _coordinate(xcom), principal)


def _is_uncertain(facts: DagFacts, consumer: TaskName, xcom: XComName) -> bool:
    """Tell whether a consumer of a copy may be refused because of what it copies, which nobody knows."""
    certain = facts.certain_consumers(xcom)
    return certain is not None and not is_covered(str(consumer), certain)


def _conditions(rule: Rule) -> tuple[str, ...]:
    found = []
    if rule.same_run:
        found.append("only in the run that pushed it")
    if rule.once:
        found.append("only the first task instance that pulls it gets it")
    return tuple(found)


def _leaves(facts: DagFacts) -> bool:
    """Tell whether a rule of the DAG may be about tasks of other DAGs."""
    return facts.acl.default == ANYONE or any(
        rule.consumers == ANYONE if isinstance(rule.consumers, str) else any("/" in name for name in rule.consumers)
        for rule in facts.acl.rules
    )


def _near(name: str, known: Iterable[str], what: str) -> str:
    names = sorted(known)
    close = closest(name, names)
    if close:
        return f"Did you mean '{close[0]}'?"
    listed = ", ".join(f"'{each}'" for each in names[:10])
    more = len(names) - 10
    return f"The {what} are {listed}{f' and {more} more' if more > 0 else ''}." if names else f"There are no {what}."
