"""Where the time of a pull goes with `enforcement = server`: the last table of `make bench-ring`.

One process plays both sides. The real Execution API with the ring is in a thread. A task pulls all results of a mapped
task. Each part is timed where it runs, without the parts that it calls, and in CPU time of its own thread. So
neither the other side nor other work of the machine counts. What is left over is Airflow's own: its query, JSON, HTTP
and messages. A second table tells what Airflow's default backend takes for as many rows, small ones and of our size.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import tempfile
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from devtools.worlds.execution_world import ExecutionWorld

RESULTS = 1000
ROUNDS = 7
_REST = "Airflow's own part, and all else"


class _Clock:
    """Adds up CPU time by part. A part that calls another one does not count the other's time."""

    def __init__(self) -> None:
        self.ms: Counter[str] = Counter()
        self._inner = threading.local()

    def timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any, **kwargs: Any) -> Any:
            outer = getattr(self._inner, "spent", 0.0)
            self._inner.spent = 0.0
            started = time.thread_time()
            try:
                return function(*args, **kwargs)
            finally:
                spent = time.thread_time() - started
                self.ms[part] += (spent - self._inner.spent) * 1000
                self._inner.spent = outer + spent

        return called


def _places() -> list[tuple[str, Any, str]]:
    """Return the parts, and where their functions stand."""
    import airflow.sdk  # noqa: F401 - it loads the XCom backend, which is us

    from exclusive_redis_xcom.airflow import rows
    from exclusive_redis_xcom.api_server.requests import caller, xcom_table
    from exclusive_redis_xcom.api_server.ring import records, releasing
    from exclusive_redis_xcom.api_server.ring.items import Document
    from exclusive_redis_xcom.crypto import opening
    from exclusive_redis_xcom.formats import opened_slice, reference, wrapped_rows
    from exclusive_redis_xcom.reporting import masking
    from exclusive_redis_xcom.store import Store
    from exclusive_redis_xcom.task import many

    return [
        ("server: look-up of the caller", caller, "look_up_task_instance"),
        ("server: rows past Airflow's JSON", xcom_table, "texts"),
        ("server: JSON, read and written", Document, "__init__"),
        ("server: JSON, read and written", Document, "to_json"),
        ("server: references, read", reference, "parse_stored"),
        ("server: references, read", wrapped_rows, "load"),
        ("server: wrapped keys, opened", opening, "unwrap_key"),
        ("server: wrapped keys, opened", opening, "unwrap_keys"),
        ("server: one text of all", opened_slice, "dump_rows"),
        ("server: sealed keys, opened (HPKE)", opening, "open_key"),
        ("server: rules", opening, "decide"),
        ("server: the rest of the ring", releasing.Releaser, "_decide"),
        ("server: the rest of the ring", releasing, "open_slice"),
        ("server: records", records, "of_items"),
        ("server: records", records, "of_granted"),
        ("task: references, read", reference, "expanded"),
        ("task: the rest of the pull", rows, "_resolved"),
        ("task: Redis", Store, "fetch_results"),
        ("task: rules", many, "rules_of"),
        ("task: values, decrypted and decoded", many, "decoded_values"),
        ("task: values, masked in logs", masking, "mask"),
    ]


@contextlib.contextmanager
def _watched() -> Iterator[_Clock]:
    clock = _Clock()
    with contextlib.ExitStack() as stack:
        for part, owner, name in _places():
            stack.enter_context(patch.object(owner, name, clock.timed(part, getattr(owner, name))))
        yield clock


def parts(results: int = RESULTS) -> list[str]:
    """Return the lines of the table: CPU time in ms of one pull, with wrapped keys and with sealed ones."""
    from devtools.redis_server import RedisServer
    from devtools.worlds.execution_world import open_execution_world

    with tempfile.TemporaryDirectory(prefix="bench-ring-parts-") as home:
        os.environ.update({"AIRFLOW_HOME": home, "AIRFLOW__CORE__LOAD_EXAMPLES": "False"})
        os.environ["AIRFLOW__CORE__XCOM_BACKEND"] = "exclusive_redis_xcom.ExclusiveRedisXCom"
        with (
            RedisServer() as server,
            _watched() as clock,
            open_execution_world(server.url, "server", audit="all") as world,
        ):
            world.push("parts", range(results))
            world.is_wrapped = False
            world.push("others", range(results))
            wrapped, sealed = _measured(world, clock, "parts", results), _measured(world, clock, "others", results)
            floor = _floor(world, results)
    names = [name for name in dict.fromkeys(part for part, _, _ in _places()) if wrapped[name] or sealed[name]]
    head = f"{f'CPU time in ms of a pull of {results} results':<47}{'wrapped':>9}{'sealed':>9}"
    lines = [f"{name:<47}{wrapped[name]:>9.1f}{sealed[name]:>9.1f}" for name in [*names, _REST]]
    floors = [f"{name:<47}{ms:>9.1f}" for name, ms in floor.items()]
    return [head, *lines, "", f"CPU time in ms of Airflow's default backend, {results} rows", *floors]


def _floor(world: ExecutionWorld, results: int) -> dict[str, float]:
    """Return what Airflow alone takes for rows of several sizes and forms, in turn."""
    from airflow.sdk.bases.xcom import BaseXCom

    row = world.row("parts", 0)
    size = len(json.dumps(row))
    forms = {
        "of 100 bytes": "x" * 98,
        f"of {size} bytes, as large as ours": "x" * (size - 2),
        f"of {size} bytes, as an object": {"row": "x" * (size - 11)},
    }
    spent: dict[str, list[float]] = {name: [] for name in forms}
    for _ in range(ROUNDS + 1):
        for name, form in forms.items():
            world.put("nothing", dict.fromkeys(range(results), form))
            started = time.process_time()
            with world.running("load"):
                assert len(BaseXCom.get_all(**world.request("nothing")) or ()) == results
            spent[name].append((time.process_time() - started) * 1000)
    return {name: statistics.median(found[1:]) for name, found in spent.items()}


def _measured(world: ExecutionWorld, clock: _Clock, task_id: str, results: int) -> Counter[str]:
    """Return the medians of each part."""
    from exclusive_redis_xcom import ExclusiveRedisXCom

    rounds: list[Counter[str]] = []
    for _ in range(ROUNDS + 1):
        clock.ms.clear()
        started = time.process_time()
        with world.running("load"):
            assert len(ExclusiveRedisXCom.get_all(**world.request(task_id)) or ()) == results
        whole = (time.process_time() - started) * 1000
        rounds.append(Counter({**clock.ms, _REST: whole - sum(clock.ms.values())}))
    del rounds[0]
    return Counter({name: statistics.median(found[name] for found in rounds) for name in set().union(*rounds)})


if __name__ == "__main__":
    print(*parts(), sep="\n")
