"""Sixteen processes that pull, as those of a Celery worker do, from one Redis and two API servers, by backend.

Each process is forked, plays one task instance with a token of its own, and pulls small values again and again. It asks
one of the two servers with Airflow's own client. There is no supervisor between the two. So an API call is cheaper here
than in a real task. Airflow's database is SQLite.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import random
import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest.mock import patch

from benchmarks.figures import percentile
from benchmarks.scale import program
from benchmarks.scale.serving import lag, servers
from benchmarks.scale.world import DAG_ID, RUN_ID, TasksWorld, settings, tasks_world
from devtools.redis_server import RedisServer
from devtools.worlds.served_rows import served

if TYPE_CHECKING:
    from pathlib import Path

_PROCESSES, _SERVERS = 16, 2
_KEYS = 20
_SECONDS = {False: 15.0, True: 2.0}
#: What was pushed within a second of the API servers' first beats is never pulled directly. They need a moment.
_SETTLED_SECONDS = 3.0
_VALUE = "x" * 100


class Contender(NamedTuple):
    """A backend, which servers it needs, and the settings of ours that it needs."""

    name: str
    backend: str
    servers: str
    enforcement: str = "worker"


CONTENDERS = (
    Contender("default", "airflow.sdk.bases.xcom.BaseXCom", "plain"),
    Contender("object storage", "airflow.providers.common.io.xcom.backend.XComObjectStorageBackend", "plain"),
    Contender("worker", "exclusive_redis_xcom.ExclusiveRedisXCom", "ours"),
    Contender("server", "exclusive_redis_xcom.ExclusiveRedisXCom", "ours", "server"),
)


def measure(home: Path, *, quick: bool) -> dict[str, Any]:
    """Measure and return the figures."""
    found: dict[str, Any] = {"processes": _PROCESSES, "servers": _SERVERS, "seconds": _SECONDS[quick]}
    objects = {
        "AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_PATH": f"file://{home}/objects",
        "AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_THRESHOLD": "0",
    }
    with patch.dict(os.environ, objects), RedisServer() as redis, tasks_world() as world:
        (home / "objects").mkdir()
        found["backends"] = [
            {"label": each.name, **_measured(world, each, redis.url, number, _SECONDS[quick])}
            for number, each in enumerate(CONTENDERS)
        ]
    return found


def _measured(world: TasksWorld, contender: Contender, redis_url: str, number: int, seconds: float) -> dict[str, Any]:
    keys = [f"{contender.name.replace(' ', '_')} {key}" for key in range(_KEYS)]
    with (
        settings(redis_url, f"bench{number}", enforcement=contender.enforcement),
        servers(_SERVERS, contender.servers) as urls,
    ):
        backend = _backend(contender.backend)
        time.sleep(_SETTLED_SECONDS)
        world.push(urls, backend, {world.at("produce", key=key): _VALUE for key in keys})
        time.sleep(_SETTLED_SECONDS)
        for url in urls:
            lag(url)
        tokens = world.tokens([world.at("consume", index) for index in range(_PROCESSES)])
        spans, calls, elapsed = _run(world, backend, keys, list(zip(tokens, itertools.cycle(urls))), seconds)
        return {
            "per_second": len(spans) / elapsed,
            "median": percentile(spans, 50),
            "p99": percentile(spans, 99),
            "calls": calls / len(spans),
            "block": max(map(lag, urls)),
        }


def _run(
    world: TasksWorld, backend: Any, keys: list[str], askers: list[tuple[str, str]], seconds: float
) -> tuple[list[float], int, float]:
    """Let all processes pull for so long; return all times in ms, the number of API calls, and the seconds."""
    context = multiprocessing.get_context("fork")
    ready, go, out = context.Barrier(len(askers) + 1), context.Event(), context.SimpleQueue()
    workers = [
        context.Process(target=_pull, args=(world, backend, keys, number, *asker, seconds, ready, go, out))
        for number, asker in enumerate(askers)
    ]
    for worker in workers:
        worker.start()
    try:
        ready.wait(600)
        start = time.perf_counter()
        go.set()
        found = [out.get() for _ in workers]
        elapsed = time.perf_counter() - start
    finally:
        for worker in workers:
            worker.join(30)
            worker.kill()
    return [span for spans, _ in found for span in spans], sum(calls for _, calls in found), elapsed


def _pull(
    world: TasksWorld, backend: Any, keys: list[str], number: int, token: str, url: str, seconds: float, *shared: Any
) -> None:
    ready, go, out = shared
    chosen, spans = random.Random(number), []
    with world.asking(url, token) as rows, served(rows), world.executing("consume", number):

        def pull() -> None:
            got = backend.get_one(
                dag_id=DAG_ID, run_id=RUN_ID, task_id="produce", map_index=-1, key=chosen.choice(keys)
            )
            assert got == _VALUE

        pull()
        rows.messages.clear()
        ready.wait(600)
        go.wait()
        end = time.perf_counter() + seconds
        while (start := time.perf_counter()) < end:
            pull()
            spans.append((time.perf_counter() - start) * 1000)
        out.put((spans, len(rows.messages)))


def _backend(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(__import__(module, fromlist=[name]), name)


if __name__ == "__main__":
    sys.exit(program.main(measure))
