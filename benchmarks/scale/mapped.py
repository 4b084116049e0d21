"""All results of a mapped task with `enforcement = server`, in turn with Airflow's default backend.

Two API servers share one database: one is Airflow's own, and one has the ring. Each pull goes to its own server. The
figures are the pulls, the calls among them, and the longest block of each server's event loop.
"""

from __future__ import annotations

import contextlib
import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

from benchmarks.scale import program
from benchmarks.scale.serving import lag, servers
from benchmarks.scale.world import DAG_ID, KEY, RUN_ID, settings, tasks_world
from benchmarks.timing import rotated
from devtools.redis_server import RedisServer
from devtools.worlds.served_rows import served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.scale.world import TasksWorld
    from devtools.worlds.served_rows import ServedRows

_COUNTS = {False: 10_000, True: 200}
_ROUNDS = {False: 15, True: 3}


def measure(_home: Path, *, quick: bool) -> dict[str, Any]:
    """Measure on SQLite, and return the figures."""
    return measured(_COUNTS[quick], _ROUNDS[quick], "SQLite")


def measured(count: int, rounds: int, database: str) -> dict[str, Any]:
    """Measure on the database of this process."""
    from exclusive_redis_xcom import ExclusiveRedisXCom

    values = [f"result {index}" for index in range(count)]
    with (
        RedisServer() as redis,
        tasks_world() as world,
        settings(redis.url, "bench", enforcement="server"),
        servers(1, "ours") as (ring,),
        servers(1, "plain") as (plain,),
    ):
        world.put_plain("plain_many", values)
        world.push([ring], ExclusiveRedisXCom, {world.at("produce_many", n): value for n, value in enumerate(values)})
        found = _in_turn(world, ring, plain, values, rounds)
    pulls = (found[name]["pull"] for name in ("server", "default"))
    return {
        "count": count,
        "rounds": rounds,
        "database": database,
        "ratio": statistics.median(ours / theirs for ours, theirs in zip(*pulls, strict=True)),
        **{name: {what: statistics.median(ms) for what, ms in each.items()} for name, each in found.items()},
        "longest_block_ms": {name: max(each["block"]) for name, each in found.items()},
    }


def _in_turn(
    world: TasksWorld, ring: str, plain: str, values: list[str], rounds: int
) -> dict[str, dict[str, list[float]]]:
    from airflow.sdk.bases.xcom import BaseXCom

    from exclusive_redis_xcom import ExclusiveRedisXCom

    token = world.token("consume")
    with world.asking(ring, token) as ours, world.asking(plain, token) as default:
        pulls = {
            "default": (BaseXCom, default, "plain_many", plain),
            "server": (ExclusiveRedisXCom, ours, "produce_many", ring),
        }
        found: dict[str, dict[str, list[float]]] = {name: {"pull": [], "calls": [], "block": []} for name in pulls}
        for turn in range(-1, rounds):
            for name in rotated(list(pulls), turn):
                backend, rows, task_id, url = pulls[name]
                lag(url)
                with world.executing("consume"), served(rows), _timed(rows) as calls:
                    start = time.perf_counter()
                    got = backend.get_all(dag_id=DAG_ID, run_id=RUN_ID, task_id=task_id, key=KEY)
                    took = (time.perf_counter() - start) * 1000
                assert list(got) == values
                block = lag(url)
                if turn >= 0:
                    for what, ms in (("pull", took), ("calls", sum(calls)), ("block", block)):
                        found[name][what].append(ms)
    return found


@contextlib.contextmanager
def _timed(rows: ServedRows) -> Iterator[list[float]]:
    """Yield a list of how long each call took, in ms."""
    calls: list[float] = []
    send = rows.send

    def timed(msg: Any) -> Any:
        start = time.perf_counter()
        try:
            return send(msg)
        finally:
            calls.append((time.perf_counter() - start) * 1000)

    rows.send = timed  # type: ignore[method-assign]
    try:
        yield calls
    finally:
        rows.send = send  # type: ignore[method-assign]


if __name__ == "__main__":
    sys.exit(program.main(measure))
