"""Measure the section `growth`: more results, larger values, more processes, and a small pull during a large push.

Processes play tasks against one Redis, without Airflow: the cost of its API call is the same whatever grows.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import statistics
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import redis

from benchmarks.figures import percentile
from benchmarks.load import Load, cost_us, under_load
from benchmarks.played import PREFIX, Played, played
from benchmarks.timing import in_turn
from benchmarks.values import KB, MB, noise
from devtools.redis_sets import ClusterSet

if TYPE_CHECKING:
    from collections.abc import Callable

COUNTS = (1, 10, 100, 1_000, 10_000)
SIZES = (KB, 10 * KB, 100 * KB, MB, 10 * MB, 50 * MB, 100 * MB, 500 * MB)
PROCESSES = (1, 2, 4, 8, 16, 32, 64)
COST_SIZES = (100, 100 * KB, MB, 10 * MB)
LOAD_SIZES = (KB, 100 * KB)
_ALONE_SECONDS = {False: 4.0, True: 1.0}
_READY_SECONDS = 120
_LOAD_SECONDS = {False: 3.0, True: 1.0}


def measure(url: str, *, quick: bool) -> dict[str, Any]:
    """Measure and return the section."""
    with played(url) as play, redis.Redis.from_url(url) as client:
        found = {
            "results": [_results(play, count) for count in COUNTS],
            "sizes": [_sizes(play, size, quick=quick) for size in (SIZES[:-1] if quick else SIZES)],
            "costs": _costs(play, client, quick=quick),
            "processes": _processes(play, client, quick=quick),
            "beside": _beside(play, quick=quick),
        }
    return {**found, "cluster": _cluster(quick=quick)}


def _results(play: Played, count: int) -> dict[str, Any]:
    """Measure the pull of all results of a mapped task, 100 bytes each."""
    key, value = f"mapped-{count}", "x" * 100
    for index in range(count):
        play.push(key, value, index)
    with play.consumer():
        assert play.pull_all(key) == [value] * count
        calls = play.calls()
        rounds = 200 if count < 1000 else 20
        measured = in_turn({"pull": lambda: play.pull_all(key)}, rounds)["pull"].ms
        per_pull = (play.calls() - calls) / (rounds + 1)
    median = statistics.median(measured)
    return {
        "label": f"{count:,}",
        "count": count,
        "median": median,
        "p99": percentile(measured, 99),
        "per_item": median / count,
        "calls": per_pull,
    }


def _sizes(play: Played, size: int, *, quick: bool) -> dict[str, Any]:
    """Measure the push and pull of one value of random bytes."""
    value, key = noise(size)(), f"size-{size}"
    rounds = max(min(200, 300 * MB // size) // (5 if quick else 1), 3)
    pushes = in_turn({"push": lambda: play.push(key, value)}, rounds, collect=rounds < 20)["push"].ms
    with play.consumer():
        pulls = in_turn({"pull": lambda: play.pull(key)}, rounds, collect=rounds < 20)["pull"].ms
    found: dict[str, Any] = {"label": human(size), "size": size}
    for name, spans in (("push", pushes), ("pull", pulls)):
        median = statistics.median(spans)
        found[name] = {"median": median, "p99": percentile(spans, 99), "mb_per_s": size / 1e3 / median}
    return found


def _costs(play: Played, client: redis.Redis, *, quick: bool) -> list[dict[str, Any]]:
    """Measure what one operation costs Redis' thread, next to redis-py's SET and GET of as many bytes."""
    found = []
    for size in COST_SIZES:
        value, key, bare = noise(size)(), f"cost-{size}", f"{PREFIX}:floor"
        rounds = max(min(2_000, 200 * MB // size) // (5 if quick else 1), 5)
        play.push(key, value)
        client.set(bare, value, ex=600)
        with play.consumer():
            costs = {
                "pull": cost_us(client, partial(play.pull, key), rounds),
                "get": cost_us(client, partial(client.get, bare), rounds),
            }
        costs["push"] = cost_us(client, partial(play.push, key, value), rounds)
        costs["set"] = cost_us(client, partial(client.set, bare, value, ex=600), rounds)
        found.append({"label": human(size), "size": size, **costs})
    return found


def _cluster(*, quick: bool) -> dict[str, Any]:
    """Measure the same load on three masters, and how busy it keeps the thread of each."""
    load = Load(8, KB, _LOAD_SECONDS[quick])
    with ClusterSet() as cluster, played(cluster.url) as play, contextlib.ExitStack() as clients:
        nodes = [clients.enter_context(redis.Redis(port=node.port)) for node in cluster.nodes]
        return {"processes": load.processes, "size": load.size, **under_load(play, nodes, load)}


def _processes(play: Played, client: redis.Redis, *, quick: bool) -> list[dict[str, Any]]:
    """Measure the pushes and pulls of many processes at once."""
    return [
        {
            "label": f"{count} x {human(size)}",
            "processes": count,
            "size": size,
            **under_load(play, [client], Load(count, size, _LOAD_SECONDS[quick])),
        }
        for size in LOAD_SIZES
        for count in PROCESSES
    ]


def _beside(play: Played, *, quick: bool) -> dict[str, Any]:
    """Measure small pulls alone, and then while another process pushes 500 MB a few times."""
    play.push("beside", "x" * 100)
    size, pushes = (100 if quick else 500) * MB, 3
    alone_until = time.perf_counter() + _ALONE_SECONDS[quick]
    alone = _pulls(play, lambda: time.perf_counter() < alone_until)
    context = multiprocessing.get_context("fork")
    ready, go = context.Event(), context.Event()
    process = context.Process(target=_push_often, args=(play, size, pushes, ready, go))
    process.start()
    ready.wait(_READY_SECONDS)
    go.set()
    beside = _pulls(play, process.is_alive)
    process.join()
    return {"size": size, "pushes": pushes, "alone": alone, "beside": beside}


def _push_often(play: Played, size: int, pushes: int, ready: Any, go: Any) -> None:
    play.after_fork()
    value = noise(size)()
    ready.set()
    go.wait()
    for _ in range(pushes):
        play.push("beside-large", value)


def _pulls(play: Played, go_on: Callable[[], bool]) -> dict[str, Any]:
    spans, calls = [], play.calls()
    with play.consumer():
        while go_on():
            start = time.perf_counter()
            play.pull("beside")
            spans.append((time.perf_counter() - start) * 1000)
    return {
        "median": statistics.median(spans),
        "p99": percentile(spans, 99),
        "most": max(spans),
        "n": len(spans),
        "calls": play.calls() - calls,
    }


def human(size: int) -> str:
    """Return a size in bytes, KB or MB."""
    if size < KB:
        return f"{size} B"
    return f"{size // MB} MB" if size >= MB else f"{size // KB} KB"
