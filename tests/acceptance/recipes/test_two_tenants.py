"""docs/how-to/recipes/two-tenants.md: what each tenant's logins reach, with the files that the page shows."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis

from devtools.components import OURS
from devtools.redis_server import RedisServer
from devtools.redis_users import USERS
from tests.acceptance.recipes.conftest import RECIPES, Run, not_in_page

FILES = RECIPES / "two_tenants"
TENANTS = ("sales", "finance")
API_SERVER = "exclusive_redis_xcom_api"


def settings_of(tenant: str) -> dict[str, str]:
    """A worker's variables, as a shell or a container reads the file."""
    lines = (FILES / f"{tenant}-worker.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


def login(server: RedisServer, url: str) -> redis.Redis:
    """Log in as a URL of the files says."""
    parts = urlsplit(url)
    return redis.Redis(port=server.port, username=parts.username, password=parts.password)


def rights(users: Path) -> dict[str, set[str]]:
    """The commands of each user of a users file."""
    lines = [line.split() for line in users.read_text().splitlines()]
    return {name: {rule for rule in rules if rule[0] in "+-"} for _, name, *rules in lines}


@pytest.fixture(scope="module")
def values() -> Iterator[RedisServer]:
    with RedisServer(config={"aclfile": str(FILES / "redis-users.acl")}) as server:
        yield server


@pytest.fixture(scope="module")
def broker() -> Iterator[RedisServer]:
    with RedisServer() as server:
        with (FILES / "broker-users.redis").open() as commands:
            done = subprocess.run(
                ["redis-cli", "-p", str(server.port)], stdin=commands, capture_output=True, text=True, check=True
            )
        assert done.stdout.split() == ["OK", "OK", "OK"]
        yield server


def test_tenants_have_the_commands_of_workers(values: RedisServer) -> None:
    found, ours = rights(FILES / "redis-users.acl"), rights(USERS)

    assert {name: found[name] for name in TENANTS} == dict.fromkeys(TENANTS, ours["exclusive_redis_xcom"])
    assert found[API_SERVER] == ours[API_SERVER]


def test_a_tenant_runs_its_own_dag_and_not_one_of_another_tenant(run: Callable[..., Run], values: RedisServer) -> None:
    url = settings_of("sales")[f"{OURS}REDIS_URL"].replace("xcom-redis:6379", f"127.0.0.1:{values.port}")
    env = {f"{OURS}REDIS_URL": url, f"{OURS}OBSERVE": "reads"}

    own = run("two_tenants", "sales_daily", **env)
    others = run("two_tenants", "finance_daily", **env)

    assert own.state == "success", own.output[-4000:]
    assert own.printed("rows: ") == ["rows: 3"]
    assert "NOPERM" not in own.output
    assert others.states == {"extract": "failed", "load": "upstream_failed"}
    assert others.refusals() == ["StoreUnavailable: Pushing failed: the Redis user may not do this (NOPERM)."]
    assert not_in_page("two-tenants.md", others.refusals()) == []
    with login(values, f"redis://{API_SERVER}:change-me-api@") as of_api_server:
        assert of_api_server.hlen("exclusive_redis_xcom:!reads:sales_daily") > 0


@pytest.mark.parametrize(("tenant", "other"), [TENANTS, TENANTS[::-1]])
def test_a_tenants_login_reads_no_value_of_another_tenant(values: RedisServer, tenant: str, other: str) -> None:
    with login(values, settings_of(tenant)[f"{OURS}REDIS_URL"]) as client:
        assert client.hmget(f"exclusive_redis_xcom:{tenant}_daily:r:extract:return_value", ["-1"])
        for name in (f"{other}_daily:r:extract:return_value", f"!reads:{other}_daily"):
            with pytest.raises(redis.exceptions.NoPermissionError):
                client.hmget(f"exclusive_redis_xcom:{name}", ["-1"])


@pytest.mark.parametrize(("tenant", "other"), [TENANTS, TENANTS[::-1]])
def test_a_worker_reads_no_message_of_another_tenant(broker: RedisServer, tenant: str, other: str) -> None:
    settings = settings_of(tenant)
    unacked = {name.rpartition("__")[2]: text for name, text in settings.items() if "BROKER_TRANSPORT_OPTIONS" in name}
    with login(broker, settings["AIRFLOW__CELERY__BROKER_URL"]) as client:
        assert client.lpush(tenant, "a message") == 1
        assert client.hset(unacked["UNACKED_KEY"], "tag", "a message") == 1
        assert client.zadd(unacked["UNACKED_INDEX_KEY"], {"tag": 1}) == 1
        assert client.set(unacked["UNACKED_MUTEX_KEY"], "1")
        for name in (other, "unacked", f"{other}\x06\x163"):
            with pytest.raises(redis.exceptions.NoPermissionError):
                client.lrange(name, 0, -1)
        with pytest.raises(redis.exceptions.NoPermissionError):
            client.hgetall(f"unacked-{other}")
