"""100,000 small XComs of one DAG: their memory in Redis, the commands that look at all of them, and their deletion.

The DAG is deleted over REST: once without this package around the API server, and once with it, in each mode. Both
delete as many rows from the same tables. How long the event loop kept others waiting is watched from inside.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import redis

from benchmarks.scale import program
from devtools.components import OURS
from devtools.redis_server import RedisServer
from devtools.worlds import airflow_rows
from devtools.worlds.rest_world import PREFIX, RestWorld, open_rest_world
from devtools.worlds.running_task import executing
from exclusive_redis_xcom.model import Coordinate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAG_ID = "sales"
_COUNTS = {False: 100_000, True: 1_000}
_TASKS, _KEYS = 10, 20
#: Every so many-th value is an object below `spill_path`.
_SPILLED = 100
_COMMANDS = ("ls", "du", "gc")


def measure(home: Path, *, quick: bool) -> dict[str, Any]:
    """Measure and return the figures."""
    coordinates = list(_coordinates(_COUNTS[quick]))
    spill = home / "objects"
    spill.mkdir()
    found: dict[str, Any] = {"count": len(coordinates)}
    with RedisServer() as server, redis.Redis.from_url(server.url) as client:
        options = {"spill_path": f"file://{spill}", "spill_threshold_bytes": "1048576"}
        before = _used(client)
        with _settings(server.url, options):
            found["push_seconds"] = _push(coordinates)
        found["redis_bytes_each"] = (_used(client) - before) / len(coordinates)
        env = {f"{OURS}REDIS_URL": server.url, **{f"{OURS}{name.upper()}": text for name, text in options.items()}}
        exclusive = [sys.executable, "-m", "exclusive_redis_xcom.cli"]
        found["ls of an absent DAG"] = program.timed([*exclusive, "ls", "absent"], env, status=1)
        for name in _COMMANDS:
            found[name] = program.timed([*exclusive, name], env)
        found["deletions"] = {
            name: _deletion(server.url, coordinates, enforcement, client)
            for name, enforcement in (("without", ""), ("worker", "worker"), ("server", "server"))
        }
        found["gc after"] = program.timed([*exclusive, "gc", "--force", "--older-than", "1m"], env)
    return found


def _coordinates(count: int) -> Iterator[Coordinate]:
    for number in range(count):
        rest, key = divmod(number, _KEYS)
        run, task = divmod(rest, _TASKS)
        yield Coordinate(DAG_ID, f"manual__{run:05}", f"task_{task}", f"key_{key}")


def _push(coordinates: list[Coordinate]) -> float:
    """Push all values as tasks do, and commit their marks as API servers do; return the seconds."""
    from airflow.sdk import DAG, task

    from exclusive_redis_xcom import ExclusiveRedisXCom
    from exclusive_redis_xcom.api_server.requests.store_source import StoreSource
    from exclusive_redis_xcom.formats import reference
    from exclusive_redis_xcom.settings import load_settings

    with DAG(DAG_ID, schedule=None) as dag:
        for number in range(_TASKS):
            task(task_id=f"task_{number}")(lambda: None)()
    start, store = time.perf_counter(), StoreSource(load_settings())()
    for first in range(0, len(coordinates), _KEYS):
        at = coordinates[first]
        with executing(dag.get_task(at.task_id), run_id=at.run_id):
            for number, each in enumerate(coordinates[first : first + _KEYS], start=first):
                value = os.urandom(1_100_000) if number % (_SPILLED * _KEYS) == 0 else number
                ids = {"dag_id": each.dag_id, "run_id": each.run_id, "task_id": each.task_id, "key": each.key}
                row = ExclusiveRedisXCom.serialize_value(value, map_index=-1, **ids)
                found = reference.parse(row)
                store.commit(found.coordinate, found.version)
    store._client.close()
    return time.perf_counter() - start


def _deletion(url: str, coordinates: list[Coordinate], enforcement: str, client: redis.Redis) -> dict[str, Any]:
    """Delete the DAG, and return how long that took and how long the event loop was blocked."""
    with _world(url, enforcement) as world:
        airflow_rows.put([Coordinate("warm", "up", "t", "k")])
        assert world.call("DELETE", "/dags/warm").status_code == 204  # imports
        if enforcement:
            _fill(client, coordinates)
        airflow_rows.put(coordinates)
        with world.lag() as lag:
            start = time.perf_counter()
            answer = world.call("DELETE", f"/dags/{DAG_ID}")
            seconds = time.perf_counter() - start
        assert answer.status_code == 204, answer.text
        assert airflow_rows.count() == 0
    left = sum(1 for _ in client.scan_iter(f"{PREFIX}:{DAG_ID}:*", count=10_000))
    assert left == (0 if enforcement else len(coordinates)), f"{left} hashes are left"
    return {"seconds": seconds, "longest_block_ms": lag.longest}


def _fill(client: redis.Redis, coordinates: list[Coordinate]) -> None:
    """Put back what an earlier deletion took: hashes of about the same size, and nothing of them is read."""
    from exclusive_redis_xcom.formats import redis_names

    names = [redis_names.hash_name(PREFIX, at) for at in coordinates]
    for first in range(0, len(names), 1000):
        with client.pipeline(transaction=False) as pipeline:
            for name in names[first : first + 1000]:
                pipeline.hset(name, mapping={"acl": "x" * 200, "-1": "x" * 200})
                pipeline.expire(name, 3600)
            pipeline.execute()


@contextlib.contextmanager
def _world(url: str, enforcement: str) -> Iterator[RestWorld]:
    with open_rest_world(url, enforcement or "worker", with_ours=bool(enforcement)) as world:
        yield world


@contextlib.contextmanager
def _settings(url: str, options: dict[str, str]) -> Iterator[None]:
    from devtools.worlds.fresh_process import start_afresh

    given = {"redis_url": url, "key_prefix": PREFIX, **options}
    with patch.dict(os.environ, {f"{OURS}{name.upper()}": text for name, text in given.items()}):
        start_afresh()
        yield
        start_afresh()


def _used(client: redis.Redis) -> int:
    facts: Any = client.info("memory")
    return int(facts["used_memory"])


if __name__ == "__main__":
    sys.exit(program.main(measure))
