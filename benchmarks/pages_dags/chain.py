"""500 tasks: each takes what the one before it returns, and each has a rule of its own. No two rows are alike."""

from __future__ import annotations

from airflow.sdk import DAG, task

TASKS = 500
RULES = {f"step_{number}": {"return_value": [f"step_{number + 1}"]} for number in range(TASKS - 1)}

with DAG("pages_chain", schedule=None, params={"xcom_acl": RULES}):

    @task
    def step(before: object = None) -> object:
        return before

    last = None
    for number in range(TASKS):
        last = step.override(task_id=f"step_{number}")(last)
