"""The users of docs/redis-users.acl can do what the store does (its whole contract runs with them) and nothing else."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from devtools.redis_server import RedisServer
from exclusive_redis_xcom.errors import StoreUnavailable
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.store import Push
from tests.integration.support import (
    ACL,
    API_PASSWORD,
    API_USER,
    PASSWORD,
    PREFIX,
    TTL,
    USER,
    USERS_FILE,
    admin,
    at,
    open_store,
    user_without,
    value,
)

OURS = redis_names.hash_name(PREFIX, at())


@pytest.fixture(params=["redis_on_path", "redis_62"])
def server(request: pytest.FixtureRequest) -> RedisServer:
    found: RedisServer = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def user(server: RedisServer) -> Iterator[redis.Redis]:
    with _logged_in(server, USER, PASSWORD) as client:
        yield client


@pytest.fixture
def api_user(server: RedisServer) -> Iterator[redis.Redis]:
    with _logged_in(server, API_USER, API_PASSWORD) as client:
        yield client


@contextlib.contextmanager
def _logged_in(server: RedisServer, name: str, password: str) -> Iterator[redis.Redis]:
    with open_store(server.url) as store:
        store.push(Push(value(at()), acl=ACL, ttl=TTL))
    client = redis.Redis(port=server.port, username=name, password=password, socket_timeout=5)
    with contextlib.closing(client):
        client.ping()
        yield client


REFUSED_TO_BOTH = [
    "SCAN 0",
    "KEYS *",
    "RANDOMKEY",
    "DBSIZE",
    f"DEL {OURS}",
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
]
NOT_PERMITTED = r"[Nn]o permissions|user executing the script can't|ACL failure"


@pytest.mark.parametrize("command", [*REFUSED_TO_BOTH, f"UNLINK {OURS}"])
def test_the_restricted_user_is_refused(user: redis.Redis, command: str) -> None:
    with pytest.raises(redis.ResponseError, match=NOT_PERMITTED):
        user.execute_command(*command.split(" "))


@pytest.mark.parametrize(
    "command", [*REFUSED_TO_BOTH, "UNLINK other", "PEXPIRE other 1", f"PTTL {OURS}", "HSTRLEN other field"]
)
def test_the_api_server_s_user_is_refused(api_user: redis.Redis, command: str) -> None:
    with pytest.raises(redis.ResponseError, match=NOT_PERMITTED):
        api_user.execute_command(*command.split(" "))


def test_workers_cannot_remove_whole_hashes(server: RedisServer) -> None:
    with open_store(server.url.replace("://", f"://{USER}:{PASSWORD}@")) as store:
        store.push(Push(value(at()), acl=ACL, ttl=TTL))

        with pytest.raises(StoreUnavailable, match=r"Discarding failed.*NOPERM"):
            store.discard([at()])

        assert store.fetch(at()).found


@pytest.mark.parametrize(("name", "password", "refusals"), [(USER, PASSWORD, 1), (API_USER, API_PASSWORD, 0)])
def test_either_user_frees_what_was_deleted_and_the_right_is_tried_once(
    server: RedisServer, name: str, password: str, refusals: int
) -> None:
    with open_store(server.url) as store:
        for key in "abc":
            store.push(Push(value(at(key=key)), acl=ACL, ttl=TTL))
    with admin(server) as client, open_store(server.url.replace("://", f"://{name}:{password}@")) as store:
        client.acl_log_reset()

        assert [store.free([at(key=key)]) for key in "abc"] == [1, 1, 1]

        assert [entry["count"] for entry in client.acl_log()] == [1] * refusals
        assert not any(client.exists(redis_names.hash_name(PREFIX, at(key=key))) for key in "abc")


def test_a_user_of_another_prefix_frees_nothing(server: RedisServer) -> None:
    url = server.url.replace("://", f"://{USER}:{PASSWORD}@")
    with (
        open_store(url, prefix="elsewhere") as store,
        pytest.raises(StoreUnavailable, match=r"Expiring failed.*NOPERM"),
    ):
        store.free([at()])


def test_an_api_server_is_told_what_redis_holds_and_reads_one_small_value(server: RedisServer) -> None:
    with open_store(server.url) as store:
        store.push(Push(value(at()), acl=ACL, ttl=TTL))
    with open_store(server.url.replace("://", f"://{API_USER}:{API_PASSWORD}@")) as store:
        (found,) = store.known([at()])

        assert found is not None
        assert found.acl == ACL
        assert store.fetch_small(at(), 100).envelope == store.fetch(at()).envelope


def test_an_api_server_cannot_push_and_leaves_nothing(server: RedisServer) -> None:
    with open_store(server.url.replace("://", f"://{API_USER}:{API_PASSWORD}@")) as store:
        with pytest.raises(StoreUnavailable, match="NOPERM"):
            store.push(Push(value(at()), acl=ACL, ttl=TTL))

        assert not store.fetch(at()).found


def test_a_store_with_another_prefix_is_told_what_it_lacks(server: RedisServer) -> None:
    url = server.url.replace("://", f"://{USER}:{PASSWORD}@")
    with open_store(url, prefix="elsewhere") as store:
        for attempt in (
            lambda: store.push(Push(value(at()), acl=ACL, ttl=TTL)),
            lambda: store.fetch(at()),
            lambda: store.purge(at()),
            lambda: store.purge_many([at(), at(1)]),
            lambda: store.claim([(at(), "0" * 32)], "one"),
            lambda: store.commit(at(), None),
            lambda: store.uncommit([at()]),
            lambda: store.beat("0" * 32, missed=False),
            lambda: store.fetch_current(at()),
        ):
            with pytest.raises(StoreUnavailable, match=r"NOPERM(.|\n)*`exclusive-xcom redis-users` prints"):
                attempt()


@pytest.mark.parametrize("missing", ["time", "pttl", "pexpire", "hset", "hmget", "hdel"])
def test_a_user_who_lacks_one_command_of_the_push_cannot_leave_a_key_without_ttl(
    server: RedisServer, missing: str
) -> None:
    with (
        user_without(server, missing) as url,
        open_store(url) as store,
        pytest.raises(StoreUnavailable, match="NOPERM"),
    ):
        store.push(Push(value(at()), acl=ACL, ttl=TTL, once=missing != "hdel"))


@pytest.mark.parametrize("missing", ["time", "pexpire", "hset", "hmget", "hdel"])
def test_an_api_server_who_lacks_one_command_of_the_beat_cannot_leave_a_key_without_ttl(
    server: RedisServer, missing: str
) -> None:
    with (
        user_without(server, missing) as url,
        open_store(url) as store,
        contextlib.suppress(StoreUnavailable) if missing == "hdel" else pytest.raises(StoreUnavailable),
    ):
        store.beat("0" * 32, missed=False)


def test_the_users_file_is_one_that_redis_loads(server: RedisServer) -> None:
    with RedisServer(binary=server.binary, config={"aclfile": str(USERS_FILE)}) as loaded:
        with open_store(loaded.url.replace("://", f"://{USER}:change-me@"), prefix="exclusive_redis_xcom") as store:
            pushed = value(at())
            store.push(Push(pushed, acl=ACL, ttl=TTL))

            assert store.fetch(at()).envelope == pushed
        api_url = loaded.url.replace("://", f"://{API_USER}:change-me-api@")
        with open_store(api_url, prefix="exclusive_redis_xcom") as store:
            assert store.discard([at()]) == 1
        with open_store(loaded.url, prefix="exclusive_redis_xcom") as store, pytest.raises(StoreUnavailable):
            store.fetch(at())


@pytest.mark.parametrize("api_password", ["", "canary-api"])
def test_the_redis_of_compose_has_a_user_for_api_servers_where_it_is_given_a_password(
    tmp_path: Path, api_password: str
) -> None:
    script = USERS_FILE.parents[1] / "docker" / "redis.sh"
    given = {"XCOM_REDIS_PASSWORD": "canary", "XCOM_REDIS_API_PASSWORD": api_password, "REDIS_SERVER": "true"}
    command = ["sh", str(script), str(USERS_FILE), str(tmp_path)]

    subprocess.run(command, env={"PATH": os.environ["PATH"], **given}, check=True)

    text = (tmp_path / "users.acl").read_text()
    digest = hashlib.sha256(api_password.encode()).hexdigest()
    assert "change-me" not in text
    assert "canary" not in text
    assert f"user {USER} on #{hashlib.sha256(b'canary').hexdigest()} " in text
    assert (f"user {API_USER} on #{digest} " in text) is bool(api_password)
    assert (API_USER in text) is bool(api_password)
