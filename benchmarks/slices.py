"""Measure pulls of all results of a mapped task, in slices of several lengths: `python -m benchmarks.slices`.

Airflow's client gives a call 5 seconds and then asks again, so the longest call matters as much as the whole pull. The
real Execution API with the ring serves the calls, from a thread of this process. The lengths are measured in turn, so
that whatever else the machine does falls on all. A length of "all" is one call for everything.

It prints the fastest of the rounds in ms, and what each length takes in relation to one call. Other work of the machine
can only add to that. Pass the number of results to measure another number than 10,000.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any

from benchmarks.timing import rotated

if TYPE_CHECKING:
    from devtools.worlds.execution_world import ExecutionWorld

RESULTS = 10_000
_ROW = "{:<12}{:>13}{:>7}{:>12}{:>12}{:>14}"
LENGTHS = (500, 1000, 2048, 5120)
ROUNDS = 3


def main() -> int:
    results = int(sys.argv[1]) if len(sys.argv) > 1 else RESULTS
    with tempfile.TemporaryDirectory(prefix="bench-slices-") as home:
        os.environ.update({"AIRFLOW_HOME": home, "AIRFLOW__CORE__LOAD_EXAMPLES": "False"})
        os.environ["AIRFLOW__CORE__XCOM_BACKEND"] = "exclusive_redis_xcom.ExclusiveRedisXCom"
        python = sys.version.split()[0]
        print(f"{results} results, {len(os.sched_getaffinity(0))} cores, Python {python}; the fastest rounds in ms")
        print(_ROW.format("enforcement", "rows at once", "calls", "whole pull", "of one call", "longest call"))
        for mode in ("server", "worker"):
            print(*_measured(mode, results), sep="\n", flush=True)
    return 0


def _measured(mode: str, results: int) -> list[str]:
    from devtools.redis_server import RedisServer
    from devtools.worlds.execution_world import open_execution_world

    lengths = (*LENGTHS, results + 1)
    found: dict[int, list[tuple[float, float, int]]] = {length: [] for length in lengths}
    with RedisServer() as server, open_execution_world(server.url, mode) as world:
        world.push("parts", range(results))
        for turn in range(-1, ROUNDS):  # the first is for the warm-up
            for length in rotated(lengths, turn):
                took = _pulled(world, length, results)
                if turn >= 0:
                    found[length].append(took)
    one = min(whole for whole, _, _ in found[results + 1])
    return [_line(mode, "all" if length > results else str(length), found[length], one) for length in lengths]


def _pulled(world: ExecutionWorld, length: int, results: int) -> tuple[float, float, int]:
    """Return how long the pull took and the longest of its calls, in ms, and how many calls there were."""
    from exclusive_redis_xcom import ExclusiveRedisXCom
    from exclusive_redis_xcom.airflow import slices

    slices.ROWS_AT_ONCE = slices.SHORT_AT_ONCE = length
    calls: list[float] = []
    send = world.rows.send

    def timed(msg: Any) -> Any:
        started = time.perf_counter()
        try:
            return send(msg)
        finally:
            calls.append((time.perf_counter() - started) * 1000)

    world.rows.send = timed  # type: ignore[method-assign]
    try:
        with world.running("load"):
            started = time.perf_counter()
            values = ExclusiveRedisXCom.get_all(**world.request("parts"))
            whole = (time.perf_counter() - started) * 1000
    finally:
        world.rows.send = send  # type: ignore[method-assign]
    assert values == list(range(results))
    return whole, max(calls), len(calls)


def _line(mode: str, length: str, found: list[tuple[float, float, int]], one: float) -> str:
    whole = min(took for took, _, _ in found)
    longest = min(call for _, call, _ in found)
    return _ROW.format(mode, length, found[0][2], f"{whole:.0f}", f"{whole / one:.2f}", f"{longest:.0f}")


if __name__ == "__main__":
    sys.exit(main())
