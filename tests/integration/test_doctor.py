"""What the doctor says of real Redis servers."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

from devtools.redis_server import RedisServer
from devtools.redis_sets import ClusterSet, SentinelSet
from exclusive_redis_xcom.connection.url import options_from_url
from exclusive_redis_xcom.health import redis
from exclusive_redis_xcom.health.finding import Finding
from exclusive_redis_xcom.health.redis_asking import ask, client_of
from exclusive_redis_xcom.health.redis_server import CLOSING_DEFAULT
from exclusive_redis_xcom.health.visit import Role, Visit
from exclusive_redis_xcom.settings import load_settings
from tests.integration.support import API_PASSWORD, API_USER, PASSWORD, PREFIX, USER, Start, restricted_users

SERVER_SETTINGS = "Redis eviction, persistence, default user, replicas"


def login(url: str, user: str = USER, password: str = PASSWORD) -> str:
    return url.replace("://", f"://{user}:{password}@")


def examined(url: str, role: Role = "worker", *, admin: str | None = None, prefix: str = PREFIX) -> dict[str, Finding]:
    settings = dataclasses.replace(load_settings(), redis_url=url, key_prefix=prefix)
    found = list(redis.redis(Visit(role, settings, admin_url=admin)))
    for password in (PASSWORD, API_PASSWORD):
        assert password not in repr(found)
    return {finding.check: finding for finding in found}


def results(found: dict[str, Finding]) -> dict[str, str]:
    return {name: finding.result for name, finding in found.items()}


@pytest.mark.parametrize("server", ["redis_on_path", "redis_62"])
def test_the_documented_user_of_workers_is_all_right(request: pytest.FixtureRequest, server: str) -> None:
    found = examined(login(request.getfixturevalue(server).url))

    assert results(found) == {
        "Redis TLS": "ok",
        "Redis": "ok",
        "Redis version": "ok",
        "Redis user": "ok",
        "Redis commands": "ok",
        "Redis round trip": "ok",
        SERVER_SETTINGS: "skipped",
    }
    assert USER in found["Redis user"].seen
    assert "EXCLUSIVE_XCOM_DOCTOR_REDIS_URL" in found[SERVER_SETTINGS].remedy


@pytest.mark.parametrize("server", ["redis_on_path", "redis_62"])
def test_the_documented_user_of_api_servers_may_claim_and_remove(request: pytest.FixtureRequest, server: str) -> None:
    found = examined(login(request.getfixturevalue(server).url, API_USER, API_PASSWORD), "api-server")

    assert found["Redis round trip"].result == "ok"
    assert "claim" in found["Redis round trip"].seen


def test_the_user_of_workers_is_told_from_that_of_api_servers(any_redis: RedisServer) -> None:
    as_server = examined(login(any_redis.url), "api-server")["Redis round trip"]
    as_worker = examined(login(any_redis.url, API_USER, API_PASSWORD))["Redis round trip"]

    for found in (as_server, as_worker):
        assert found.result == "FAIL"
        assert found.remedy.endswith("that `exclusive-xcom redis-users` prints.")


def test_a_user_of_api_servers_who_cannot_write_claims_is_noticed(start_redis: Start) -> None:
    lacking = {name: rights.replace("+hset ", "") for name, rights in restricted_users().items()}
    url = login(start_redis(config=lacking).url, API_USER, API_PASSWORD)

    found = examined(url, "api-server")["Redis round trip"]

    assert (found.result, found.seen) == ("FAIL", "this user may not run all commands that claims and removals need")


def test_the_default_user_is_a_warning_and_what_it_may_do_another(any_redis: RedisServer) -> None:
    found = examined(any_redis.url)

    assert results(found)["Redis user"] == "warning"
    assert results(found)["Redis commands"] == "warning"
    assert found["Redis commands"].seen == (
        "this user may run RANDOMKEY, SCAN, CONFIG GET, and may read keys outside key_prefix (HMGET)"
    )
    assert "`exclusive-xcom redis-users` prints" in found["Redis commands"].remedy
    assert found["Redis round trip"].result == "ok"


@pytest.mark.parametrize(
    ("role", "who"),
    [("worker", "With the worker's password, every task"), ("api-server", "Whoever has the API servers' password")],
)
def test_who_else_has_the_rights_of_the_default_user_depends_on_the_role(
    any_redis: RedisServer, role: Role, who: str
) -> None:
    remedy = examined(any_redis.url, role)["Redis commands"].remedy

    assert remedy.startswith(f"{who} can list and copy keys, or change the server. ")


def test_a_user_who_may_all_but_what_is_dangerous_can_still_list_and_copy(
    start_redis: Start,
) -> None:
    server = start_redis(config={"user tame": f"on >{PASSWORD} ~* resetchannels +@all -@dangerous"})

    found = examined(login(server.url, "tame"))["Redis commands"]

    assert found.result == "warning"
    assert "SCAN" in found.seen
    assert "CONFIG" not in found.seen


def test_a_foreign_prefix_fails_with_what_to_do(any_redis: RedisServer) -> None:
    found = examined(login(any_redis.url), prefix="elsewhere")["Redis round trip"]

    assert found.result == "FAIL"
    assert "NOPERM" in found.seen


def test_the_round_trip_leaves_nothing(any_redis: RedisServer) -> None:
    for role in ("worker", "api-server"):
        examined(any_redis.url, role)
    with client_of(options_from_url(any_redis.url)) as client:
        assert ask(client, "", "DBSIZE").value == 0


@pytest.mark.parametrize(
    ("config", "check", "result"),
    [
        ({"maxmemory": "20mb", "maxmemory-policy": "noeviction"}, "Redis eviction", "ok"),
        ({"maxmemory": "20mb", "maxmemory-policy": "allkeys-lru"}, "Redis eviction", "FAIL"),
        ({"maxmemory-policy": "allkeys-lru"}, "Redis eviction", "warning"),
        ({"appendonly": "yes"}, "Redis persistence", "ok"),
        ({"appendonly": "no"}, "Redis persistence", "warning"),
        ({"save": "3600 1"}, "Redis persistence", "warning"),
    ],
)
def test_the_server_s_settings_are_seen(start_redis: Start, config: dict[str, str], check: str, result: str) -> None:
    assert examined(start_redis(config=config).url)[check].result == result


def test_the_doctor_s_own_url_shows_what_the_restricted_user_may_not_see(any_redis: RedisServer) -> None:
    found = examined(login(any_redis.url), admin=any_redis.url)

    assert found["Redis user"].seen == f"'{USER}'"
    assert {"Redis eviction", "Redis persistence", "Redis default user", "Redis replicas"} <= found.keys()
    assert SERVER_SETTINGS not in found


DOCTOR = {"user xcom_doctor": f"on >{PASSWORD} -@all +info +config|get +acl|dryrun +ping"}
ADMIN = {"user admin": f"on >{PASSWORD} ~* &* +@all"}
OLD_LINE = {"user default": "off resetpass resetkeys resetchannels -@all"}
NEW_LINE = {"user default": "off resetpass ~* &* +@all"}


def the_default_user(server: RedisServer) -> Finding:
    return examined(login(server.url), admin=login(server.url, "xcom_doctor"))["Redis default user"]


def test_a_default_user_whose_lack_of_rights_loses_pushes_at_a_restart_fails(
    start_redis: Start,
) -> None:
    with_file = start_redis(config={**restricted_users(), **DOCTOR, **OLD_LINE, "appendonly": "yes"})
    without = start_redis(config={**restricted_users(), **DOCTOR, **OLD_LINE})

    found = the_default_user(with_file)

    assert found.result == "FAIL"
    assert "HSET, HDEL, PEXPIREAT, UNLINK" in found.seen
    assert all(command in found.remedy for command in CLOSING_DEFAULT)
    assert the_default_user(without).result == "warning"


def test_a_default_user_who_may_not_log_in_but_has_all_rights_is_all_right(
    start_redis: Start,
) -> None:
    server = start_redis(config={**restricted_users(), **DOCTOR, **NEW_LINE, "appendonly": "yes"})

    assert the_default_user(server).result == "ok"


def test_a_default_user_without_a_password_is_a_warning(start_redis: Start) -> None:
    server = start_redis(config={**restricted_users(), **DOCTOR, "appendonly": "yes"})

    found = the_default_user(server)

    assert (found.result, "without a password" in found.seen) == ("warning", True)


def test_what_the_doctor_says_closes_the_default_user_and_ends_connections_from_before(
    start_redis: Start, tmp_path: Path
) -> None:
    users = tmp_path / "users.acl"
    users.write_text(
        "\n".join(f"{name} {rights}" for name, rights in {**restricted_users(), **DOCTOR, **ADMIN}.items())
    )
    server = start_redis(config={"aclfile": str(users), "appendonly": "yes"})
    with (
        Redis(port=server.port, single_connection_client=True, retry=Retry(NoBackoff(), 0)) as from_before,
        Redis(port=server.port, username="admin", password=PASSWORD) as administrator,
    ):
        assert from_before.ping()

        for command in CLOSING_DEFAULT:
            administrator.execute_command(command)

        with pytest.raises(RedisConnectionError):
            from_before.ping()
    assert the_default_user(server).result == "ok"
    assert f"user default {NEW_LINE['user default'].split()[0]}" in users.read_text()


def test_a_server_that_asks_no_rights_while_it_loads_is_all_right(redis_62: RedisServer) -> None:
    with RedisServer(binary=redis_62.binary, config={**restricted_users(), **DOCTOR, **OLD_LINE}) as server:
        assert the_default_user(server).result == "ok"


def test_a_doctor_who_may_not_ask_about_the_default_user_says_so(start_redis: Start) -> None:
    lacking = {name: rights.replace(" +acl|dryrun", "") for name, rights in DOCTOR.items()}
    server = start_redis(config={**restricted_users(), **lacking, **OLD_LINE, "appendonly": "yes"})

    found = the_default_user(server)

    assert found.result == "skipped"
    assert "ACL DRYRUN" in found.remedy


def test_a_wrong_url_of_the_doctor_fails_alone_and_is_not_shown(any_redis: RedisServer) -> None:
    found = examined(login(any_redis.url), admin=f"http://admin:{PASSWORD}@host")

    assert [name for name, finding in found.items() if finding.result == "FAIL"] == ["Redis of the doctor"]
    assert found["Redis of the doctor"].seen.startswith("The Redis URL must begin with one of redis://, ")


def test_a_wrong_password_fails_once(any_redis: RedisServer) -> None:
    found = examined(login(any_redis.url, USER, "canary-wrong"))

    assert found["Redis"].result == "FAIL"
    assert "refuses the user name or password" in found["Redis"].seen
    assert "canary" not in repr(found)
    assert "Redis round trip" not in found


def test_a_database_that_redis_does_not_have_fails_once(any_redis: RedisServer) -> None:
    found = examined(login(any_redis.url).replace("/0", "/99"))

    assert found["Redis"].result == "FAIL"
    assert "this Redis has no database 99" in found["Redis"].seen
    assert "Redis round trip" not in found


def test_nobody_there_fails(start_redis: Start) -> None:
    server = start_redis()
    server.stop()

    found = examined(login(server.url))["Redis"]

    assert found.result == "FAIL"
    assert "the connection was refused" in found.seen


def test_a_full_server_fails_the_round_trip(start_redis: Start) -> None:
    server = start_redis(config={"maxmemory": "1mb", "maxmemory-policy": "noeviction"})

    found = examined(server.url)["Redis round trip"]

    assert found.result == "FAIL"
    assert "out of memory" in found.seen


def test_a_connection_that_airflow_does_not_know_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = dataclasses.replace(load_settings(), redis_conn_id="no_such_connection")

    found = list(redis.redis(Visit("worker", settings)))

    assert [finding.result for finding in found] == ["FAIL"]
    assert "no_such_connection" in found[0].seen


def test_a_master_behind_sentinels_is_examined(sentinels: SentinelSet) -> None:
    found = examined(sentinels.url)

    assert found["Redis round trip"].result == "ok"
    assert found["Redis replicas"].result in {"ok", "warning"}
    assert "1" in found["Redis replicas"].seen


def test_a_cluster_is_examined_node_by_node(cluster: ClusterSet) -> None:
    settings = dataclasses.replace(load_settings(), redis_url=cluster.url, key_prefix=PREFIX)

    found = list(redis.redis(Visit("worker", settings)))

    assert [finding.result for finding in found if finding.check == "Redis round trip"] == ["ok"]
    ports = [finding.seen.split(": ")[0] for finding in found if finding.check == "Redis eviction"]
    assert len(set(ports)) == len(ports) >= 1


def test_the_documented_user_is_all_right_in_a_cluster(cluster: ClusterSet) -> None:
    found = examined(cluster.url.replace("://", f"://{USER}:{PASSWORD}@"))

    assert [name for name, finding in found.items() if finding.result not in {"ok", "skipped"}] == []
