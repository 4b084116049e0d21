"""Be a running task without a scheduler: Airflow's own objects, in this process.

For tests and benchmarks of what happens inside a task; what happens around it is tested in tests/acceptance.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

RUN_ID = "manual__2026-01-01T00:00:00+00:00"


def task_instance(task: Any, *, run_id: str = RUN_ID, map_index: int = -1) -> Any:
    """The Task SDK's ``RuntimeTaskInstance`` for an operator of a DAG."""
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    return RuntimeTaskInstance.model_construct(
        id="01900000-0000-7000-8000-000000000000",
        task_id=task.task_id,
        dag_id=task.dag.dag_id,
        run_id=run_id,
        map_index=map_index,
        try_number=1,
        task=task,
        start_date=datetime.now(timezone.utc),
        _ti_context_from_server=None,
    )


@contextmanager
def executing(task: Any, *, run_id: str = RUN_ID, map_index: int = -1) -> Iterator[Any]:
    """Airflow's context, as it is while ``execute`` runs; yields the task instance."""
    from airflow.sdk.execution_time.context import set_current_context

    instance = task_instance(task, run_id=run_id, map_index=map_index)
    context = {"ti": instance, "task_instance": instance, "task": task, "dag": task.dag}
    with set_current_context(context):
        yield instance
