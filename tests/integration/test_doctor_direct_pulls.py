"""What the doctor says of direct pulls, to the documented users of a real Redis."""

from __future__ import annotations

import dataclasses
import secrets

import pytest
import redis

from devtools.redis_server import RedisServer
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.health.direct_pulls import direct_pulls
from exclusive_redis_xcom.health.visit import Role, Visit
from exclusive_redis_xcom.settings import load_settings
from tests.integration.support import API_PASSWORD, API_USER, PASSWORD, PREFIX, USER, open_store
from tests.integration.test_doctor import login


def examined(url: str, role: Role) -> dict[str, str]:
    settings = dataclasses.replace(load_settings(), redis_url=url, key_prefix=PREFIX)
    return {finding.check: finding.result for finding in direct_pulls(Visit(role, settings))}


@pytest.mark.parametrize("server", ["redis_on_path", "redis_62"])
def test_the_documented_users_see_a_server_that_watches(request: pytest.FixtureRequest, server: str) -> None:
    url = request.getfixturevalue(server).url
    as_server, as_worker = login(url, API_USER, API_PASSWORD), login(url, USER, PASSWORD)
    before = examined(as_worker, "worker")

    with open_store(as_server) as store:
        store.beat(secrets.token_hex(16), missed=False)

    assert before == {"direct pulls": "warning"}
    assert examined(as_worker, "worker") == {"direct pulls": "ok", "clocks of API servers": "ok"}
    assert examined(as_server, "api-server") == {
        "rights to watch": "ok",
        "direct pulls": "ok",
        "clocks of API servers": "ok",
    }


def test_nothing_is_left_behind(any_redis: RedisServer) -> None:
    with redis.Redis.from_url(any_redis.url) as admin:
        before = set(admin.keys())
        examined(any_redis.url, "api-server")

        assert set(admin.keys()) == before


@pytest.mark.parametrize("missing", ["time", "pexpire", "hset", "hdel"])
def test_a_user_of_api_servers_who_lacks_a_right_is_found(any_redis: RedisServer, missing: str) -> None:
    with redis.Redis.from_url(any_redis.url) as admin:
        granted = {"ping", "select", "hmget", "eval", "evalsha", "hset", "hdel", "hlen", "time", "pexpire", "unlink"}
        rights = [f"+{command}" for command in granted - {missing}]
        admin.execute_command("ACL", "SETUSER", "lacking", "reset", "on", ">pw", f"~{PREFIX}:*", *rights)
        try:
            found = examined(login(any_redis.url, "lacking", "pw"), "api-server")
            left = admin.keys(f"{redis_names.servers_name(PREFIX)}*")
        finally:
            admin.execute_command("ACL", "DELUSER", "lacking")

    assert (found["rights to watch"], left) == ("FAIL", [])
