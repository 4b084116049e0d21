"""Push in one task and pull in another, with each backend in turn: see benchmarks/in_task.py."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, get_current_context, task

PARTS = list(range(24))


def address(task_id: str | None = None) -> Any:
    """Return the address of the running task instance, or of another task of this run."""
    from benchmarks.contenders import Address

    ti = get_current_context()["ti"]
    return Address(ti.dag_id, ti.run_id, task_id or ti.task_id, -1 if task_id else ti.map_index)


with DAG("bench_side_by_side", schedule=None, catchup=False):

    @task
    def part(number: int) -> None:
        from benchmarks import in_task

        assert number in PARTS
        in_task.push_part(address())

    @task
    def pull_parts() -> None:
        from benchmarks import in_task

        in_task.pull_parts(address("part"), get_current_context()["ti"])

    @task
    def produce() -> None:
        from benchmarks import in_task

        in_task.push_values(address())

    @task
    def consume() -> None:
        from benchmarks import in_task

        in_task.pull_values(address("produce"))

    part.expand(number=PARTS) >> pull_parts() >> produce() >> consume()
