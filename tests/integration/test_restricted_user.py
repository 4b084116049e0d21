"""The user of docs/redis-users.acl can do what the store does (its whole contract runs with it) and nothing else."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
import redis

from devtools.redis_server import RedisServer
from exclusive_redis_xcom import keys
from exclusive_redis_xcom.errors import StoreUnavailable
from tests.integration.support import ACL, PASSWORD, PREFIX, TTL, USER, USERS_FILE, at, open_store, value

OURS = keys.hash_name(PREFIX, at())


@pytest.fixture(params=["redis_on_path", "redis_62"])
def server(request: pytest.FixtureRequest) -> RedisServer:
    found: RedisServer = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def user(server: RedisServer) -> Iterator[redis.Redis]:
    with open_store(server.url) as store:
        store.push(value(at()), acl=ACL, ttl=TTL)
    client = redis.Redis(port=server.port, username=USER, password=PASSWORD, socket_timeout=5)
    with contextlib.closing(client):
        client.ping()
        yield client


@pytest.mark.parametrize(
    "command",
    [
        "SCAN 0",
        "KEYS *",
        "RANDOMKEY",
        "DBSIZE",
        f"DEL {OURS}",
        f"UNLINK {OURS}",
        f"RENAME {OURS} {PREFIX}:x",
        f"COPY {OURS} {PREFIX}:x",
        f"DUMP {OURS}",
        f"HGETALL {OURS}",
        f"HKEYS {OURS}",
        f"PERSIST {OURS}",
        f"OBJECT ENCODING {OURS}",
        "HMGET other:hash field",
        "HSET other:hash field value",
        "EVAL return(redis.call('GET',KEYS[1])) 1 other",
        "EVAL return(redis.call('HMGET',KEYS[1],'f')) 1 other:hash",
        f"EVAL return(redis.call('HGETALL',KEYS[1])) 1 {OURS}",
        "EVAL return(redis.call('SCAN',0)) 0",
        "CONFIG GET *",
        "ACL LIST",
        "CLIENT LIST",
        "MONITOR",
        "FLUSHALL",
        "SCRIPT FLUSH",
        "CLUSTER RESET",
        "PUBLISH channel message",
    ],
)
def test_the_restricted_user_is_refused(user: redis.Redis, command: str) -> None:
    with pytest.raises(redis.ResponseError, match=r"no permissions|user executing the script can't|ACL failure"):
        user.execute_command(*command.split(" "))


def test_a_store_with_another_prefix_is_told_what_it_lacks(server: RedisServer) -> None:
    url = server.url.replace("://", f"://{USER}:{PASSWORD}@")
    with open_store(url, prefix="elsewhere") as store:
        for attempt in (
            lambda: store.push(value(at()), acl=ACL, ttl=TTL),
            lambda: store.fetch(at()),
            lambda: store.purge(at()),
        ):
            with pytest.raises(StoreUnavailable, match=r"NOPERM.*docs/redis-users\.acl"):
                attempt()


@pytest.mark.parametrize("missing", ["time", "pttl", "pexpire", "hset"])
def test_a_user_who_lacks_one_command_of_the_push_cannot_leave_a_key_without_ttl(
    server: RedisServer, missing: str
) -> None:
    with contextlib.closing(redis.Redis(port=server.port, socket_timeout=5)) as admin:
        admin.execute_command("ACL", "SETUSER", "lacking", "on", "nopass", "~*", "+@all", f"-{missing}")
        try:
            with (
                open_store(server.url.replace("://", "://lacking:x@")) as store,
                pytest.raises(StoreUnavailable, match="NOPERM"),
            ):
                store.push(value(at()), acl=ACL, ttl=TTL)
        finally:
            admin.execute_command("ACL", "DELUSER", "lacking")

        assert [key for key in admin.scan_iter() if admin.ttl(key) == -1] == []


def test_the_users_file_is_one_that_redis_loads(server: RedisServer) -> None:
    with RedisServer(binary=server.binary, config={"aclfile": str(USERS_FILE)}) as loaded:
        with open_store(loaded.url.replace("://", f"://{USER}:change-me@"), prefix="exclusive_redis_xcom") as store:
            pushed = value(at())
            store.push(pushed, acl=ACL, ttl=TTL)

            assert store.fetch(at()).envelope == pushed
        with open_store(loaded.url, prefix="exclusive_redis_xcom") as store, pytest.raises(StoreUnavailable):
            store.fetch(at())
