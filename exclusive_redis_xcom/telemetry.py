"""Counting through Airflow's own metrics (``Stats``), wherever the installed version keeps them."""

from __future__ import annotations

from typing import Any

PULL_REFUSED = "exclusive_redis_xcom.pull_refused"
PULL_WOULD_BE_REFUSED = "exclusive_redis_xcom.pull_would_be_refused"
WRITE_REFUSED = "exclusive_redis_xcom.write_refused"


def count(metric: str, *, dag_id: str, task_id: str) -> None:
    """Add one to a counter, tagged with the producer's ids."""
    _stats().incr(metric, tags={"dag_id": dag_id, "task_id": task_id})


def _stats() -> Any:
    # 3.3: functions of a module; 3.2: a class in that module; 3.1: a class in core.
    try:
        from airflow.sdk.observability import stats
    except ImportError:
        from airflow.stats import Stats

        return Stats
    return stats if hasattr(stats, "incr") else stats.Stats
