"""Let tests play tasks: with a real Redis, settings in the environment, Airflow's rows in memory, and a DAG."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from devtools.components import OURS
from devtools.redis_server import RedisServer
from devtools.worlds.fresh_process import start_afresh
from devtools.worlds.rows import Rows, rows_in_memory
from exclusive_redis_xcom.reporting import metrics
from tests.integration.task.sales import sales_dag
from tests.integration.ttl_watch import TtlWatch


@pytest.fixture(scope="session")
def server(ttl_watch: TtlWatch) -> Iterator[RedisServer]:
    """A Redis that loses nothing when a test stops it. It is empty when a test begins."""
    with RedisServer(config={"appendonly": "yes"}) as running, ttl_watch.over(running):
        yield running


@pytest.fixture
def raw(server: RedisServer) -> Iterator[redis.Redis]:
    """An administrator's client."""
    with redis.Redis.from_url(server.url) as client:
        yield client


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Change settings, `configure(retry_deadline="1")`, as if the process began with them."""

    def set_options(**options: str) -> None:
        for name, value in options.items():
            monkeypatch.setenv(f"{OURS}{name.upper()}", value)
        start_afresh()

    return set_options


@pytest.fixture
def options() -> dict[str, str]:
    """Settings that all tests of a directory add to `configuration`; its conftest.py replaces this fixture."""
    return {}


@pytest.fixture(autouse=True)
def configuration(server: RedisServer, configure: Callable[..., None], options: dict[str, str]) -> Iterator[None]:
    """The settings of a worker."""
    configure(**{"redis_url": server.url, "retry_deadline": "1", **options})
    yield
    start_afresh()


@pytest.fixture(autouse=True)
def rows() -> Iterator[Rows]:
    """The rows that Airflow's database would hold."""
    with rows_in_memory() as in_memory:
        yield in_memory


@pytest.fixture
def dag() -> Any:
    """`extract` gives each of its keys to `load`; `once` and keys without a rule also go to `report`."""
    once = {"consumers": ["load", "report"], "once": True}
    return sales_dag({"extract": {"token": ["load"], "mapped": {"consumers": ["load"]}, "once": once}})


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, dict[str, str]]]:
    """All counts that Airflow's Stats received: the name, the number and the tags of each."""
    monkeypatch.setenv("AIRFLOW__METRICS__STATSD_ON", "True")
    metrics._stats.cache_clear()
    stats = metrics._stats()
    metrics._stats.cache_clear()
    monkeypatch.setattr(metrics, "_stats", lambda: stats)
    entries: list[tuple[str, int, dict[str, str]]] = []
    monkeypatch.setattr(stats, "incr", lambda name, by, tags: entries.append((name, by, tags)))
    monkeypatch.setattr(stats, "timing", lambda name, milliseconds, tags: None)
    return entries
