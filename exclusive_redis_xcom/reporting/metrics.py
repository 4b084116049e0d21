"""Counters and timers in Airflow's own metrics (`Stats`), which each version of Airflow keeps elsewhere.

The failure of a metrics backend is logged once. It never fails a push or a pull.
"""

from __future__ import annotations

import contextlib
import functools
import logging
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.errors import XComAccessDenied
from exclusive_redis_xcom.reporting.metric_names import (
    BYTES_PULLED,
    BYTES_PUSHED,
    PULL_DIRECT,
    PULL_FAILED,
    PULL_GRANTED,
    PULL_REFUSED,
    PULL_WOULD_BE_REFUSED,
    PUSH,
    PUSH_FAILED,
    REDIS_TIME_PULL,
    REDIS_TIME_PUSH,
    WRITE_REFUSED,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exclusive_redis_xcom.model import Coordinate

__all__ = [
    "BYTES_PULLED",
    "BYTES_PUSHED",
    "OTHER",
    "PULL_DIRECT",
    "PULL_FAILED",
    "PULL_GRANTED",
    "PULL_REFUSED",
    "PULL_WOULD_BE_REFUSED",
    "PUSH",
    "PUSH_FAILED",
    "REDIS_TIME_PULL",
    "REDIS_TIME_PUSH",
    "WRITE_REFUSED",
    "count",
    "failed",
    "is_on",
    "kind_of",
    "pulled",
    "pushed",
    "timing",
]

#: Airflow's options that turn metrics on (`airflow/observability/metrics/stats_utils.py`).
_SWITCHES = ("statsd_on", "otel_on", "statsd_datadog_enabled")

#: The tag `error` of errors that do not come from this package.
OTHER = "other"

_PACKAGE = __name__.partition(".")[0]
#: An error that was counted bears this attribute, since it passes several of our functions on its way out.
_COUNTED = "_exclusive_redis_xcom_counted"

log = logging.getLogger("exclusive_redis_xcom")


def is_on() -> bool:
    """Tell whether Airflow's metrics are on."""
    try:
        return _stats() is not None
    except Exception as error:
        _say_once(type(error).__name__)
        return False


def pushed(at: Coordinate, *, size: int, seconds: float) -> None:
    """Record a push of `size` bytes that took Redis `seconds`."""
    count(PUSH, dag_id=at.dag_id, task_id=at.task_id)
    count(BYTES_PUSHED, dag_id=at.dag_id, task_id=at.task_id, by=size)
    timing(REDIS_TIME_PUSH, seconds * 1000, dag_id=at.dag_id, task_id=at.task_id)


def pulled(granted: Sequence[tuple[Coordinate, int]], *, seconds: float | None) -> None:
    """Record the values that one fetch from Redis granted. The time is tagged with the first producer.

    Args:
        granted: The coordinate and the bytes of each value.
        seconds: How long Redis took; None if the time is recorded with another value.
    """
    totals: dict[tuple[str, str], list[int]] = {}
    for at, size in granted:
        total = totals.setdefault((at.dag_id, at.task_id), [0, 0])
        total[0] += 1
        total[1] += size
    for (dag_id, task_id), (number, size) in totals.items():
        count(PULL_GRANTED, dag_id=dag_id, task_id=task_id, by=number)
        count(BYTES_PULLED, dag_id=dag_id, task_id=task_id, by=size)
    for dag_id, task_id in [*totals][: seconds is not None]:
        timing(REDIS_TIME_PULL, (seconds or 0) * 1000, dag_id=dag_id, task_id=task_id)


def failed(metric: str, error: Exception, *, dag_id: str | None, task_id: str | None) -> None:
    """Count a failed push or pull, unless its error was counted before. A refusal was: `reports` counts it.

    Args:
        metric: `PUSH_FAILED` or `PULL_FAILED`.
        error: What was raised. The tags get its type, and nothing of its text.
        dag_id: The producer's DAG; None if it is not known.
        task_id: The producer; None if it is not known.
    """
    if isinstance(error, XComAccessDenied) or getattr(error, _COUNTED, False):
        return
    with contextlib.suppress(Exception):  # an error of others may take no attributes
        setattr(error, _COUNTED, True)
    known = {name: text for name, text in (("dag_id", dag_id), ("task_id", task_id)) if text}
    _increase(metric, 1, {**known, "error": kind_of(error)})


def kind_of(error: BaseException) -> str:
    """Return the name of an error's type, or of its nearest base in this package; `OTHER` for all other errors."""
    for cls in type(error).__mro__:
        if cls.__module__.partition(".")[0] == _PACKAGE:
            return cls.__name__
    return OTHER


def count(metric: str, *, dag_id: str, task_id: str, by: int = 1) -> None:
    """Add to a counter, tagged with the producer's ids."""
    _increase(metric, by, {"dag_id": dag_id, "task_id": task_id})


def _increase(metric: str, by: int, tags: dict[str, str]) -> None:
    try:
        stats = _stats()
        if stats is not None:
            stats.incr(metric, by, tags=tags)
    except Exception as error:
        _say_once(type(error).__name__)


def timing(metric: str, milliseconds: float, *, dag_id: str, task_id: str) -> None:
    """Record a duration, tagged with the producer's ids."""
    try:
        stats = _stats()
        if stats is not None:
            stats.timing(metric, milliseconds, tags={"dag_id": dag_id, "task_id": task_id})
    except Exception as error:
        _say_once(type(error).__name__)


@functools.cache
def _stats() -> Any:
    """Return an object with `incr` and `timing`; None where metrics are off.

    To ask Airflow's own object whether metrics are on takes ten times as long. That object finds its backend at each
    call, because Airflow sets the backend late, and again after a fork.
    """
    # From 3.2 the Task SDK has its own configuration and Stats: functions in 3.3, a class in 3.2. In 3.1 core has them.
    try:
        from airflow.sdk.configuration import conf
        from airflow.sdk.observability import stats
    except ImportError:
        from airflow.configuration import conf
        from airflow.stats import Stats
    else:
        Stats = stats if hasattr(stats, "incr") else stats.Stats  # noqa: N806 - Airflow's name
    return Stats if any(conf.getboolean("metrics", name, fallback=False) for name in _SWITCHES) else None


@functools.cache
def _say_once(error: str) -> None:
    # Only the type is logged: a backend's error text may hold its address and credentials.
    log.warning("XCom metrics could not be sent: %s. Each process logs each kind of error once.", error)
