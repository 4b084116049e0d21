"""Play a running task without a scheduler, with Airflow's own objects in this process.

Tests and benchmarks use it for what happens inside a task. tests/acceptance tests what happens around a task.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

RUN_ID = "manual__2026-01-01T00:00:00+00:00"
TI_ID = "01900000-0000-7000-8000-000000000000"


def task_instance(
    task: Any,
    *,
    run_id: str = RUN_ID,
    map_index: int = -1,
    run_started: datetime | None = None,
    ti_id: str = TI_ID,
) -> Any:
    """Make the Task SDK's `RuntimeTaskInstance` for an operator of a DAG.

    Args:
        task: The operator.
        run_id: The id of the run.
        map_index: The map_index of the task instance.
        run_started: When the run was started, as the API server tells it. By default, it has told nothing.
        ti_id: The id of the task instance.
    """
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    told = None if run_started is None else SimpleNamespace(dag_run=SimpleNamespace(start_date=run_started, conf=None))
    return RuntimeTaskInstance.model_construct(
        id=ti_id,
        task_id=task.task_id,
        dag_id=task.dag.dag_id,
        run_id=run_id,
        map_index=map_index,
        try_number=1,
        task=task,
        start_date=datetime.now(timezone.utc),
        _ti_context_from_server=told,
    )


@contextmanager
def executing(
    task: Any,
    *,
    run_id: str = RUN_ID,
    map_index: int = -1,
    run_started: datetime | None = None,
    ti_id: str = TI_ID,
) -> Iterator[Any]:
    """Enter Airflow's context as it is while `execute` runs, and yield the task instance. See `task_instance`."""
    from airflow.sdk.execution_time.context import set_current_context

    instance = task_instance(task, run_id=run_id, map_index=map_index, run_started=run_started, ti_id=ti_id)
    context = {"ti": instance, "task_instance": instance, "task": task, "dag": task.dag}
    with set_current_context(context):
        yield instance
