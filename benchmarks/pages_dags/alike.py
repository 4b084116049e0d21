"""500 tasks without a rule: they are alike."""

from __future__ import annotations

from airflow.sdk import DAG, task

with DAG("pages_alike", schedule=None):

    @task
    def one() -> int:
        return 1

    for number in range(500):
        one.override(task_id=f"one_{number}")()
