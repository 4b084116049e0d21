"""Counts and times through Airflow's own metrics (``Stats``), wherever the installed version keeps them.

A metrics backend that fails is logged once and never fails a push or pull.
"""

from __future__ import annotations

import functools
import logging
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exclusive_redis_xcom.model import Coordinate

PUSH = "exclusive_redis_xcom.push"
PULL_GRANTED = "exclusive_redis_xcom.pull_granted"
PULL_REFUSED = "exclusive_redis_xcom.pull_refused"
PULL_WOULD_BE_REFUSED = "exclusive_redis_xcom.pull_would_be_refused"
WRITE_REFUSED = "exclusive_redis_xcom.write_refused"
#: Bytes as they are in Redis: compressed, encrypted.
BYTES_PUSHED = "exclusive_redis_xcom.bytes_pushed"
BYTES_PULLED = "exclusive_redis_xcom.bytes_pulled"
#: Milliseconds from the first command to the last answer, retries and waiting between them included.
REDIS_TIME_PUSH = "exclusive_redis_xcom.redis_time.push"
REDIS_TIME_PULL = "exclusive_redis_xcom.redis_time.pull"

log = logging.getLogger("exclusive_redis_xcom")


def pushed(at: Coordinate, *, size: int, seconds: float) -> None:
    """Record a push of ``size`` bytes that took Redis ``seconds``."""
    count(PUSH, dag_id=at.dag_id, task_id=at.task_id)
    count(BYTES_PUSHED, dag_id=at.dag_id, task_id=at.task_id, by=size)
    timing(REDIS_TIME_PUSH, seconds * 1000, dag_id=at.dag_id, task_id=at.task_id)


def pulled(granted: Sequence[tuple[Coordinate, int]], *, seconds: float) -> None:
    """Record what was granted of one fetch from Redis, sizes in bytes. The time is tagged with the first producer."""
    pulls, sizes = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for at, size in granted:
        pulls[at.dag_id, at.task_id] += 1
        sizes[at.dag_id, at.task_id] += size
    for (dag_id, task_id), number in pulls.items():
        count(PULL_GRANTED, dag_id=dag_id, task_id=task_id, by=number)
        count(BYTES_PULLED, dag_id=dag_id, task_id=task_id, by=sizes[dag_id, task_id])
    for dag_id, task_id in [*pulls][:1]:
        timing(REDIS_TIME_PULL, seconds * 1000, dag_id=dag_id, task_id=task_id)


def count(metric: str, *, dag_id: str, task_id: str, by: int = 1) -> None:
    """Add to a counter, tagged with the producer's ids."""
    try:
        _stats().incr(metric, by, tags={"dag_id": dag_id, "task_id": task_id})
    except Exception as error:
        _say_once(type(error).__name__)


def timing(metric: str, milliseconds: float, *, dag_id: str, task_id: str) -> None:
    """Record a duration, tagged with the producer's ids."""
    try:
        _stats().timing(metric, milliseconds, tags={"dag_id": dag_id, "task_id": task_id})
    except Exception as error:
        _say_once(type(error).__name__)


@functools.cache
def _stats() -> Any:
    """What has ``incr`` and ``timing``; it finds its backend at each call, which Airflow sets late and after forks."""
    # 3.3: functions of a module; 3.2: a class in that module; 3.1: a class in core.
    try:
        from airflow.sdk.observability import stats
    except ImportError:
        from airflow.stats import Stats

        return Stats
    return stats if hasattr(stats, "incr") else stats.Stats


@functools.cache
def _say_once(error: str) -> None:
    # The type alone: a backend's error text may hold its address and credentials.
    log.warning("XCom metrics could not be sent: %s. This is said once per process and kind of error.", error)
