"""Pull the results of many mapped task instances, which one task plays: see benchmarks/many.py."""

from __future__ import annotations

import os
from typing import Any

from airflow.sdk import DAG, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

COUNT = int(os.environ.get("BENCH_MANY", "1000"))


def running() -> Any:
    return get_current_context()["ti"]


with DAG("bench_many", schedule=None, catchup=False):

    @task
    def skip_the_mapped() -> None:
        raise AirflowSkipException

    @task
    def many(number: int) -> None:
        raise AssertionError(f"instance {number} is skipped: another task plays it")

    @task(trigger_rule="all_done")
    def play() -> None:
        from benchmarks import many as bench

        bench.push_as_each(running(), "many", COUNT)

    @task
    def pull() -> None:
        from benchmarks import many as bench

        bench.pull(running(), "many", COUNT)

    skip_the_mapped() >> many.expand(number=list(range(COUNT))) >> play() >> pull()
