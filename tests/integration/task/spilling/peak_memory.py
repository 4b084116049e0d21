"""Measure the memory that one push and one pull of a spilled value take; a test runs this in its own process.

Prints two numbers: bytes above what the process had before the push and the value itself, and above what it had before
the pull.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any


def peak() -> int:
    """Return the most memory that the process has had since the last `reset`, in bytes. This works on Linux only."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def reset() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def main(size: int) -> tuple[int, int]:
    from airflow.sdk import DAG, task

    from devtools.worlds.rows import rows_in_memory
    from devtools.worlds.running_task import RUN_ID, executing
    from exclusive_redis_xcom import ExclusiveRedisXCom

    with DAG("sales") as dag:

        @task
        def extract() -> None: ...

        @task
        def load() -> None: ...

        extract() >> load()

    address: dict[str, Any] = {"dag_id": "sales", "task_id": "extract", "run_id": RUN_ID, "map_index": -1}
    with rows_in_memory():
        for key in ("once before", "measured"):  # what is imported does not count
            value = os.urandom(size)
            with executing(dag.get_task("extract")):
                reset()
                before = peak()
                ExclusiveRedisXCom.set(key, value, **address)
                pushing = peak() - before
            del value
            with executing(dag.get_task("load")):
                reset()
                before = peak()
                found: Any = ExclusiveRedisXCom.get_one(key=key, **address)
                pulling = peak() - before
            assert len(found) == size
            del found
    return pushing, pulling


if __name__ == "__main__":
    print(*main(int(sys.argv[1])))  # noqa: T201 - a program
