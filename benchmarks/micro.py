"""Time single operations in a warmed process with pyperf, next to redis-py's own calls: `make bench-micro`.

It compares two commits; `make bench` shows what operations cost within an Airflow. `MICRO_ARGS` are arguments of
pyperf. Say `-o before.json`, then `-o after.json`. Then `python -m pyperf compare_to before.json after.json` says which
differences are more than chance. The exit code is 1 if a limit is exceeded.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from datetime import datetime, timedelta, timezone
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pyperf
import redis

from benchmarks.played import PREFIX, Played, played, redis_for_bench
from benchmarks.values import MB, csv_text, frame, frame_with_text, noise, records, small
from exclusive_redis_xcom.formats.reference import Reference, parse
from exclusive_redis_xcom.model import Coordinate

if TYPE_CHECKING:
    from collections.abc import Callable

#: Names the Redis in the environment of the processes that pyperf starts.
VARIABLE = "BENCH_MICRO_REDIS"
FLOOR = f"{PREFIX}:floor"
LARGEST = 2**31
#: Milliseconds that our code and Redis may take, on two quiet cores of 2024.
LIMITS_MS = {"push 100 B, over Airflow's call": 0.6, "pull 100 B, direct": 0.5, "encode 20,000 small dicts": 40.0}
VALUES: dict[str, Callable[[], Any]] = {
    "20,000 small dicts": records,
    "DataFrame, numbers": frame,
    "DataFrame, one of strings": frame_with_text,
    "10 MB string, CSV": csv_text(10 * MB),
    "10 MB bytes": noise(10 * MB),
}


class Micro:
    """Benchmarks by name. Each runs in processes of its own, which prepare nothing for the others."""

    def __init__(self, cleanup: contextlib.ExitStack) -> None:
        self._runner = pyperf.Runner(processes=2, values=5, min_time=0.1, program_args=("-m", "benchmarks.micro"))
        names = [VARIABLE, *(name for name in os.environ if name.startswith(("AIRFLOW", "PYTHON")))]
        self._runner.parse_args([*sys.argv[1:], "--quiet", "--inherit-environ", ",".join(names)])
        self._cleanup = cleanup
        self._found: dict[str, Any] = {}

    @property
    def in_worker(self) -> bool:
        """Return whether this is one of the processes that pyperf starts."""
        return bool(self._runner.args.worker)

    def time(self, name: str, prepare: Callable[[], Callable[[], Any]]) -> None:
        """Time an operation. `prepare` returns it, and is called in the process that runs it."""
        is_mine = self.in_worker and self._runner.args.worker_task == len(self._found)
        self._found[name] = self._runner.bench_func(name, prepare() if is_mine else int)

    def command(self, name: str, code: str) -> None:
        """Time an interpreter that runs some code."""
        self._found[name] = self._runner.bench_command(name, [sys.executable, "-c", code])

    def exceeded(self) -> list[str]:
        """Say which limits are exceeded."""
        means = {name: bench.mean() * 1000 for name, bench in self._found.items() if bench and name in LIMITS_MS}
        return [
            f"{name}: {ms:.2f} ms, limit {LIMITS_MS[name]:g} ms: exceeded"
            for name, ms in means.items()
            if ms > LIMITS_MS[name]
        ]

    def play(self) -> Played:
        """Play tasks until the process ends."""
        return self._cleanup.enter_context(played(os.environ[VARIABLE]))

    def client(self) -> redis.Redis:
        """Return a bare client, and store a value for it."""
        client: redis.Redis = self._cleanup.enter_context(redis.Redis.from_url(os.environ[VARIABLE]))
        client.hset(FLOOR, "-1", small())
        client.expire(FLOOR, 600)
        return client


def time_all(micro: Micro) -> None:
    """Time everything."""
    micro.time("push 100 B, over Airflow's call", lambda: partial(micro.play().store_only, "pushed", small()))
    micro.time("redis-py: HSET of 100 bytes", lambda: partial(micro.client().hset, FLOOR, "-1", small()))
    micro.time("pull 100 B, direct", lambda: _pull(micro.play()))
    micro.time("pull 100 B, over Airflow's call", lambda: _resolve(micro.play()))
    micro.time("redis-py: HGET of 100 bytes", lambda: partial(micro.client().hget, FLOOR, "-1"))
    micro.time("pull 1,000 mapped results, direct", lambda: _pull_all(micro.play()))
    for number in (2, 3):
        micro.time(f"reference of format {number}, to JSON", partial(_reference_to_json, number))
        micro.time(f"reference of format {number}, from JSON", partial(_reference_from_json, number))
    for name, make in VALUES.items():
        micro.time(f"encode {name}", partial(_encode, make))
        micro.time(f"decode {name}", partial(_decode, make))
    micro.command("python", "pass")
    micro.command("python, import exclusive_redis_xcom", "import exclusive_redis_xcom")


def _pull(play: Played) -> Callable[[], Any]:
    play.push("small", small())
    return _as_consumer(play, partial(play.pull, "small"))


def _resolve(play: Played) -> Callable[[], Any]:
    from exclusive_redis_xcom import ExclusiveRedisXCom

    play.push("small", small())
    row = SimpleNamespace(value=next(iter(play.rows.values.values())))
    return _as_consumer(play, partial(ExclusiveRedisXCom.deserialize_value, row))


def _pull_all(play: Played) -> Callable[[], Any]:
    for index in range(1000):
        play.push("many", small(), index)
    return _as_consumer(play, partial(play.pull_all, "many"))


def _as_consumer(play: Played, operation: Callable[[], Any]) -> Callable[[], Any]:
    def run() -> Any:
        with play.consumer():
            return operation()

    return run


def _reference(number: int) -> Reference:
    """Return a reference with names as most installations have them."""
    pushed_at = datetime(2026, 11, 30, 6, 50, 12, 345_000, tzinfo=timezone.utc)
    return Reference(
        Coordinate("sales_report", "scheduled__2026-11-30T00:00:00+00:00", "extract_it", "return_value"),
        version="0123456789abcdef" * 2,
        type_name="int",
        size=1,
        consumers=("load", "sales_report"),
        rule="xcom_acl['extract_it']['return_value'] at sales_report.py:12",
        pushed_at=pushed_at,
        expires_at=pushed_at + timedelta(days=7),
        about="int, 1 byte, for load and sales_report until 7 Dec 06:50 UTC; the value is in Redis, not here",
        format=number,
    )


def _reference_to_json(number: int) -> Callable[[], Any]:
    reference = _reference(number)
    return lambda: json.dumps(reference.to_json())


def _reference_from_json(number: int) -> Callable[[], Any]:
    text = json.dumps(_reference(number).to_json())
    return lambda: parse(json.loads(text))


def _encode(make: Callable[[], Any]) -> Callable[[], Any]:
    from exclusive_redis_xcom import codec

    return partial(codec.encode, make(), max_bytes=LARGEST)


def _decode(make: Callable[[], Any]) -> Callable[[], Any]:
    from exclusive_redis_xcom import codec
    from exclusive_redis_xcom.memory import joined

    encoded = codec.encode(make(), max_bytes=LARGEST)
    facts = {name: getattr(encoded, name) for name in ("codec", "compression", "decoded_size")}
    return partial(codec.decode, joined(encoded.payload), max_bytes=LARGEST, **facts)


def main() -> int:
    """Run; return the exit code."""
    with contextlib.ExitStack() as cleanup:
        micro = Micro(cleanup)
        if not micro.in_worker:
            os.environ[VARIABLE] = cleanup.enter_context(redis_for_bench())
        time_all(micro)
    if micro.in_worker:
        return 0
    exceeded = micro.exceeded()
    print(*(exceeded or ["no limit is exceeded"]), sep="\n")
    return int(bool(exceeded))


if __name__ == "__main__":
    sys.exit(main())
