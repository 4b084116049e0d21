"""The form "Can a task pull an XCom?": its answer is the one of `exclusive-xcom explain`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple

from exclusive_redis_xcom.access import Access, TaskName, Verdict, XComName
from exclusive_redis_xcom.access.explanation import explain
from exclusive_redis_xcom.access.names import is_id
from exclusive_redis_xcom.access.overview.entries import further
from exclusive_redis_xcom.access.printable import printable
from exclusive_redis_xcom.access.telling import told, unknown_key
from exclusive_redis_xcom.access.undecided import UndecidedError
from exclusive_redis_xcom.acl import Acl, decide
from exclusive_redis_xcom.acl import source as sources
from exclusive_redis_xcom.acl.rule import NOBODY
from exclusive_redis_xcom.errors import ExclusiveXComError
from exclusive_redis_xcom.model import RETURN_KEY, Coordinate, Principal
from exclusive_redis_xcom.pages.dag_facts import dag_facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exclusive_redis_xcom.access import Answer
    from exclusive_redis_xcom.access.explanation import Explanation
    from exclusive_redis_xcom.acl import Rule
    from exclusive_redis_xcom.pages.access.hidden import Names
    from exclusive_redis_xcom.pages.access.known import Known

#: So many consumers are named in the list of rules.
_MOST_NAMED: Final = 10
#: Questions are not about a run. No text that is shown names it.
_RUN: Final = "run"


class Asked(NamedTuple):
    """What a user has written into the form: a consumer, `task` or `dag/task`; a producer; and a key."""

    consumer: str = ""
    task: str = ""
    key: str = ""

    @property
    def is_question(self) -> bool:
        """Whether anything was written."""
        return bool(self.consumer or self.task or self.key)


class RuleRow(NamedTuple):
    """A rule that selects the XCom. The first one decides."""

    entry: str
    consumers: str
    further: str
    place: str


@dataclass(frozen=True)
class Answered:
    """The answer.

    Attributes:
        verdict: "yes", "no" or "maybe"; None if the question has no answer.
        lines: The sentences. For "no", they are those of the error that the pull would raise.
        note: What looks like a slip in the question.
        rules: All rules that select the XCom, in order of precedence.
    """

    verdict: str | None
    lines: tuple[str, ...]
    note: str | None = None
    rules: tuple[RuleRow, ...] = ()


def answered(known: Known, asked: Asked) -> Answered | None:
    """Answer a question; return None if nothing was asked."""
    if not asked.is_question:
        return None
    if not asked.consumer or not asked.task:
        return Answered(None, ("Name the task that pulls, and the task that pushes.",))
    dag_id, slash, task_id = asked.consumer.partition("/")
    consumer = TaskName(dag_id, task_id) if slash else TaskName(known.dag_id, asked.consumer)
    xcom = XComName(known.dag_id, asked.task, asked.key or RETURN_KEY)
    access = _access(known, consumer.dag_id)
    if access is None:
        # The same for a DAG that is there and for one that is not.
        return Answered(None, (printable(f"You may not read DAG '{consumer.dag_id}', or there is no such DAG."),))
    try:
        explanation = explain(access, xcom, consumer)
    except UndecidedError as error:
        return Answered(None, tuple(map(printable, str(error).splitlines())))
    return _answered(access, explanation, known.names)


def _access(known: Known, dag_id: str) -> Access | None:
    """Return the DAG of the page with the consumer's; None if the user may not read that one, or if it is not there."""
    if dag_id == known.dag_id:
        return Access([known.facts])
    if not is_id(dag_id) or not known.names.shows(dag_id):
        return None
    try:
        return Access([known.facts, dag_facts(dag_id)])
    except ExclusiveXComError:
        return None


def _answered(access: Access, explanation: Explanation, names: Names) -> Answered:
    assert explanation.answer is not None  # noqa: S101 - a consumer was named
    answer = _without_names(explanation.answer, names)
    note = unknown_key(access, explanation.xcom)
    return Answered(
        answer.verdict.value,
        tuple(map(printable, told(answer).splitlines())),
        None if note is None else printable(note),
        tuple(_rows(explanation, names)),
    )


def _without_names(answer: Answer, names: Names) -> Answer:
    """Return the answer as it reads without the names that the user may not see. The verdict stays."""
    if answer.rule is None or names.rule(answer.rule) == answer.rule:
        return answer
    rule = names.rule(answer.rule)
    if answer.verdict is not Verdict.NO:
        return replace(answer, rule=rule, reason=f"{rule.source} allows it")
    xcom, consumer = answer.xcom, answer.consumer
    at, principal = Coordinate(xcom.dag_id, _RUN, xcom.task_id, xcom.key), Principal(*consumer, _RUN, -1)
    return replace(answer, rule=rule, reason=decide(Acl(xcom.dag_id, (rule,), NOBODY), at, principal).reason)


def _rows(explanation: Explanation, names: Names) -> Iterator[RuleRow]:
    for rule in explanation.rules:
        source = sources.read(rule.source)
        entry = rule.source if source is None else source.entry
        where = "" if source is None or source.place is None else source.place
        yield RuleRow(printable(entry), printable(_consumers(names.rule(rule))), further(rule), printable(where))


def _consumers(rule: Rule) -> str:
    if isinstance(rule.consumers, str):
        return rule.consumers
    more = len(rule.consumers) - _MOST_NAMED
    named = ", ".join(rule.consumers[:_MOST_NAMED])
    return f"{named} and {more} more" if more > 0 else named or "nobody"
