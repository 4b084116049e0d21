"""Whether names and patterns of tasks, as `dag/task`, stand for all that another one stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.acl.glob import covers

if TYPE_CHECKING:
    from collections.abc import Iterable


def is_covered(name: str, by: Iterable[str]) -> bool:
    """Tell whether one of several names and patterns stands for all that a name stands for."""
    dag_id, _, task_id = name.partition("/")
    for other in by:
        other_dag, _, other_task = other.partition("/")
        if covers(other_dag, dag_id) and covers(other_task, task_id):
            return True
    return False
