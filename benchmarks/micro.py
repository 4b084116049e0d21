"""What a push and a pull add to Airflow's own API call: `make bench`.

Runs in one warmed process against a real Redis (REDIS_URL, else one it starts). Prints medians and the limits
they are held to; exit code 1 when one is exceeded. The numbers are this machine's; the ratios to a bare redis-py
HSET/HGET of the same bytes, measured in turn in the same run, travel better.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from devtools.redis_server import RedisServer
from devtools.running_task import executing

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 500
SMALL = "x" * 100
RECORDS = [
    {"id": i, "name": f"customer-{i}", "amount": i * 1.5, "active": i % 2 == 0, "note": None} for i in range(20_000)
]


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


def main() -> int:
    rows: list[tuple[str, float, float | None]] = []
    with ExitStack() as stack:
        url = os.environ.get("REDIS_URL") or stack.enter_context(RedisServer()).url
        os.environ["AIRFLOW__EXCLUSIVE_REDIS_XCOM__REDIS_URL"] = url
        import redis
        from airflow.sdk import serde  # type: ignore[attr-defined]

        from exclusive_redis_xcom import ExclusiveRedisXCom, codec

        dag = producer()
        bare = redis.Redis.from_url(url)
        stack.callback(bare.close)
        address = {"key": "key", "dag_id": "bench", "task_id": "produce", "run_id": "bench", "map_index": -1}

        class Row:
            value: Any = None

        def push() -> Any:
            return ExclusiveRedisXCom.serialize_value(SMALL, **address)

        def pull() -> Any:
            return ExclusiveRedisXCom.deserialize_value(Row)

        with executing(dag.get_task("produce"), run_id="bench"):
            Row.value = push()
            push_ms = median_ms(push)
            Row.value = push()
        hset_ms = median_ms(lambda: bare.hset("exclusive_redis_xcom:bench:floor", "-1", SMALL))
        with executing(dag.get_task("consume"), run_id="bench"):
            if pull() != SMALL:
                print("the value pulled is not the value pushed")
                return 1
            pull_ms = median_ms(pull)
        hget_ms = median_ms(lambda: bare.hget("exclusive_redis_xcom:bench:floor", "-1"))
        bare.delete("exclusive_redis_xcom:bench:floor")
        for name in bare.scan_iter("exclusive_redis_xcom:bench:*"):
            bare.delete(name)
        encode_ms = median_ms(lambda: codec.encode(RECORDS, compression="off", max_bytes=2**30), rounds=15)
        serde_ms = median_ms(lambda: serde.serialize(RECORDS), rounds=5)
    rows = [
        ("push of 100 bytes, over Airflow's API call (ms)", push_ms, 0.6),
        ("  bare redis-py HSET of the same bytes (ms)", hset_ms, None),
        ("  ratio", push_ms / hset_ms, None),
        ("pull of 100 bytes, over Airflow's API call (ms)", pull_ms, 0.5),
        ("  bare redis-py HGET of the same bytes (ms)", hget_ms, None),
        ("  ratio", pull_ms / hget_ms, None),
        ("encode 20,000 small dicts (ms)", encode_ms, 40.0),
        ("  Airflow's serde, the same list (ms)", serde_ms, None),
        ("  ratio, serde / ours", serde_ms / encode_ms, None),
        ("import exclusive_redis_xcom (ms)", import_ms(), None),
    ]
    exceeded = False
    for name, value, limit in rows:
        verdict = "" if limit is None else f"  limit {limit:g}: {'ok' if value <= limit else 'EXCEEDED'}"
        exceeded |= limit is not None and value > limit
        print(f"{name:<55}{value:>10.3f}{verdict}")
    heavy = {"redis", "pandas", "airflow", "numpy"} & loaded_modules("import exclusive_redis_xcom")
    print(f"{'modules of redis, pandas, airflow, numpy it loads':<55}{', '.join(sorted(heavy)) or 'none':>10}")
    return int(exceeded or bool(heavy))


if __name__ == "__main__":
    sys.exit(main())
