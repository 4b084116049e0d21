"""Measure what the ring adds to a request of the Execution API: `make bench-ring`.

Two real API servers share one database. With `enforcement = worker` the ring passes everything through; with
`enforcement = server` it works. Each kind of request goes to both in turn, so that whatever else the machine does falls
on both. It prints medians, differences and limits. The exit code is 1 if a limit is exceeded. Then it says where the
time of a large pull goes (`benchmarks/ring_parts.py`).
"""

from __future__ import annotations

import contextlib
import itertools
import os
import platform
import statistics
import sys
import tempfile
import threading
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.ring_parts import parts
from benchmarks.timing import in_turn
from devtools.components import OURS
from devtools.redis_server import RedisServer
from devtools.worlds.api_plan import at
from devtools.worlds.api_world import World, open_world
from devtools.worlds.sealed import as_the_ring_stores
from exclusive_redis_xcom.formats.reference import MARK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

    from devtools.worlds.api_caller import Caller
    from exclusive_redis_xcom.model import Coordinate

ROUNDS = 200
SLICE = 256
SLICE_ROUNDS = 40
GET_LIMIT = 1.5
WARM_UP = 20


@dataclass(frozen=True)
class Figure:
    """Medians in ms without and with the ring; `limit` holds for the difference."""

    name: str
    off: float
    on: float
    limit: float | None = None

    @property
    def exceeded(self) -> bool:
        return self.limit is not None and self.on - self.off > self.limit

    def __str__(self) -> str:
        verdict = "" if self.limit is None else f"  limit +{self.limit:g}: {'exceeded' if self.exceeded else 'ok'}"
        return f"{self.name:<47}{self.off:>9.2f}{self.on:>9.2f}{self.on - self.off:>+9.2f}{verdict}"


def compare(name: str, ask: Callable[[str, int], Any], rounds: int, limit: float | None = None) -> Figure:
    """Ask `off` and `on` in turn, and change the order every time."""
    off, on = itertools.count(), itertools.count()
    asked = {"off": lambda: ask("off", next(off)), "on": lambda: ask("on", next(on))}
    found = in_turn(asked, rounds, warm_up=WARM_UP)
    return Figure(name, statistics.median(found["off"].ms), statistics.median(found["on"].ms), limit)


def checked(answer: httpx.Response) -> httpx.Response:
    assert answer.is_success, answer.text
    return answer


def push(world: World, coordinate: Coordinate) -> None:
    """Push a value, and store its row as the ring stores it."""
    pushed = world.push(coordinate, ["load"])
    world.put_row(coordinate, as_the_ring_stores(pushed.reference.to_json(), world.keys.private))


def get_figures(world: World, servers: dict[str, Caller]) -> list[Figure]:
    sealed, plain = at("extract", "bench"), at("extract", "plain")
    push(world, sealed)
    world.put_row(plain, "plain")

    def get(server: str, caller: str, coordinate: Coordinate) -> httpx.Response:
        return checked(servers[server].xcom(caller, "GET", coordinate))

    assert isinstance(get("on", "consumer", sealed).json()["value"][MARK], str)
    return [
        compare("GET, the value opened", lambda on, _: get(on, "consumer", sealed), ROUNDS, GET_LIMIT),
        compare("GET of a plain row", lambda on, _: get(on, "consumer", plain), ROUNDS),
    ]


def write_figures(world: World, servers: dict[str, Caller]) -> list[Figure]:
    reference = world.push(at("extract", "posted"), ["load"]).reference.to_json()

    def post(server: str, _: int) -> httpx.Response:
        return checked(servers[server].xcom("owner", "POST", at("extract", "posted"), json=reference))

    return [compare("POST of a reference by its owner", post, ROUNDS)]


def slice_figures(world: World, servers: dict[str, Caller]) -> list[Figure]:
    for index in range(SLICE):
        push(world, at("parts", "bench", map_index=index))

    def pull(server: str, _: int = 0) -> httpx.Response:
        return checked(servers[server].xcom("consumer", "GET", at("parts", "bench"), route="/slice"))

    assert len(pull("on").json()) == SLICE
    assert "refused" not in pull("on").text

    def other(server: str, _: int) -> httpx.Response:
        return checked(servers[server].call(None, "GET", "/execution/health"))

    figures = [
        compare(f"slice of {SLICE}", pull, SLICE_ROUNDS),
        compare("another request, meanwhile nothing", other, ROUNDS),
    ]
    with busy(lambda: pull("off")):
        off = compare("", lambda _, turn: other("off", turn), SLICE_ROUNDS).off
    with busy(lambda: pull("on")):
        on = compare("", lambda _, turn: other("on", turn), SLICE_ROUNDS).on
    return [*figures, Figure("another request, meanwhile slices", off, on)]


@contextlib.contextmanager
def busy(work: Callable[[], Any]) -> Iterator[None]:
    """Do some work again and again in another thread."""
    stop = threading.Event()

    def repeat() -> None:
        while not stop.is_set():
            work()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def main() -> int:
    with RedisServer() as server, tempfile.TemporaryDirectory(prefix="bench-ring-") as folder:
        homes = [Path(folder) / name for name in ("on", "off")]
        for home in homes:
            home.mkdir()
        with (
            open_world(homes[0], server.url) as world,
            world.serve(homes[1], {f"{OURS}ENFORCEMENT": "worker"}) as off,
        ):
            servers = {"off": off, "on": world.caller}
            print(
                f"Airflow {version('apache-airflow-core')}, SQLite, Python {platform.python_version()}, "
                f"{len(os.sched_getaffinity(0))} cores; medians of {ROUNDS} (slices {SLICE_ROUNDS}) in ms"
            )
            print(f"{'':<47}{'off':>9}{'on':>9}{'':>9}")
            figures = [
                figure for measure in (get_figures, write_figures, slice_figures) for figure in measure(world, servers)
            ]
    print(*figures, sep="\n")
    print("", *parts(), sep="\n")
    return int(any(figure.exceeded for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
