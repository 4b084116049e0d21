"""Tasks whose callbacks pull another task's value, again and again: each pull goes to one of the two API servers."""

from __future__ import annotations

import json
import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, task

PULLS = 12


def note(ti: Any, step: str) -> None:
    """Pull, and write down what came of it."""
    try:
        outcome = "ok" if ti.xcom_pull(task_ids="secret") == "the secret" else "wrong"
    except Exception as error:
        outcome = type(error).__name__
    folder = Path(os.environ["PRODUCTION_PROOFS"], ti.run_id)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{ti.task_id}-{os.getpid()}.jsonl").open("a") as file:
        file.write(json.dumps([ti.task_id, ti.map_index, ti.try_number, step, outcome]) + "\n")


def pulls_again_and_again(context: Any) -> None:
    for _ in range(PULLS):
        note(context["ti"], "callback")
        time.sleep(0.3)


with DAG(
    "callbacks",
    schedule=None,
    catchup=False,
    params={"xcom_acl": {"secret": {"return_value": ["ends", "is_tried_again"]}}},
):

    @task
    def secret() -> str:
        return "the secret"

    @task(on_success_callback=pulls_again_and_again)
    def ends(number: int, ti: Any) -> None:
        for _ in range(4):
            note(ti, "task")

    @task(retries=1, retry_delay=timedelta(seconds=1), on_retry_callback=pulls_again_and_again)
    def is_tried_again(number: int, ti: Any) -> None:
        for _ in range(4):
            note(ti, "task")
        if ti.try_number == 1:
            raise RuntimeError("try again")

    numbers = [1, 2, 3]
    secret() >> [ends.expand(number=numbers), is_tried_again.expand(number=numbers)]
