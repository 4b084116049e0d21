"""Pull ten thousand mapped results, which one task plays, where pulls are not direct: see benchmarks/many.py."""

from __future__ import annotations

import os
from typing import Any

from airflow.sdk import DAG, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

COUNT = int(os.environ.get("BENCH_TEN_THOUSAND", "10000"))


def running() -> Any:
    return get_current_context()["ti"]


with DAG("bench_ten_thousand", schedule=None, catchup=False):

    @task
    def skip_the_mapped() -> None:
        raise AirflowSkipException

    @task
    def many(number: int) -> None:
        raise AssertionError(f"instance {number} is skipped: its results need no task instances")

    @task(trigger_rule="all_done")
    def play() -> None:
        from benchmarks import many as bench

        bench.push_as_each(running(), "many", COUNT)

    @task
    def pull() -> None:
        from benchmarks import many as bench

        bench.pull_at_once(running(), "many", COUNT)

    skip_the_mapped() >> many.expand(number=[0]) >> play() >> pull()
