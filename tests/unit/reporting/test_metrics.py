"""Metrics, as Airflow's Stats get them."""

from __future__ import annotations

import contextlib
import inspect
import os
import timeit
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.reporting import metrics

TAGS: dict[str, Any] = {"dag_id": "sales", "task_id": "extract"}
AT = Coordinate("sales", "run", "extract", "token")


class Recorder:
    """A metrics backend, as Airflow calls it."""

    def __init__(self) -> None:
        self.counted: list[tuple[str, int, Any]] = []
        self.timed: list[tuple[str, Any, Any]] = []

    def incr(self, stat: str, count: int = 1, rate: float = 1, *, tags: Any = None) -> None:
        self.counted.append((stat, count, tags))

    def timing(self, stat: str, dt: float, *, tags: Any = None) -> None:
        self.timed.append((stat, dt, tags))


class Silent:
    """A metrics backend for the tests that follow in this process: it takes whatever Airflow itself measures."""

    duration = 0.0

    def __getattr__(self, name: str) -> Any:
        if name == "initialize":  # Airflow 3.1 has none, and `use` asks its Stats, which asks this
            raise AttributeError(name)
        return lambda *_args, **_kwargs: contextlib.nullcontext(self)


class Broken:
    """A metrics backend that is down."""

    def incr(self, *args: Any, **kwargs: Any) -> None:
        raise ConnectionError("statsd://user:hunter2@host is down")

    timing = incr


def use(backend: Any) -> None:
    """Give Airflow's Stats a backend, as Airflow does it."""
    stats: Any = metrics._stats()
    if not hasattr(stats, "initialize"):  # Airflow 3.1, which chooses one from the configuration
        stats.instance, stats._instance_pid = backend, os.getpid()
    elif inspect.ismodule(stats):
        stats.initialize(factory=lambda: backend, export_legacy_names=True)
    else:
        stats.initialize(factory=lambda: backend)


@pytest.fixture(autouse=True)
def a_new_process() -> Iterator[None]:
    metrics._say_once.cache_clear()
    metrics._stats.cache_clear()
    yield
    metrics._stats.cache_clear()


@pytest.fixture
def metrics_on(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AIRFLOW__METRICS__STATSD_ON", "True")
    yield
    use(Silent())


@pytest.fixture
def recorder(metrics_on: None) -> Recorder:
    metrics.count(metrics.PUSH, **TAGS)  # Airflow may initialize its metrics after our first use
    recorder = Recorder()
    use(recorder)
    return recorder


def test_a_push_counts_itself_its_bytes_and_its_time_in_redis(recorder: Recorder) -> None:
    metrics.pushed(AT, size=1234, seconds=0.0021)

    assert recorder.counted == [(metrics.PUSH, 1, TAGS), (metrics.BYTES_PUSHED, 1234, TAGS)]
    assert recorder.timed == [(metrics.REDIS_TIME_PUSH, pytest.approx(2.1), TAGS)]


def test_a_pull_of_many_counts_each_producer_once(recorder: Recorder) -> None:
    other = replace(AT, task_id="other")

    metrics.pulled([(AT, 10), (replace(AT, map_index=1), 20), (other, 5)], seconds=0.5)

    assert recorder.counted == [
        (metrics.PULL_GRANTED, 2, TAGS),
        (metrics.BYTES_PULLED, 30, TAGS),
        (metrics.PULL_GRANTED, 1, {**TAGS, "task_id": "other"}),
        (metrics.BYTES_PULLED, 5, {**TAGS, "task_id": "other"}),
    ]
    assert recorder.timed == [(metrics.REDIS_TIME_PULL, pytest.approx(500), TAGS)]


def test_a_pull_that_granted_nothing_counts_nothing(recorder: Recorder) -> None:
    metrics.pulled([], seconds=0.5)

    assert (recorder.counted, recorder.timed) == ([], [])


@pytest.mark.usefixtures("metrics_on")
def test_a_metrics_backend_that_fails_is_logged_once_without_its_address(caplog: pytest.LogCaptureFixture) -> None:
    use(Broken())

    metrics.pushed(AT, size=1, seconds=1)
    metrics.pulled([(AT, 1)], seconds=1)

    (record,) = caplog.records
    assert "ConnectionError" in record.getMessage()
    assert "hunter2" not in caplog.text


def test_without_metrics_a_count_costs_next_to_nothing() -> None:
    metrics.count(metrics.PUSH, **TAGS)

    took = min(timeit.repeat(lambda: metrics.count(metrics.PUSH, **TAGS), number=1000, repeat=5))

    assert took / 1000 < 10e-6
