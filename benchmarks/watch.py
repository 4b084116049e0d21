"""Measure what the watch adds to a request of the Execution API: `python -m benchmarks.watch`.

Two real API servers with `enforcement = worker` share one database and one Redis. With `direct_pulls = off` the watch
passes everything through; with `auto` it works. Each kind of request goes to both in turn, in changing order. Each pair
gives one difference, so that whatever else the machine does falls on both.
"""

from __future__ import annotations

import os
import platform
import secrets
import statistics
import sys
import tempfile
from datetime import datetime, timedelta, timezone
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.ring import WARM_UP, checked
from benchmarks.timing import in_turn, quartiles
from devtools.components import OURS
from devtools.redis_server import RedisServer
from devtools.worlds.api_plan import at
from devtools.worlds.api_world import World, open_world
from exclusive_redis_xcom.formats.envelope import Envelope
from exclusive_redis_xcom.formats.reference import Reference
from exclusive_redis_xcom.store import Push

if TYPE_CHECKING:
    from collections.abc import Callable

    from devtools.worlds.api_caller import Caller

ROUNDS = 400
TTL = timedelta(minutes=30)


def push(world: World) -> Reference:
    """Store a value as a worker does; return the reference that the worker would send."""
    coordinate, name, now = at("extract", "watched"), secrets.token_hex(16), datetime.now(timezone.utc)
    envelope = Envelope(
        coordinate=coordinate,
        version=name,
        pushed_at=now,
        codec="msgpack",
        compression="off",
        decoded_size=3,
        payload=(b"abc",),
    )
    world.store.push(Push(envelope, acl=b"{}", ttl=TTL, watched=True))
    return Reference(coordinate, name, "str", 3, ("load",), "rule", now, now + TTL)


def compare(name: str, ask: Callable[[str], object]) -> str:
    """Return medians without and with the watch and of the differences. The lower quartiles show a calm moment."""
    found = in_turn({server: partial(ask, server) for server in ("off", "on")}, ROUNDS, warm_up=WARM_UP)
    off, on = (quartiles(found[server].ms) for server in ("off", "on"))
    difference = statistics.median(b - a for a, b in zip(found["off"].ms, found["on"].ms, strict=True))
    return f"{name:<26}{off[1]:>8.2f}{on[1]:>8.2f}{difference:>+8.2f}{on[1] / off[1]:>8.3f}{off[0]:>10.2f}{on[0]:>8.2f}"


def figures(world: World, servers: dict[str, Caller]) -> list[str]:
    coordinate, plain = at("extract", "watched"), at("extract", "plain")
    pushed = push(world).to_json()
    return [
        compare("POST of a reference", lambda on: checked(servers[on].xcom("owner", "POST", coordinate, json=pushed))),
        compare("POST of a plain value", lambda on: checked(servers[on].xcom("owner", "POST", plain, json="plain"))),
        compare("GET of a reference", lambda on: checked(servers[on].xcom("consumer", "GET", coordinate))),
        compare("GET of the health", lambda on: checked(servers[on].call(None, "GET", "/execution/health"))),
    ]


def main() -> int:
    with RedisServer() as server, tempfile.TemporaryDirectory(prefix="bench-watch-") as folder:
        homes = [Path(folder) / name for name in ("world", "off", "on")]
        for home in homes:
            home.mkdir()
        worker = {f"{OURS}ENFORCEMENT": "worker"}
        with (
            open_world(homes[0], server.url) as world,
            world.serve(homes[1], {**worker, f"{OURS}DIRECT_PULLS": "off"}) as off,
            world.serve(homes[2], worker) as on,
        ):
            airflow, cores = version("apache-airflow-core"), len(os.sched_getaffinity(0))
            print(f"Airflow {airflow}, SQLite, Python {platform.python_version()}, {cores} cores; {ROUNDS} pairs, ms")
            print(f"{'':<26}{'off':>8}{'on':>8}{'pairs':>8}{'ratio':>8}{'off, p25':>10}{'on, p25':>8}")
            for line in figures(world, {"off": off, "on": on}):
                print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
