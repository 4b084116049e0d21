"""Measure the section `far`: round trips to a Redis that is 20 ms away, by kind of connection.

A proxy in this process delays each byte and counts how often a pull waits (`devtools/delaying_proxy.py`). The TCP
connection is a round trip, too. Each build has a Redis and a proxy of its own, and both take turns.
A pull that is not direct also asks Airflow's API server, which costs a round trip at least. It is not delayed here.
"""

from __future__ import annotations

import contextlib
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.base.program import Program, running
from devtools.delaying_proxy import DelayingProxy, Waits
from devtools.redis_server import RedisServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.base.trees import Tree

ROUND_TRIP = 0.02
ROUNDS = {False: 8, True: 3}
_PASSWORD = "bench"  # noqa: S105 - of a Redis that only this process knows


@dataclass(frozen=True)
class Connection:
    """A kind of connection: the configuration of the server, and what its URL has besides host and port."""

    name: str
    config: Mapping[str, str]
    login: str
    database: int


CONNECTIONS = (
    Connection("no password", {}, "", 0),
    Connection("password", {"requirepass": _PASSWORD}, f":{_PASSWORD}@", 0),
    Connection("password, database 1", {"requirepass": _PASSWORD}, f":{_PASSWORD}@", 1),
)
#: What is pulled -> where, and which operation of the program.
OPERATIONS = {
    "first pull of a process": ("fork", "small"),
    "later pull": ("same", "small"),
    "300 mapped results": ("same", "mapped"),
}
#: Name of a way to pull -> the setting `direct_pulls`.
DIRECT, NOT_DIRECT = "direct", "not direct"
WAYS = {DIRECT: "auto", NOT_DIRECT: "off"}


class _Far(NamedTuple):
    program: Program
    proxy: DelayingProxy


def measure(trees: Sequence[Tree], *, quick: bool) -> dict[str, Any]:
    """Measure all kinds of connections; return the section.

    There is one of `entries` for each tree, connection, operation and way. It has the round trips of the pull that
    waited most often, the calls to Airflow, and the median time in ms.
    """
    entries: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="bench-far-") as home:
        for connection in CONNECTIONS[:: 2 if quick else 1]:
            with contextlib.ExitStack() as stack:
                far = {tree.name: stack.enter_context(_far_away(tree, connection, Path(home))) for tree in trees}
                entries += _pulls(far, connection.name, ROUNDS[quick])
    return {"round_trip_ms": ROUND_TRIP * 1000, "entries": entries}


def waits(entry: Mapping[str, Any]) -> int:
    """Return how often a pull waits: for the connection, for answers of Redis, and for Airflow's API."""
    return int(entry["connections"] + entry["exchanges"] + entry["calls"])


@contextlib.contextmanager
def _far_away(tree: Tree, connection: Connection, home: Path) -> Iterator[_Far]:
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(RedisServer(config=connection.config))
        proxy = stack.enter_context(DelayingProxy("127.0.0.1", server.port, ROUND_TRIP))
        urls = [f"redis://{connection.login}127.0.0.1:{each.port}/{connection.database}" for each in (server, proxy)]
        yield _Far(stack.enter_context(running("far_player.py", tree, home, *urls)), proxy)


def _pulls(far: Mapping[str, _Far], connection: str, rounds: int) -> Iterator[dict[str, Any]]:
    for way, setting in WAYS.items():
        for operation, asked in OPERATIONS.items():
            found: dict[str, list[tuple[Waits, dict[str, float]]]] = {name: [] for name in far}
            for turn in range(-1, rounds):
                for name, (program, proxy) in far.items():
                    before = proxy.waits
                    answer = program.ask(setting, *asked)
                    if turn >= 0:
                        found[name].append((proxy.waits - before, answer))
            for name, pulls in found.items():
                most = max((waits for waits, _ in pulls), key=lambda waits: waits.round_trips)
                yield {
                    **{"tree": name, "connection": connection, "operation": operation, "way": way},
                    **{"connections": most.connections, "exchanges": most.exchanges},
                    "calls": max(answer["calls"] for _, answer in pulls),
                    "ms": statistics.median(answer["ms"] for _, answer in pulls),
                }
