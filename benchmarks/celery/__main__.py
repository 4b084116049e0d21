"""Measure cold starts under Celery, and compare them with the default backend: `make bench-celery`.

A real `airflow celery worker` runs for each backend, with default settings. The broker is Redis, and then RabbitMQ.
The exit code is 1 if a limit is exceeded.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import cold, limits, report
from benchmarks.airflows import BASE_XCOM, HERE, Variant, kinds
from benchmarks.celery.stack import CeleryStack
from benchmarks.markdown import aligned
from benchmarks.played import PREFIX
from devtools.airflow_stack import stop_on_signals
from devtools.components import BACKEND
from devtools.postgres_server import PostgresServer, find_postgres
from devtools.rabbitmq_server import RabbitMqServer, find_rabbitmq
from devtools.redis_server import RedisServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.check import Check

VARIANTS = (
    Variant("default", BASE_XCOM, "absent"),
    Variant("worker", BACKEND, "worker"),
    Variant("server", BACKEND, "server"),
)
BROKERS = ("redis", "rabbitmq")
#: Each round has four tasks by backend, of which the first one only warms up.
ROUNDS = {False: 10, True: 5}


def measure(stack: CeleryStack, broker_url: str, variants: Sequence[Variant], rounds: int) -> dict[str, Any]:
    """Run the DAG with each backend in turn; return figures as `cold.measure` does."""
    outs = {variant.name: stack.home / f"cold-{variant.name}.jsonl" for variant in variants}
    stamps = []
    with stack.workers(broker_url, variants, {name: {"BENCH_COLD_OUT": str(out)} for name, out in outs.items()}):
        for number in range(-1, rounds):  # the first round only warms up
            found = {}
            for variant in cold.in_order(variants, number):
                stack.run(variant, f"{cold.DAG_ID}_{variant.name}")
                found[variant.name] = _read(outs[variant.name])
            stamps += [found] if number >= 0 else []
    medians = cold.Rounds(stamps, []).medians()
    names = [variant.name for variant in variants]
    return {
        "phases": {name: cold.summary([line for one in stamps for line in one[name]]) for name in names},
        "rounds": medians,
        "to_default": {name: cold.compared(medians, name) for name in names},
    }


def _read(out: Path) -> list[dict[str, int]]:
    stamps = [json.loads(line) for line in out.read_text().splitlines()[cold.WARM_UP :]]
    out.unlink()
    return stamps


@contextlib.contextmanager
def _broker(name: str) -> Iterator[str]:
    """Run a broker of its own for Celery; yield its URL."""
    if name == "redis":
        with RedisServer() as server:
            yield server.url
        return
    program = find_rabbitmq()
    assert program is not None, "there is no RabbitMQ; install Debian's rabbitmq-server"
    with RabbitMqServer(program) as rabbitmq:
        yield rabbitmq.url


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; return the exit code."""
    options = _parser().parse_args(arguments)
    stop_on_signals()
    programs = find_postgres()
    assert programs is not None, "there is no PostgreSQL; install Debian's postgresql"
    home = Path(tempfile.mkdtemp(prefix="bench-celery-"))
    home.chmod(0o755)
    began, exceeded = time.monotonic(), 0
    with PostgresServer(programs) as database, RedisServer() as xcoms:
        variants = [*VARIANTS, *_before(options.before)]
        queues = [variant.name for variant in variants]
        with CeleryStack(home, kinds(xcoms.url, PREFIX), database.url, queues) as stack:
            for broker in options.brokers.split(","):
                with _broker(broker) as url:
                    section = measure(stack, url, variants, ROUNDS[options.quick])
                checks = list(limits.cold_start(section["to_default"]))
                exceeded += sum(check.verdict != "ok" for check in checks)
                print(f"[{time.monotonic() - began:4.0f} s] Celery with {broker} as its broker\n", flush=True)
                print(_text(section, checks), flush=True)
    shutil.rmtree(home, ignore_errors=True)
    return int(bool(exceeded))


def _before(tree: Path | None) -> tuple[Variant, ...]:
    """Return the variants of another work tree's package. They use the API servers of this one."""
    if tree is None:
        return ()
    env = {"PYTHONPATH": f"{HERE / 'site'}:{tree.resolve()}"}
    return tuple(Variant(f"{name}-before", BACKEND, name, env) for name in ("worker", "server"))


def _text(section: Mapping[str, Any], checks: Sequence[Check]) -> str:
    table = report.cold({"cold": dict(section)})
    verdicts = [f"{one.what}: {one.found:.2f} x, limit {one.limit:.2f} x: {one.verdict}" for one in checks]
    return "\n".join([aligned(table), "", *verdicts, ""])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.celery", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="play fewer rounds")
    parser.add_argument("--brokers", default=",".join(BROKERS), help="which brokers, separated by commas")
    parser.add_argument("--before", type=Path, help="play the package of another work tree, too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
