"""What commands and pages say about an answer: why it is so, and what to declare for another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.access import near
from exclusive_redis_xcom.access.answers import Verdict
from exclusive_redis_xcom.acl import Acl
from exclusive_redis_xcom.acl.rule import NOBODY
from exclusive_redis_xcom.model import Coordinate, Decision, Principal
from exclusive_redis_xcom.reporting import advice, refusals
from exclusive_redis_xcom.reporting.wording import lines, only, sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exclusive_redis_xcom.access.access import Access
    from exclusive_redis_xcom.access.answers import Answer, Reader
    from exclusive_redis_xcom.access.names import TaskName, XComName
    from exclusive_redis_xcom.acl import Rule

#: Questions are not about a run. No text that is shown names it.
_RUN = "run"
#: So many keys are named in a note.
_MOST_KEYS = 10
#: So many consumers are named in a sentence.
_MOST_CONSUMERS = 20
#: So many tasks are named in a note.
_MOST_TASKS = 5


def why(answer: Answer | Reader) -> str:
    """Return the reason and the conditions, as one clause."""
    return "; ".join((answer.reason, *answer.conditions))


def cause(answer: Answer) -> str:
    """Return the reason and the conditions, as a sentence."""
    is_rule = answer.rule is not None and answer.reason.startswith(answer.rule.source)
    return f"Rule: {why(answer)}." if is_rule else f"{sentence(why(answer))}."


def to_allow(answer: Answer) -> str | None:
    """Return the change that would allow a refused pull, as the error says it; None for another answer."""
    if answer.verdict is not Verdict.NO or answer.rule is None:
        return None
    at, principal, acl = _asked(answer, answer.rule)
    return f"To allow it, {advice.to_allow(at, principal, acl, None)}"


def told(answer: Answer) -> str:
    """Say the whole answer. A refusal has the lines of the error that the pull would raise."""
    if answer.verdict is Verdict.NO and answer.rule is not None:
        at, principal, acl = _asked(answer, answer.rule)
        return refusals.denial(at, principal, Decision(False, answer.reason, acl.source), acl)
    consumer, xcom = answer.consumer, answer.xcom
    who = consumer.task_id if consumer.dag_id == xcom.dag_id else str(consumer)
    may = "may perhaps" if answer.verdict is Verdict.MAYBE else "may"
    return lines(
        f"{who} {may} pull '{xcom.key}' of {xcom.task_id}: {answer.reason}.",
        *(f"{sentence(condition)}." for condition in answer.conditions),
    )


def unknown_key(access: Access, xcom: XComName) -> str | None:
    """Say that nothing tells of a key, which may be a slip; None for a key that is known."""
    facts = access.dags[xcom.dag_id]
    known = facts.keys_of(xcom.task_id)
    if xcom.key in known:
        return None
    guess = near.did_you_mean(xcom.key, known)
    if guess:
        return f"Note: nothing here tells that {xcom.task_id} pushes '{xcom.key}'.{guess}"
    shown = ", ".join(f"'{key}'" for key in known[:_MOST_KEYS])
    more = len(known) - _MOST_KEYS
    keys = f" Its known keys are {shown}{f' and {more} more' if more > 0 else ''}." if known else ""
    return f"Note: nothing here tells that {xcom.task_id} pushes '{xcom.key}'.{keys}"


def unknown_dag(access: Access, consumer: TaskName) -> str | None:
    """Say that a consumer's DAG is not here, if its id looks mistyped; None otherwise: it may well be elsewhere."""
    guess = "" if consumer.dag_id in access.dags else near.did_you_mean(consumer.dag_id, access.dags)
    return f"Note: there is no DAG '{consumer.dag_id}' here.{guess}" if guess else None


def note_of_more(producers: Sequence[TaskName], *, of: str = "this task") -> str | None:
    """Say which tasks may push keys that no list here can have; None if there are none.

    Args:
        producers: These tasks.
        of: Who may pull some of these keys.
    """
    if not producers:
        return None
    shown = ", ".join(map(str, producers[:_MOST_TASKS]))
    more = len(producers) - _MOST_TASKS
    return (
        f"Not known: all keys of {shown}{f' and {more} more tasks' if more > 0 else ''}. Their code may push further "
        f"keys, and {of} may pull some of them."
    )


def _asked(answer: Answer, rule: Rule) -> tuple[Coordinate, Principal, Acl]:
    xcom, consumer = answer.xcom, answer.consumer
    at = Coordinate(xcom.dag_id, _RUN, xcom.task_id, xcom.key)
    return at, Principal(consumer.dag_id, consumer.task_id, _RUN, -1), Acl(xcom.dag_id, (rule,), NOBODY)


def told_of_all(xcom: XComName, rule: Rule, *, is_narrowed: bool) -> str:
    """Say who may pull an XCom.

    Args:
        xcom: The XCom.
        rule: The rule in force, with its consumers resolved.
        is_narrowed: Whether the XCom copies multiple outputs, whose rules count, too.
    """
    at = Coordinate(xcom.dag_id, _RUN, xcom.task_id, xcom.key)
    copies = f"'{xcom.key}' holds a copy of all outputs, so only a consumer of every key may pull it."
    allowed = "anybody may" if rule.consumers == ("*/*",) else only(list(rule.consumers), at, str, _MOST_CONSUMERS)
    return lines(f"{sentence(allowed)} pull '{xcom.key}' of {xcom.task_id}.", copies if is_narrowed else "")
