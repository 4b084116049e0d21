"""Rows of Airflow's table `task_instance`: which producers of XComs run just now. All functions block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.api_server.requests import rows

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from exclusive_redis_xcom.model import Coordinate

#: In these states, a task's code may run. Code of a task that is being restarted runs until it is ended.
_RUNNING = ("running", "restarting")

_ONE_TASK = 3


def any_running(scopes: Sequence[tuple[str, ...]]) -> bool:
    """Return whether a task instance runs in any of the scopes: the first ids of (dag_id, run_id, task_id, ...)."""
    columns = _columns()[:_ONE_TASK]
    asked = list(dict.fromkeys(scope[:_ONE_TASK] for scope in scopes))
    with rows.session() as session:
        found = (
            session.execute(
                rows.select(columns[0]).where(rows.among(columns, part), _is_running()).limit(1),
            ).first()
            for part in rows.batches(asked)
        )
        return any(row is not None for row in found)


def running(coordinates: Collection[Coordinate], *, whole: bool) -> set[Coordinate]:
    """Return the coordinates whose task instance runs; with `whole`, those of which any map_index runs."""
    columns = _columns()[:_ONE_TASK] if whole else _columns()
    producers: dict[tuple[Any, ...], list[Coordinate]] = {}
    for at in coordinates:
        producers.setdefault((at.dag_id, at.run_id, at.task_id, at.map_index)[: len(columns)], []).append(at)
    found: set[Coordinate] = set()
    with rows.session() as session:
        for part in rows.batches(list(producers)):
            asked = rows.select(*columns).where(rows.among(columns, part), _is_running()).distinct()
            for row in session.execute(asked):
                found.update(producers.get(tuple(row), ()))
    return found


def _columns() -> tuple[Any, ...]:
    from airflow.models.taskinstance import TaskInstance

    return TaskInstance.dag_id, TaskInstance.run_id, TaskInstance.task_id, TaskInstance.map_index


def _is_running() -> Any:
    from airflow.models.taskinstance import TaskInstance

    return TaskInstance.state.in_(_RUNNING)
