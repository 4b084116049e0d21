"""What happened in one run of a DAG, in the words of whoever writes a test about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from exclusive_redis_xcom.access import Verdict
from exclusive_redis_xcom.access.usage import uses
from exclusive_redis_xcom.errors import XComAccessDenied
from exclusive_redis_xcom.first_line import fitted
from exclusive_redis_xcom.formats import observed
from exclusive_redis_xcom.formats.observed import Entry, Observed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from exclusive_redis_xcom.access import DagFacts
    from exclusive_redis_xcom.errors import ExclusiveXComError
    from exclusive_redis_xcom.reporting import reports


class TaskFailed(AssertionError):  # noqa: N818 - in line with XComExpired and its siblings
    """A task failed for another reason than a refused XCom. Its own exception is the cause."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A pull, push or removal that was refused. Tasks of the DAG under test have their own ids, others `dag/task`.

    Attributes:
        consumer: The task that asked; empty if that is not known.
        producer: The task that the XCom belongs to.
        key: The XCom's key.
        reason: Why, in a sentence: the rule and its place.
        text: The whole text of the error.
        error: The error.
        action: "pull", "push" or "remove".
    """

    consumer: str
    producer: str
    key: str
    reason: str
    text: str = field(repr=False)
    error: ExclusiveXComError = field(repr=False, compare=False)
    action: str = "pull"

    def __str__(self) -> str:
        """Return the whole text of the error."""
        return self.text

    @classmethod
    def of(cls, heard: reports.Refusal, dag_id: str) -> Refusal:
        """Return what was heard, with the names of one DAG."""
        at, who, text = heard.at, heard.principal, str(heard.error)
        return cls(
            consumer="" if who is None else _name(who.dag_id, who.task_id, dag_id),
            producer=_name(at.dag_id, at.task_id, dag_id),
            key=at.key,
            reason=text.split("\n", 2)[1] if "\n" in text else text,
            text=text,
            error=heard.error,
            action=heard.action,
        )


class UnusedGrant(NamedTuple):
    """A consumer of a rule that read nothing by it.

    Attributes:
        consumer: As the rule names it, or the rule's policy word.
        rule: The rule and its place, as in `xcom_acl['extract']['token'] at sales.py:12`.
    """

    consumer: str
    rule: str


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a DAG. A mapped task instance is named `task[0]`.

    Attributes:
        dag_id: The DAG.
        run_id: The run. It is removed from Airflow's database at the end of the test.
        state: How the run ended: `success` or `failed`.
        states: How each task ended, as in `{"extract": "success", "report": "failed"}`.
        refused: The refusals, in their order. A task that catches the error is here, too.
        would_be_refused: What `mode = report` let pass, and `enforce` would refuse.
        errors: The exceptions of failed tasks, refusals included.
    """

    dag_id: str
    run_id: str
    state: str
    states: Mapping[str, str]
    refused: tuple[Refusal, ...]
    would_be_refused: tuple[Refusal, ...]
    errors: Mapping[str, BaseException] = field(repr=False)
    _facts: DagFacts = field(repr=False)
    _record: Mapping[str, tuple[Entry, ...]] = field(repr=False)

    def pulled(self, task: str) -> set[str]:
        """Return the XComs that a task really got, as `extract:token`, or as `dag/extract:token` of another DAG.

        What a task pulled of its own is not among them.

        Raises:
            ValueError: The DAG has no such task.
        """
        if task not in self._facts.tasks:
            raise ValueError(no_such_task(task, self._facts))
        return {
            f"{_name(dag_id, entry.task_id, self.dag_id)}:{entry.key}"
            for dag_id, entry in self._reads()
            if entry.reader == (self.dag_id, task)
        }

    def unused_grants(self) -> list[UnusedGrant]:
        """Return the consumers in the DAG's rules that read nothing by them in this run.

        One run is no proof that nobody needs a grant: a branch may not have run.
        """
        entries = tuple(entry for dag_id, entry in self._reads() if dag_id == self.dag_id)
        record = Observed(self.dag_id, since_ms=0, reads_since_ms=0, entries=entries)
        return [
            UnusedGrant(use.consumer, use.rule.source)
            for use in uses(self._facts, record)
            if use.verdict is not Verdict.YES
        ]

    def _reads(self) -> Iterator[tuple[str, Entry]]:
        for dag_id, entries in self._record.items():
            for entry in entries:
                if observed.READ in entry.counts:
                    yield dag_id, entry

    def raise_failure(self) -> None:
        """Raise if a task failed for another reason than a refusal, or if the run failed and nothing tells why.

        Raises:
            TaskFailed: It did. Its cause is the exception of the task.
        """
        others = {name: error for name, error in self.errors.items() if not is_refusal(error)}
        for name, error in others.items():
            raise TaskFailed(_failure(name, error, list(others)[1:])) from error
        if self.state != "success" and not self.errors and not self.refused:
            first = fitted(lambda short: f"The run of DAG {short(self.dag_id)} failed, and no task says why.")
            states = ", ".join(f"{name}: {state}" for name, state in self.states.items())
            raise TaskFailed(f"{first}\nIts tasks ended as follows: {states}.")


def _failure(name: str, error: BaseException, more: list[str]) -> str:
    lines = [fitted(lambda short: f"Task {short(name)} failed: {short(type(error).__name__)}."), str(error)]
    if more:
        lines.append(f"These tasks failed, too: {', '.join(more)}.")
    return "\n".join(filter(None, lines))


def is_refusal(error: BaseException) -> bool:
    """Tell whether an exception is a refusal, or was raised because of one."""
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        if isinstance(found, XComAccessDenied):
            return True
        seen.add(id(found))
        found = found.__cause__ or found.__context__
    return False


def new_entries(
    before: Mapping[str, tuple[Entry, ...]], after: Mapping[str, tuple[Entry, ...]]
) -> dict[str, tuple[Entry, ...]]:
    """Return what a record of reads has more than it had before."""
    found = {}
    for dag_id, entries in after.items():
        known = {(entry.task_id, entry.key, entry.reader): entry.counts for entry in before.get(dag_id, ())}
        found[dag_id] = tuple(
            Entry(entry.task_id, entry.key, entry.reader, counts)
            for entry in entries
            if (counts := _more(entry.counts, known.get((entry.task_id, entry.key, entry.reader), {})))
        )
    return found


def no_such_task(task: str, facts: DagFacts) -> str:
    """Word the error about a task that a DAG does not have."""
    return f"DAG {facts.dag_id} has no task '{task}'.\nIts tasks are {', '.join(facts.tasks)}."


def pushes(task: str, key: str, facts: DagFacts) -> bool:
    """Tell whether a task pushes a key, or may push it: its code may compute keys."""
    return facts.tasks[task].computes_keys or key in facts.keys_of(task)


def no_such_key(task: str, key: str, facts: DagFacts) -> str:
    """Word the error of a seed that no task pushes."""
    known = ", ".join(f"'{each}'" for each in facts.keys_of(task)) or "none"
    return f"Task {task} pushes no key '{key}', so it cannot be seeded.\nIts known keys are {known}."


def _more(counts: Mapping[str, observed.Count], before: Mapping[str, observed.Count]) -> dict[str, observed.Count]:
    none = observed.Count(0, 0)
    more = {kind: count._replace(number=count.number - before.get(kind, none).number) for kind, count in counts.items()}
    return {kind: count for kind, count in more.items() if count.number > 0}


def _name(dag_id: str, task_id: str, of_dag: str) -> str:
    return task_id if dag_id == of_dag else f"{dag_id}/{task_id}"
