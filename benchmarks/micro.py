"""What a push and a pull add to Airflow's own API call: `make bench`.

Runs in one warmed process against a real Redis (REDIS_URL, else one it starts). Prints what it ran on, medians,
and the limits they are held to; exit code 1 when one is exceeded. The numbers are this machine's; the ratios to a
bare redis-py HSET/HGET of the same bytes, measured in turn in the same run, travel better.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from devtools.redis_server import RedisServer
from devtools.running_task import executing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import redis

ROUNDS = 500
SMALL = "x" * 100
ADDRESS: dict[str, Any] = {"key": "key", "dag_id": "bench", "task_id": "produce", "run_id": "bench", "map_index": -1}
OURS = "exclusive_redis_xcom:bench:*"
FLOOR = "exclusive_redis_xcom:bench:floor"
HEAVY = frozenset({"redis", "pandas", "airflow", "numpy"})
RECORDS = [
    {"id": i, "name": f"customer-{i}", "amount": i * 1.5, "active": i % 2 == 0, "note": None} for i in range(20_000)
]


class Figure(NamedTuple):
    """One line of the output; ``limit`` is the value that may not be exceeded."""

    name: str
    value: float
    limit: float | None = None

    @property
    def exceeded(self) -> bool:
        return self.limit is not None and self.value > self.limit

    def __str__(self) -> str:
        verdict = "" if self.limit is None else f"  limit {self.limit:g}: {'EXCEEDED' if self.exceeded else 'ok'}"
        return f"{self.name:<55}{self.value:>10.3f}{verdict}"


class Row:
    """What Airflow hands to ``deserialize_value``."""

    value: Any = None


def median_ms(operation: Callable[[], Any], rounds: int = ROUNDS) -> float:
    for _ in range(max(rounds // 10, 3)):
        operation()
    spans = []
    for _ in range(rounds):
        start = time.perf_counter()
        operation()
        spans.append(time.perf_counter() - start)
    return statistics.median(spans) * 1000


def loaded_modules(statement: str) -> set[str]:
    code = f"import sys, json; {statement}; print(json.dumps(sorted(sys.modules)))"
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    return set(json.loads(output))


def import_ms() -> float:
    code = "import time; t = time.perf_counter(); import exclusive_redis_xcom; print((time.perf_counter() - t) * 1000)"
    runs = [subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True) for _ in range(5)]
    return statistics.median(float(run.stdout) for run in runs)


def producer() -> Any:
    from airflow.sdk import DAG, task

    with DAG("bench", params={"xcom_acl": {"produce": {"key": ["consume"]}}}) as dag:

        @task
        def produce() -> None: ...

        @task
        def consume() -> None: ...

        produce() >> consume()
    return dag


@contextmanager
def redis_and_settings() -> Iterator[tuple[redis.Redis, str]]:
    """A bare client and the words for where it leads; Airflow's settings lead to the same Redis."""
    import redis

    if url := os.environ.get("REDIS_URL"):
        parts = urlsplit(url)
        with connected(redis.Redis.from_url(url), url) as client:
            yield client, f"REDIS_URL, {parts.hostname}:{parts.port}"
        return
    with RedisServer() as server, connected(redis.Redis.from_url(server.url), server.url) as client:
        yield client, f"started here, {server.binary}"


@contextmanager
def connected(client: redis.Redis, url: str) -> Iterator[redis.Redis]:
    os.environ["AIRFLOW__EXCLUSIVE_REDIS_XCOM__REDIS_URL"] = url
    with closing(client):
        try:
            yield client
        finally:
            for name in client.scan_iter(OURS):
                client.delete(name)


def versions(client: redis.Redis, place: str) -> str:
    facts: Any = client.info("server")
    server = f"Valkey {facts['valkey_version']}" if "valkey_version" in facts else f"Redis {facts['redis_version']}"
    names = {"apache-airflow-core": "Airflow", "redis": "redis-py"}
    libraries = ", ".join(f"{shown} {version(name)}" for name, shown in names.items())
    return f"{server} ({place}), {libraries}, Python {platform.python_version()}, {len(os.sched_getaffinity(0))} cores"


def push_figures(client: redis.Redis, dag: Any) -> list[Figure]:
    from exclusive_redis_xcom import ExclusiveRedisXCom

    def push() -> Any:
        return ExclusiveRedisXCom.serialize_value(SMALL, **ADDRESS)

    with executing(dag.get_task("produce"), run_id="bench"):
        spent = median_ms(push)
        Row.value = push()
    floor = median_ms(lambda: client.hset(FLOOR, "-1", SMALL))
    return [
        Figure("push of 100 bytes, over Airflow's API call (ms)", spent, 0.6),
        Figure("  bare redis-py HSET of the same bytes (ms)", floor),
        Figure("  ratio", spent / floor),
    ]


def pull_figures(client: redis.Redis, dag: Any) -> list[Figure]:
    """After ``push_figures``, whose value is pulled."""
    from exclusive_redis_xcom import ExclusiveRedisXCom

    def pull() -> Any:
        return ExclusiveRedisXCom.deserialize_value(Row)

    with executing(dag.get_task("consume"), run_id="bench"):
        assert pull() == SMALL, "the value pulled is not the value pushed"
        spent = median_ms(pull)
    floor = median_ms(lambda: client.hget(FLOOR, "-1"))
    return [
        Figure("pull of 100 bytes, over Airflow's API call (ms)", spent, 0.5),
        Figure("  bare redis-py HGET of the same bytes (ms)", floor),
        Figure("  ratio", spent / floor),
    ]


def encode_figures() -> list[Figure]:
    from exclusive_redis_xcom import codec

    serde = airflow_serde()
    ours = median_ms(lambda: codec.encode(RECORDS, compression="auto", max_bytes=2**30), rounds=15)
    plain = median_ms(lambda: codec.encode(RECORDS, compression="off", max_bytes=2**30), rounds=15)
    theirs = median_ms(lambda: serde.serialize(RECORDS), rounds=5)
    return [
        Figure("encode 20,000 small dicts, compression = auto (ms)", ours, 40.0),
        Figure("  the same, compression = off (ms)", plain),
        Figure("  Airflow's serde, the same list (ms)", theirs),
        Figure("  ratio, serde / ours", theirs / ours),
    ]


def airflow_serde() -> Any:
    try:
        from airflow.sdk import serde
    except ImportError:  # up to Airflow 3.1
        from airflow.serialization import serde
    return serde


def main() -> int:
    with redis_and_settings() as (client, place):
        print(versions(client, place))
        dag = producer()
        figures = [*push_figures(client, dag), *pull_figures(client, dag), *encode_figures()]
    figures.append(Figure("import exclusive_redis_xcom (ms)", import_ms()))
    print(*figures, sep="\n")
    heavy = HEAVY & loaded_modules("import exclusive_redis_xcom")
    print(f"{'modules of redis, pandas, airflow, numpy it loads':<55}{', '.join(sorted(heavy)) or 'none':>10}")
    return int(bool(heavy) or any(figure.exceeded for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
