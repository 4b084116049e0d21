"""Let many processes push and pull at once, and measure how busy they keep Redis' one thread."""

from __future__ import annotations

import multiprocessing
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.figures import percentile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import redis

    from benchmarks.played import Played

#: So many pulls follow each push.
_PULLS = 2


@dataclass(frozen=True)
class Load:
    """A number of processes. Each pushes a value of `size` bytes and pulls it twice, for so many seconds."""

    processes: int
    size: int
    seconds: float


def under_load(play: Played, servers: Sequence[redis.Redis], load: Load) -> dict[str, Any]:
    """Run the load; return operations a second, times in ms, and how busy each server's thread was."""
    context = multiprocessing.get_context("fork")
    ready, go, out = context.Barrier(load.processes + 1), context.Event(), context.SimpleQueue()
    workers = [
        context.Process(target=_work, args=(play, load, number, ready, go, out)) for number in range(load.processes)
    ]
    for worker in workers:
        worker.start()
    try:
        ready.wait(120)
        before, start = [_cpu_seconds(server) for server in servers], time.perf_counter()
        go.set()
        found = [out.get() for _ in workers]
        elapsed = time.perf_counter() - start
        used = [_cpu_seconds(server) - earlier for server, earlier in zip(servers, before, strict=True)]
    finally:
        for worker in workers:
            worker.join(10)
            worker.kill()
    return summary(found, elapsed, used)


def cost_us(server: redis.Redis, operation: Callable[[], object], rounds: int) -> float:
    """Return how long the server's thread is busy with one operation, in microseconds."""
    operation()
    before = _cpu_seconds(server)
    for _ in range(rounds):
        operation()
    return (_cpu_seconds(server) - before) * 1e6 / rounds


def summary(found: Sequence[dict[str, list[float]]], elapsed: float, used: Sequence[float]) -> dict[str, Any]:
    """Sum up the times of all processes, in ms, and the seconds that the servers' threads were busy."""
    spans = {name: sorted(span for one in found for span in one[name]) for name in ("push", "pull")}
    operations = sum(map(len, spans.values()))
    return {
        "operations": operations,
        "per_second": operations / elapsed,
        "per_item": elapsed * 1000 / operations,
        "redis_us_per_operation": sum(used) * 1e6 / operations,
        "redis_busy": [seconds / elapsed for seconds in used],
        **{name: {"median": percentile(values, 50), "p99": percentile(values, 99)} for name, values in spans.items()},
    }


def _work(play: Played, load: Load, number: int, ready: Any, go: Any, out: Any) -> None:
    play.after_fork()
    value, key = os.urandom(load.size), f"load-{load.size}-{number}"
    spans: dict[str, list[float]] = {"push": [], "pull": []}
    play.push(key, value)
    ready.wait(120)
    go.wait()
    end = time.perf_counter() + load.seconds
    while time.perf_counter() < end:
        spans["push"].append(_ms(lambda: play.push(key, value)))
        with play.consumer():
            spans["pull"] += [_ms(lambda: play.pull(key)) for _ in range(_PULLS)]
    out.put(spans)


def _ms(operation: Callable[[], object]) -> float:
    start = time.perf_counter()
    operation()
    return (time.perf_counter() - start) * 1000


def _cpu_seconds(server: redis.Redis) -> float:
    facts: Any = server.info("cpu")
    names = ("used_cpu_user_main_thread", "used_cpu_sys_main_thread")
    if names[0] not in facts:  # up to Redis 6.0
        names = ("used_cpu_user", "used_cpu_sys")
    return sum(float(facts[name]) for name in names)
