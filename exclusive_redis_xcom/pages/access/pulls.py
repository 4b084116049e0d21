"""The XComs of other DAGs that a DAG's tasks take, as far as their code tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from exclusive_redis_xcom.access import TaskName, XComName
from exclusive_redis_xcom.access.printable import cut
from exclusive_redis_xcom.access.telling import why
from exclusive_redis_xcom.access.undecided import UndecidedError

if TYPE_CHECKING:
    from exclusive_redis_xcom.access import Access, Pull
    from exclusive_redis_xcom.pages.access.known import Known

#: So many pulls are listed.
MOST_PULLS: Final = 50
_LONGEST: Final = 120
_LONGEST_REASON: Final = 400


class PullShown(NamedTuple):
    """A pull of another DAG's XCom.

    Attributes:
        task_id: The task that pulls.
        dag_id: The producer's DAG.
        producer: The producer, or "computed".
        key: The key, or "computed".
        verdict: "yes", "no", "maybe", or "" where nobody can tell.
        reason: Why.
    """

    task_id: str
    dag_id: str
    producer: str
    key: str
    verdict: str
    reason: str


@dataclass(frozen=True)
class Pulls:
    """The pulls of a DAG. `hidden` of them are from DAGs that the user may not see, and `more` are not listed."""

    rows: tuple[PullShown, ...] = ()
    hidden: int = 0
    more: int = 0


def pulls_of_others(known: Known) -> Pulls:
    """Return what the tasks of a DAG take from other DAGs."""
    found = [
        (task_id, pull)
        for task_id, task in sorted(known.facts.tasks.items())
        for pull in task.pulls
        if pull.dag_id != known.dag_id
    ]
    shown = [each for each in found if known.names.shows(each[1].dag_id)]
    access = known.access
    rows = tuple(_row(access, TaskName(known.dag_id, task_id), pull) for task_id, pull in shown[:MOST_PULLS])
    return Pulls(rows, len(found) - len(shown), max(0, len(shown) - MOST_PULLS))


def _row(access: Access, consumer: TaskName, pull: Pull) -> PullShown:
    verdict, reason = _answer(access, consumer, pull)
    return PullShown(
        consumer.task_id,
        cut(pull.dag_id, _LONGEST),
        cut(pull.task_id or "computed", _LONGEST),
        cut(pull.key or "computed", _LONGEST),
        verdict,
        cut(reason, _LONGEST_REASON),
    )


def _answer(access: Access, consumer: TaskName, pull: Pull) -> tuple[str, str]:
    if pull.task_id is None or pull.key is None:
        return "", "the code computes what it takes"
    try:
        answer = access.can_pull(consumer, XComName(pull.dag_id, pull.task_id, pull.key))
    except UndecidedError as error:
        return "", str(error).splitlines()[0]
    # The reason of a "no" names the consumers of the other DAG's rule.
    return answer.verdict.value, answer.rule.source if answer.rule and answer.verdict == "no" else why(answer)
