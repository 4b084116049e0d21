"""A server whose operator has switched off what managed services switch off: CONFIG, INFO, CLIENT and others."""

from __future__ import annotations

import pytest

from devtools.redis_server import RedisServer
from exclusive_redis_xcom.connection.url import options_from_url
from exclusive_redis_xcom.health import redis_server
from exclusive_redis_xcom.store import Claim, Push
from tests.integration.support import (
    ACL,
    API_PASSWORD,
    API_USER,
    PASSWORD,
    TTL,
    USER,
    Start,
    at,
    do,
    open_store,
    restricted_users,
    value,
)
from tests.integration.test_doctor import SERVER_SETTINGS, examined, login, results

SWITCHED_OFF = (
    "CONFIG",
    "INFO",
    "CLIENT",
    "ACL",
    "DEBUG",
    "SLOWLOG",
    "MONITOR",
    "SHUTDOWN",
    "COMMAND",
    "MEMORY",
    "WAIT",
)


@pytest.fixture
def server(start_redis: Start) -> RedisServer:
    return start_redis(config={**restricted_users(), **{f"rename-command {name}": '""' for name in SWITCHED_OFF}})


@pytest.mark.parametrize("user", ["", f"{USER}:{PASSWORD}@"])
def test_tasks_push_pull_claim_and_purge(server: RedisServer, user: str) -> None:
    with open_store(server.url.replace("://", f"://{user}")) as store:
        small, large, once = value(at()), value(at(key="large"), size=3_000_000), value(at(key="once"))
        mapped = [value(at(index, key="mapped")) for index in range(10)]
        store.push(Push(small, acl=ACL, ttl=TTL))
        store.push(Push(large, acl=ACL, ttl=TTL))
        store.push(Push(once, acl=ACL, ttl=TTL, once=True))
        for each in mapped:
            store.push(Push(each, acl=ACL, ttl=TTL, own_acl=ACL))

        assert [store.fetch(each.coordinate).envelope for each in (small, large)] == [small, large]
        assert [one.envelope for one in store.fetch_many([each.coordinate for each in mapped])] == mapped
        assert store.claim([(once.coordinate, once.version)], "one") == [Claim("granted", "one")]
        assert store.claim([(once.coordinate, once.version)], "two") == [Claim("taken", "one")]
        assert store.purge(small.coordinate)


def test_api_servers_watch_and_remove(server: RedisServer) -> None:
    url = server.url.replace("://", "://{}@")
    workers, api_servers = url.format(f"{USER}:{PASSWORD}"), url.format(f"{API_USER}:{API_PASSWORD}")
    with open_store(workers) as store, open_store(api_servers) as api:
        api.beat("0" * 32, missed=False)
        servers = "xcom-test:!servers"
        do(api, servers, "HSET", servers, "epoch", 0)
        pushed = value(at())
        store.push(Push(pushed, acl=ACL, ttl=TTL, watched=True))

        assert api.commit(at(), pushed.version)
        assert store.fetch_current(at()) is not None
        assert api.discard([at()]) == 1


def test_the_doctor_fails_nothing(server: RedisServer) -> None:
    found = examined(login(server.url))

    assert {name: result for name, result in results(found).items() if result != "ok"} == {SERVER_SETTINGS: "skipped"}
    assert redis_server.examine(options_from_url(server.url), "key") is not None
