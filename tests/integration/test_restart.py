"""A Redis with the users file of the docs and an append-only file, as docker/redis.sh starts it, loses nothing."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools.redis_server import RedisServer
from devtools.redis_sets import wait_until
from exclusive_redis_xcom.errors import StoreUnavailable
from exclusive_redis_xcom.store import Push, Store
from tests.integration.support import ACL, API_USER, TTL, USER, USERS_FILE, at, open_store, value

PREFIX = "exclusive_redis_xcom"  # the one that the file names
LARGE = 3 * 1024 * 1024  # in parts
API_SERVER = "a" * 32


@pytest.fixture(params=["redis_on_path", "redis_62"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RedisServer]:
    binary = request.getfixturevalue(request.param).binary
    users = shutil.copy(USERS_FILE, tmp_path / "users.acl")
    config = {"appendonly": "yes", "appendfsync": "everysec", "aclfile": str(users), "maxmemory-policy": "noeviction"}
    with RedisServer(binary=binary, config=config) as running:
        yield running


@contextlib.contextmanager
def as_worker(server: RedisServer) -> Iterator[Store]:
    with open_store(server.url.replace("://", f"://{USER}:change-me@"), prefix=PREFIX) as store:
        yield store


@contextlib.contextmanager
def as_api_server(server: RedisServer) -> Iterator[Store]:
    with open_store(server.url.replace("://", f"://{API_USER}:change-me-api@"), prefix=PREFIX) as store:
        yield store


def test_values_small_large_and_mapped_are_there_after_a_restart(server: RedisServer) -> None:
    pushed = [value(at()), value(at(key="large"), size=LARGE), *(value(at(i, task_id="mapped")) for i in range(3))]
    with as_worker(server) as store:
        for each in pushed:
            store.push(Push(each, acl=ACL, ttl=TTL, own_acl=ACL if each.coordinate.map_index >= 0 else None))

    server.restart()

    with as_worker(server) as store:
        found = store.fetch_many([each.coordinate for each in pushed])
    assert [stored.envelope for stored in found] == pushed
    assert [stored.acl for stored in found] == [ACL] * len(pushed)


def test_what_was_removed_stays_removed(server: RedisServer) -> None:
    kept, purged, discarded = value(at()), value(at(key="purged"), size=LARGE), value(at(key="discarded"))
    with as_worker(server) as store:
        for each in (kept, purged, discarded):
            store.push(Push(each, acl=ACL, ttl=TTL))
        store.purge(purged.coordinate)
    with as_api_server(server) as store:
        store.discard([discarded.coordinate])

    server.restart()

    with as_worker(server) as store:
        found = store.fetch_many([each.coordinate for each in (kept, purged, discarded)])
    assert [stored.found for stored in found] == [True, False, False]


def test_marks_and_the_heartbeat_of_api_servers_are_there_after_a_restart(server: RedisServer) -> None:
    with as_api_server(server) as watching, as_worker(server) as store:
        watching.beat(API_SERVER, missed=False)

        def can_be_pulled_directly() -> bool:
            pushed = value(at())
            store.push(Push(pushed, acl=ACL, ttl=TTL, watched=True))
            return watching.commit(at(), pushed.version) and store.fetch_current(at()) is not None

        # Marks count once the API server has watched for a second.
        wait_until(can_be_pulled_directly, what="a mark that counts", seconds=5)
        before = store.fetch_current(at())
    server.restart()

    with as_worker(server) as store:
        assert store.fetch_current(at()) == before


@pytest.mark.parametrize("claims_as", [as_worker, as_api_server])
def test_a_value_that_was_claimed_stays_its_claimer_s(server: RedisServer, claims_as: object) -> None:
    pushed = value(at())
    with as_worker(server) as store:
        store.push(Push(pushed, acl=ACL, ttl=TTL, once=True))
    with claims_as(server) as store:  # type: ignore[operator]
        assert store.claim([(at(), pushed.version)], "first")[0].status == "granted"

    server.restart()

    with as_worker(server) as store:
        second, first = (store.claim([(at(), pushed.version)], who)[0] for who in ("second", "first"))
        stored = store.fetch(at())
    assert (second.status, first.status) == ("taken", "granted")
    assert stored.envelope == pushed


def test_nobody_gets_in_without_a_login(server: RedisServer) -> None:
    with open_store(server.url, prefix=PREFIX) as store, pytest.raises(StoreUnavailable):
        store.fetch(at())
