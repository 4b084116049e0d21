"""`exclusive_redis_xcom.airflow.preloading` without its effect: each task loads what it needs."""

from __future__ import annotations


def preload() -> None:
    """Load nothing."""
