"""A Redis with the users file of the docs loses nothing when it restarts or fails over, on every server found here."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import redis

from devtools.airflow_api import wait_until
from devtools.redis_server import RedisServer, found_redis_binaries, redis_version
from devtools.redis_users import API_SERVER, USERS, WORKER, url_for
from exclusive_redis_xcom.formats.envelope import Envelope
from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.store import Push, Store
from tests.integration.support import ACL, TTL, at, is_intact, open_store, value

PREFIX = "exclusive_redis_xcom"  # the one that the file names
#: More users, for the test and for a replica. The file of the docs stays as it is.
ADMIN, REPLICA, PASSWORD = "admin", "replica", "change-me-too"
MORE_USERS = f"user {ADMIN} on >{PASSWORD} ~* &* +@all\nuser {REPLICA} on >{PASSWORD} +psync +replconf +ping\n"

SERVERS = {f"{path.name}-{redis_version(path)}": path for path in found_redis_binaries()}

LARGE = 3 * 1024 * 1024  # in parts
APPEND_ONLY = {"appendonly": "yes", "appendfsync": "everysec"}
SNAPSHOT = {"appendonly": "no", "save": "3600 1000000"}


@pytest.fixture(params=sorted(SERVERS))
def binary(request: pytest.FixtureRequest) -> Path:
    return SERVERS[request.param]


@pytest.fixture
def start(binary: Path, tmp_path: Path) -> Iterator[Callable[[Mapping[str, str]], RedisServer]]:
    """For servers with the users file."""
    users = tmp_path / "users.acl"
    users.write_text(USERS.read_text().rstrip() + "\n" + MORE_USERS)
    with contextlib.ExitStack() as stack:
        yield lambda config: stack.enter_context(
            RedisServer(binary=binary, config={"aclfile": os.fspath(users), **config})
        )


@contextlib.contextmanager
def store_of(server: RedisServer, user: str = WORKER) -> Iterator[Store]:
    password = "change-me" if user == WORKER else "change-me-api"
    with open_store(url_for(server.url, user, password), prefix=PREFIX) as store:
        yield store


@contextlib.contextmanager
def administrator(server: RedisServer) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(url_for(server.url, ADMIN, PASSWORD)) as client:
        yield client


def push_all(server: RedisServer) -> list[Envelope]:
    """Push a small value, one in parts, results of a mapped task, and one that is then claimed; remove another."""
    pushed = [value(at()), value(at(key="large"), size=LARGE), *(value(at(i, task_id="mapped")) for i in range(3))]
    claimed, removed = value(at(key="claimed")), value(at(key="removed"))
    with store_of(server) as store:
        for each in pushed:
            store.push(Push(each, acl=ACL, ttl=TTL, own_acl=ACL if each.coordinate.map_index >= 0 else None))
        store.push(Push(claimed, acl=ACL, ttl=TTL, once=True))
        store.push(Push(removed, acl=ACL, ttl=TTL))
    with store_of(server, API_SERVER) as store:
        assert store.claim([(claimed.coordinate, claimed.version)], "first")[0].status == "granted"
        store.discard([removed.coordinate])
    return [*pushed, claimed]


def check_all(server: RedisServer, pushed: list[Envelope]) -> None:
    coordinates: list[Coordinate] = [each.coordinate for each in pushed]
    with store_of(server) as store:
        found = store.fetch_many(coordinates)
        assert [stored.envelope for stored in found] == pushed
        assert all(is_intact(each, each.coordinate) for each in pushed)
        assert [stored.acl for stored in found] == [ACL] * len(pushed)
        assert not store.fetch(at(key="removed")).found
        assert store.claim([(at(key="claimed"), pushed[-1].version)], "second")[0].status == "taken"
    with administrator(server) as client:
        assert [name for name in client.scan_iter() if client.ttl(name) < 0] == []


@pytest.mark.parametrize("config", [APPEND_ONLY, SNAPSHOT], ids=["append-only", "snapshot"])
def test_a_restart_loses_nothing(start: Callable[[Mapping[str, str]], RedisServer], config: Mapping[str, str]) -> None:
    server = start(config)
    pushed = push_all(server)

    server.restart()

    check_all(server, pushed)


def test_a_server_that_is_killed_loses_nothing_that_its_append_only_file_holds(
    start: Callable[[Mapping[str, str]], RedisServer],
) -> None:
    server = start({"appendonly": "yes", "appendfsync": "always"})
    pushed = push_all(server)

    server.kill()
    server.start()

    check_all(server, pushed)


def test_a_rewritten_append_only_file_loses_nothing(start: Callable[[Mapping[str, str]], RedisServer]) -> None:
    server = start(APPEND_ONLY)
    pushed = push_all(server)
    with administrator(server) as client:
        client.bgrewriteaof()
        wait_until(
            lambda: not client.info("persistence")["aof_rewrite_in_progress"], 20, lambda: "the rewrite does not end"
        )

    server.restart()

    check_all(server, pushed)


@pytest.mark.parametrize("config", [APPEND_ONLY, SNAPSHOT], ids=["append-only", "snapshot"])
def test_a_replica_that_takes_over_has_everything_also_after_a_restart(
    start: Callable[[Mapping[str, str]], RedisServer], config: Mapping[str, str]
) -> None:
    master = start(config)
    early = push_all(master)
    of_replica = {"replicaof": f"127.0.0.1 {master.port}", "masteruser": REPLICA, "masterauth": PASSWORD}
    replica = start({**config, **of_replica, "repl-diskless-sync-delay": "0"})
    with administrator(replica) as client:
        wait_until(
            lambda: client.info("replication")["master_link_status"] == "up", 20, lambda: "the replica has no link"
        )
    late = value(at(key="after the replica came"))
    with store_of(master) as store:
        store.push(Push(late, acl=ACL, ttl=TTL))
    with administrator(master) as client:
        # WAIT counts replicas that have what this connection wrote.
        client.set("last", "1", ex=60)
        assert client.wait(1, 10_000) == 1

    master.kill()
    with administrator(replica) as client:
        client.replicaof("NO", "ONE")
    check_all(replica, early)
    with store_of(replica) as store:
        assert store.fetch(late.coordinate).envelope == late

    replica.restart()  # its configuration still names the master, which is gone
    with administrator(replica) as client:
        client.replicaof("NO", "ONE")
    check_all(replica, early)
