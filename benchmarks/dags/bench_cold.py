"""Run a task with one pulled argument several times, each time in a new process: see benchmarks/cold.py."""

from __future__ import annotations

import json
import os
import sys
import time

began_ns = time.monotonic_ns()

from airflow.sdk import DAG, get_current_context, task  # noqa: E402 - the stamp comes before what a DAG file imports

#: Workers of Celery have queues of their own: see benchmarks/celery. Each queue has a DAG.
queues = os.environ.get("BENCH_QUEUES", "").split(",")


def declare(queue: str) -> None:
    @task(queue=queue or "default")
    def produce() -> str:
        from benchmarks.cold import bare_calls

        bare_calls(get_current_context()["ti"])
        return "x" * 100

    @task(queue=queue or "default")
    def consume(value: str, number: int) -> None:
        user_ns, processor_ns = time.monotonic_ns(), time.process_time_ns()
        assert value == "x" * 100
        line = {
            "number": number,
            "forked": sys.modules["sitecustomize"].forked_ns,
            "preloaded": sys.modules["sitecustomize"].preloaded,
            **sys.modules["bench_stamps"].stamps,
            "parsing": began_ns,
            "parsed": parsed_ns,
            "user": user_ns,
            "idle": 0,
            "processor": processor_ns,
        }
        with open(os.environ["BENCH_COLD_OUT"], "a") as out:
            out.write(json.dumps(line) + "\n")

    consume.partial(value=produce()).expand(number=list(range(4)))


for queue in queues:
    with DAG(f"bench_cold_{queue}" if queue else "bench_cold", schedule=None, catchup=False):
        declare(queue)

parsed_ns = time.monotonic_ns()
