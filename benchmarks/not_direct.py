"""Measure pulls of all results in worker mode that ask the API server: `python -m benchmarks.not_direct`.

The real Execution API with our middleware serves the calls, from a thread of this process. Each answer goes through the
models and the encoding that a supervisor puts it through. So the processor time of this process has all parts of
a pull but Redis' own. It takes turns with Airflow's default backend, whose rows hold the values. Pass the number of
results to measure another number than 2,000.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any

from benchmarks.in_task import part
from benchmarks.timing import rotated

if TYPE_CHECKING:
    from collections.abc import Callable

    from devtools.worlds.execution_world import ExecutionWorld

RESULTS, ROUNDS = 2_000, 9
_OURS, _DEFAULT = "parts", "others"
_LINE = "{:<34}{:>10}{:>14}"


def main() -> int:
    """Print the medians, and the medians of the ratios of each round."""
    results = int(sys.argv[1]) if len(sys.argv) > 1 else RESULTS
    with tempfile.TemporaryDirectory(prefix="bench-not-direct-") as home:
        os.environ.update({"AIRFLOW_HOME": home, "AIRFLOW__CORE__LOAD_EXAMPLES": "False"})
        os.environ["AIRFLOW__CORE__XCOM_BACKEND"] = "exclusive_redis_xcom.ExclusiveRedisXCom"
        found = _measured(results)
    print(f"{results} results of 100 B, Python {sys.version.split()[0]}; processor time, medians of {ROUNDS} rounds")
    print(_LINE.format("", "ms", "default = 1"))
    for name, times in found.items():
        ratio = statistics.median(one / own for one, own in zip(times, found["default"], strict=True))
        print(_LINE.format(name, f"{statistics.median(times):.1f}", f"{ratio:.2f}"))
    return 0


def _measured(results: int) -> dict[str, list[float]]:
    from devtools.redis_server import RedisServer
    from devtools.worlds.execution_world import open_execution_world

    with RedisServer() as server, open_execution_world(server.url, "worker", mask="off") as world:
        world.push(_OURS, range(results), part)
        world.push(_DEFAULT, range(results), part)
        world.edit_all(_DEFAULT, lambda index: json.dumps(part(index)))
        _supervised(world)
        with world.running("load"):
            ways = _ways(world)
            found: dict[str, list[float]] = {name: [] for name in ways}
            for turn in range(-1, ROUNDS):  # the first is for the warm-up
                for name in rotated(list(ways), turn):
                    start = time.process_time()
                    assert ways[name]() == results
                    if turn >= 0:
                        found[name].append((time.process_time() - start) * 1000)
    return found


def _ways(world: ExecutionWorld) -> dict[str, Callable[[], int]]:
    from airflow.sdk.bases.xcom import BaseXCom

    from exclusive_redis_xcom import ExclusiveRedisXCom
    from exclusive_redis_xcom.airflow import all_rows, slices
    from exclusive_redis_xcom.airflow.rows import Asked, resolve
    from exclusive_redis_xcom.airflow.slices import Reading

    ours = world.request(_OURS)
    asked = Asked(ours["dag_id"], ours["task_id"], ours["key"], ours["run_id"])

    def read_slices() -> list[Any]:
        found: list[Any] = []

        def taken(rows: Any) -> list[Any]:
            found.append(rows)
            return []

        reading = Reading(taken, most=slices.SHORT_AT_ONCE)
        while not reading.over:
            reading.take(all_rows.rows_of(ours, reading.asked))
        return found

    of_all = read_slices()
    return {
        "default": lambda: len(BaseXCom.get_all(**world.request(_DEFAULT)) or ()),
        "ours": lambda: len(ExclusiveRedisXCom.get_all(**ours) or ()),
        "of it: slices of rows": lambda: sum(map(len, read_slices())),
        "of it: values of the rows": lambda: sum(len(resolve(rows, asked)) for rows in of_all),
    }


def _supervised(world: ExecutionWorld) -> None:
    """Let each answer go through the models and the encoding between a supervisor and its task."""
    import msgspec
    from airflow.sdk.execution_time.comms import ToTask
    from pydantic import TypeAdapter

    send, models = world.rows.send, TypeAdapter(ToTask)

    def sent(msg: Any) -> Any:
        return models.validate_python(msgspec.msgpack.decode(msgspec.msgpack.encode(send(msg).model_dump())))

    world.rows.send = sent  # type: ignore[method-assign]


if __name__ == "__main__":
    sys.exit(main())
