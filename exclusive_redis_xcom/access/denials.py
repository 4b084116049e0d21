"""Refusals in the record of reads and refusals: who was refused which XCom, why, how often and when last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from exclusive_redis_xcom.access.names import TaskName, XComName
from exclusive_redis_xcom.formats import observed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exclusive_redis_xcom.formats.observed import Count, Observed

#: What the classes of refusals mean.
WHY: Final = {
    observed.RULE: "the rule does not name it",
    observed.SAME_RUN: "only the same run may",
    observed.ONCE: "another task instance has read it",
    observed.NO_ACL: "the value has no readable rule",
    observed.NOBODY: "it is not known who asked",
    observed.SEALED: "nobody opened the seal",
    observed.NOT_RUNNING: "the task instance was not running",
    observed.FORGED: "the row or its seal was forged",
    observed.WOULD_REFUSE: "only reported: it got the value",
}


class Denial(NamedTuple):
    """Refusals of one kind, of one reader and one XCom. `reader` is None if it is not known who asked."""

    reader: TaskName | None
    xcom: XComName
    kind: str
    times: Count


def denials_of(record: Observed, *, earliest_ms: int = 0) -> Iterator[Denial]:
    """Yield the refusals of a record.

    Args:
        record: The record.
        earliest_ms: Refusals whose last time is earlier are left out; in milliseconds since 1970.
    """
    for entry in record.entries:
        reader = None if entry.reader is None else TaskName(*entry.reader)
        xcom = XComName(record.dag_id, entry.task_id, entry.key)
        for kind, count in entry.counts.items():
            if kind != observed.READ and count.number and count.last_ms >= earliest_ms:
                yield Denial(reader, xcom, kind, count)
