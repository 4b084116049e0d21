"""Measure loops over the results of a mapped task next to Airflow's default backend: `python -m benchmarks.lazy`.

The real Execution API serves the calls, from a thread of this process. There is no supervisor between, so a call costs
less than in a task, and the ratios look worse. The contenders are measured in turn, so that whatever else the
machine does falls on all.

- "default": Airflow's own classes and its default backend.
- "direct": Redis can prove that it has all rows.
- "by row": it cannot, because `direct_pulls = off`.
- "server": `enforcement = server`.

It prints the medians in ms, the calls, and the ratio to the default. The last lines are the pull of all results at once
where direct pulls are not possible. Pass "quick" for fewer rounds and 1,000 results there.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import sys
import tempfile
import threading
import time
import uuid
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from benchmarks.timing import in_turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from devtools.worlds.execution_world import ExecutionWorld
    from exclusive_redis_xcom.store import Store

_ROW = "{:<26}{:<10}{:>10}{:>8}{:>12}"
COUNTS = (24, 1_000)
MANY = 10_000
#: Rounds for each number of results. The default makes a call for each result.
ROUNDS = {24: 20, 1_000: 3, MANY: 5}
_BEAT_SECONDS, _SETTLED_SECONDS = 2.0, 1.2
_STARTED = datetime.now(timezone.utc) - timedelta(hours=1)


def main() -> int:
    quick = "quick" in sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="bench-lazy-") as home:
        os.environ.update({"AIRFLOW_HOME": home, "AIRFLOW__CORE__LOAD_EXAMPLES": "False"})
        os.environ["AIRFLOW__CORE__XCOM_BACKEND"] = "exclusive_redis_xcom.ExclusiveRedisXCom"
        _silence()
        print(_ROW.format("what", "how", "ms", "calls", "of default"))
        for how, mode, options in (
            ("direct", "worker", {"direct_pulls": "auto"}),
            ("by row", "worker", {}),
            ("server", "server", {}),
        ):
            for line in _measured(how, mode, options, quick=quick):
                print(line, flush=True)
    return 0


def _silence() -> None:
    """Let Airflow's client not log the end of each loop as an error."""
    import logging

    import structlog

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def _measured(how: str, mode: str, options: dict[str, str], *, quick: bool) -> Iterator[str]:
    from devtools.redis_server import RedisServer
    from devtools.worlds.execution_world import open_execution_world

    with RedisServer() as server, open_execution_world(server.url, mode, **options) as world:
        with _watching(server.url) as store:
            for count in COUNTS:
                _fill(world, count, store if how == "direct" else None)
                with world.running("load", _STARTED) as task_instance:
                    yield from _loops(world, task_instance, how, count, 2 if quick else ROUNDS[count])
        if how != "direct":
            many = 1_000 if quick else MANY
            _fill(world, many, None)
            with world.running("load", _STARTED):
                yield from _at_once(world, how, many, 2 if quick else ROUNDS[MANY])


def _fill(world: ExecutionWorld, count: int, store: Store | None) -> None:
    world.push("parts", range(count))
    world.write("nothing", range(count))
    if store is not None:
        world.commit("parts", store)


def _loops(world: ExecutionWorld, task_instance: Any, how: str, count: int, rounds: int) -> Iterator[str]:
    expected = list(range(count))

    def loop(task_id: str, read: Callable[[Any], Any], backend: Any) -> None:
        argument = world.dag.get_task(task_id).output
        with _backend(backend):
            assert read(lambda made: made(argument).resolve({"ti": task_instance})) == expected

    ours, default = _backends()
    for name, read in (
        ("for x in xs", lambda resolved: [*iter(resolved(lambda xs: xs))]),
        ("list(xs)", lambda resolved: list(resolved(lambda xs: xs))),
        ("xs.map(f)", lambda resolved: [*iter(resolved(lambda xs: xs.map(abs)))]),
        ("xs.zip(xs)", lambda resolved: [one for one, _ in resolved(lambda xs: xs.zip(xs))]),
    ):
        if count > COUNTS[0] and name not in {"for x in xs", "xs.map(f)"}:
            continue  # the default takes half a minute for each
        contenders = {"default": partial(loop, "nothing", read, default), how: partial(loop, "parts", read, ours)}
        yield from _lines(world, f"{name}, {count:,}", how, contenders, rounds)


def _at_once(world: ExecutionWorld, how: str, count: int, rounds: int) -> Iterator[str]:
    expected = list(range(count))

    def pull(task_id: str, backend: Any) -> None:
        assert backend.get_all(**world.request(task_id)) == expected

    ours, default = _backends()
    contenders = {"default": partial(pull, "nothing", default), how: partial(pull, "parts", ours)}
    yield from _lines(world, f"all at once, {count:,}", how, contenders, rounds)


def _lines(
    world: ExecutionWorld, what: str, how: str, contenders: Mapping[str, Callable[[], None]], rounds: int
) -> Iterator[str]:
    found = in_turn(contenders, rounds, calls=lambda: len(world.rows.messages), collect=True)
    default = statistics.median(found["default"].ms)
    for name in ("default", how):
        median = statistics.median(found[name].ms)
        calls = max(found[name].calls)
        yield _ROW.format(what, name, f"{median:.1f}", calls, "" if name == "default" else _ratio(median / default))


def _ratio(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio >= 1 else f"1/{1 / ratio:.1f}"


def _backends() -> tuple[Any, Any]:
    from airflow.sdk.bases.xcom import BaseXCom

    from exclusive_redis_xcom import ExclusiveRedisXCom

    return ExclusiveRedisXCom, BaseXCom


@contextlib.contextmanager
def _backend(backend: Any) -> Iterator[None]:
    from airflow.sdk.execution_time import xcom

    with patch.object(xcom, "XCom", backend):
        yield


@contextlib.contextmanager
def _watching(url: str) -> Iterator[Store]:
    """Send heartbeats as an API server does that watches."""
    from exclusive_redis_xcom.connection import RedisClient, Timeouts
    from exclusive_redis_xcom.connection.url import options_from_url
    from exclusive_redis_xcom.store import Store

    client = RedisClient(options_from_url(url), Timeouts(2.0, 30.0, 60.0))
    store, server, stop = Store(client, key_prefix="exclusive_redis_xcom"), uuid.uuid4().hex, threading.Event()
    store.beat(server, missed=False)

    def go_on() -> None:
        while not stop.wait(_BEAT_SECONDS):
            store.beat(server, missed=False)

    thread = threading.Thread(target=go_on, daemon=True)
    thread.start()
    time.sleep(_SETTLED_SECONDS)
    try:
        yield store
    finally:
        stop.set()
        thread.join()
        client.close()


if __name__ == "__main__":
    sys.exit(main())
