"""Tasks that go on while something fails around them. They write down what came of each step."""

from __future__ import annotations

import hashlib
import json
import os
import random
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, get_current_context, task

MEGABYTE = 1_000_000
LARGE = 100 * MEGABYTE
AGAIN = {"retries": 2, "retry_delay": timedelta(seconds=1)}


def folder() -> Path:
    return Path(os.environ["PRODUCTION_PROOFS"], get_current_context()["ti"].run_id)


def note(step: str, outcome: str) -> None:
    ti = get_current_context()["ti"]
    folder().mkdir(parents=True, exist_ok=True)
    line = json.dumps([ti.task_id, ti.map_index, ti.try_number, step, outcome])
    # One process, one file: two processes would mix their lines.
    with (folder() / f"{ti.task_id}-{os.getpid()}.jsonl").open("a") as file:
        file.write(f"{line}\n")


def attempt(step: str, ask: Callable[[], Any], expected: Any = None) -> bool:
    """Note whether a call gave what is expected, gave something else, or raised what. Tell whether it is right."""
    try:
        found = ask()
    except Exception as error:
        outcome = type(error).__name__
    else:
        outcome = "ok" if found == expected else f"wrong: {str(found)[:50]}"
    note(step, outcome)
    return outcome == "ok"


def content(run_id: str, index: int, number: int) -> dict[str, Any]:
    """A value that no other step of no other run has."""
    text = hashlib.sha256(f"{run_id} {index} {number}".encode()).hexdigest()
    return {"number": number, "text": text, "pair": (index, number)}


with DAG(
    "faults_steady",
    schedule=None,
    catchup=False,
    params={"xcom_acl": {"before": {"return_value": ["steady", "after"]}}},
):

    @task(**AGAIN)
    def before(ti: Any) -> Any:
        return content(ti.run_id, -1, 0)

    @task(**AGAIN)
    def steady(index: int, ti: Any) -> list[int]:
        """Push and pull until the test has seen enough; return the numbers of what was pushed."""
        pushed: list[int] = []
        number = 0
        while not (folder() / "enough").exists():
            number += 1
            value = content(ti.run_id, index, number)
            if attempt(f"push {number}", lambda value=value, n=number: ti.xcom_push(f"k{n}", value)):
                pushed.append(number)
                attempt(f"pull {number}", lambda n=number: ti.xcom_pull(key=f"k{n}", map_indexes=index), value)
            attempt("pull of before", lambda: ti.xcom_pull(task_ids="before"), content(ti.run_id, -1, 0))
            time.sleep(0.4)
        return pushed

    @task(**AGAIN, trigger_rule="all_done")
    def after(numbers: Any, ti: Any) -> None:
        attempt("pull of before", lambda: ti.xcom_pull(task_ids="before"), content(ti.run_id, -1, 0))
        for index, pushed in enumerate(numbers):
            for number in pushed:
                pull = {"task_ids": "steady", "key": f"k{number}", "map_indexes": index}
                attempt(
                    f"pull {index} {number}", lambda pull=pull: ti.xcom_pull(**pull), content(ti.run_id, index, number)
                )

    begun = before()
    going = steady.expand(index=[0, 1])
    begun >> going
    after(going)

with DAG("faults_large", schedule=None, catchup=False):

    @task(**AGAIN)
    def push_large(ti: Any) -> None:
        value = random.Random(ti.try_number).randbytes(LARGE)  # noqa: S311 - a value, not a secret
        note("pid", str(os.getpid()))
        ti.xcom_push("large", value)
        note("pushed", hashlib.sha256(value).hexdigest())

    @task(**AGAIN)
    def pull_large(ti: Any) -> None:
        value = ti.xcom_pull(task_ids="push_large", key="large")
        note("pulled", hashlib.sha256(value).hexdigest())

    push_large() >> pull_large()
