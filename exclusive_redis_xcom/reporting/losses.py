"""The texts about values that are not there, or not as they were pushed: expired, lost, replaced, damaged, missing."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from exclusive_redis_xcom import clock
from exclusive_redis_xcom.errors import CorruptValue, XComExpired, XComMissing
from exclusive_redis_xcom.first_line import fitted
from exclusive_redis_xcom.reporting.wording import lines, short_xcom, where

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from exclusive_redis_xcom.formats.reference import Reference
    from exclusive_redis_xcom.model import Coordinate

log = logging.getLogger("exclusive_redis_xcom")

#: How many runs the warning of a look-back names.
_SHOWN_RUNS = 5
#: So far the clocks of this machine and of Redis may be apart.
_CLOCKS_DIFFER = timedelta(seconds=5)


def expired(reference: Reference) -> XComExpired:
    """Word the error of a reference whose value is gone. The clock tells whether the value's time was over."""
    at, left = reference.coordinate, reference.expires_at - clock.now()
    clear = f"Clear {at.task_id} to push it again."
    if left <= timedelta(0):
        what, cause = "it expired", f"It expired at {_when(reference.expires_at)}. {_pushed(reference)}"
        remedy = f"{clear} To keep such values longer, raise ttl_seconds of the rule or of the setting."
    elif left > _CLOCKS_DIFFER:
        what = "lost before its time"
        cause = (
            f"It was evicted, removed or lost: it would have expired at {_when(reference.expires_at)}. "
            f"{_pushed(reference)}"
        )
        remedy = f"{clear} Let Redis run with maxmemory-policy noeviction: other policies drop live values."
    else:
        what = "it expired or was lost"
        cause = f"Its time ends about now, so the clock cannot tell which. {_pushed(reference)}"
        remedy = clear
    return XComExpired(
        lines(fitted(lambda short: f"{short_xcom(at, short)} is no longer in Redis: {what}."), cause, remedy, where(at))
    )


def superseded(reference: Reference) -> XComExpired:
    """Word the error of a reference whose value a later push has replaced. Airflow's database may not know it yet."""
    at = reference.coordinate
    return XComExpired(
        lines(
            fitted(lambda short: f"{short_xcom(at, short)} is no longer in Redis: a later push replaced it."),
            f"The value that Airflow's database refers to is gone. {_pushed(reference)}",
            f"If {at.task_id} is running again, retry after it. Otherwise clear it.",
            where(at),
        )
    )


def object_gone(at: Coordinate) -> XComExpired:
    """Word the error of a value whose object is gone from object storage."""
    return XComExpired(
        lines(
            fitted(lambda short: f"{short_xcom(at, short)} is no longer in object storage."),
            "Its object was removed: by a later push, by a lifecycle rule of the bucket, or by hand.",
            f"Clear {at.task_id} to push it again.",
            where(at),
        )
    )


def damaged(at: Coordinate, what: str, cause: str, remedy: str | None = None) -> CorruptValue:
    """Word the error of a value that is not what was pushed.

    Args:
        at: The XCom.
        what: What is wrong, as the end of a sentence.
        cause: How that may have come, in a sentence.
        remedy: What to do; None says to push the value again.
    """
    return CorruptValue(
        lines(
            fitted(lambda short: f"{short_xcom(at, short)} is damaged: {what}."),
            cause,
            remedy or f"Clear {at.task_id} to push it again.",
            where(at),
        )
    )


def missing(at: Coordinate, *, prior_dates: bool, near: Sequence[str], of: int) -> XComMissing:
    """Word the error of a required XCom of which Airflow has no row.

    Args:
        at: The XCom.
        prior_dates: Whether earlier runs were asked for, too.
        near: Names of the DAG that the author may have meant, as "key 'token'".
        of: How many XComs the pull misses.
    """
    guess = f": did you mean {' or '.join(near)}?" if near else "."
    others = f" The pull misses {of} XComs in all." if of > 1 else ""
    first = f"No XCom '{at.key}' of task '{at.task_id}'"
    return XComMissing(
        f"{first}{guess}\n"
        f"Airflow has no row of {at}{' or an earlier run' if prior_dates else ''}.{others} The task did not push that "
        "key, returned None, was skipped, failed or has not finished.\n"
        "Correct the name, or let the task push the key first. Without required=True the pull returns None."
    )


def report_gone(gone: Sequence[Reference], *, of: Sequence[Reference]) -> None:
    """Log how many values a look-back leaves out; if it leaves out none, do nothing.

    Args:
        gone: References whose values Redis no longer has.
        of: All references of the pull. Airflow 3.1 repeats rows of earlier runs, and each row counts once.
    """
    if not gone:
        return
    at = gone[0].coordinate
    missing, asked = ({reference.coordinate for reference in some} for some in (gone, of))
    runs = sorted({coordinate.run_id for coordinate in missing})
    more = f" and {len(runs) - _SHOWN_RUNS} more" if len(runs) > _SHOWN_RUNS else ""
    log.warning(
        "XCom pull leaves out %d of %d values: Redis no longer has those of earlier runs.\n"
        "XCom '%s' of task '%s' in DAG '%s'; runs %s.\n"
        "To keep such values longer, raise ttl_seconds of the rule or of the setting. To have a value again, clear the "
        "task in its run.",
        len(missing),
        len(asked),
        at.key,
        at.task_id,
        at.dag_id,
        ", ".join(f"'{run_id}'" for run_id in runs[:_SHOWN_RUNS]) + more,
    )


def _pushed(reference: Reference) -> str:
    seconds = int(reference.ttl.total_seconds())
    return f"It was pushed at {_when(reference.pushed_at)} with a TTL of {seconds} s."


def _when(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
