"""What the doctor makes of INFO, and of where Redis is."""

from __future__ import annotations

from typing import Any

import pytest

from exclusive_redis_xcom.connection.url import options_from_url
from exclusive_redis_xcom.health import redis, redis_server

AT = "redis.example:6379"


@pytest.mark.parametrize(
    ("policy", "maxmemory", "result"),
    [
        ("noeviction", 0, "ok"),
        ("noeviction", 1000, "ok"),
        ("allkeys-lru", 1000, "FAIL"),
        ("volatile-ttl", "1000", "FAIL"),
        ("allkeys-lru", 0, "warning"),
    ],
)
def test_eviction_of_live_values_fails(policy: str, maxmemory: Any, result: str) -> None:
    found = redis_server.eviction({"maxmemory_policy": policy, "maxmemory": maxmemory}, AT)

    assert found.result == result
    assert policy in found.seen


@pytest.mark.parametrize(
    ("info", "snapshots", "result", "seen"),
    [
        ({"aof_enabled": 1, "aof_last_write_status": "ok"}, None, "ok", "appendonly yes"),
        ({"aof_enabled": 1, "aof_last_write_status": "err"}, None, "FAIL", "fails"),
        ({"aof_enabled": 0}, "3600 1", "warning", "only snapshots"),
        ({"aof_enabled": 0}, "", "warning", "no append-only file and no snapshots"),
        ({"aof_enabled": 0}, None, "warning", "may not read whether there are snapshots"),
    ],
)
def test_values_should_outlast_a_restart(info: dict[str, Any], snapshots: str | None, result: str, seen: str) -> None:
    found = redis_server.persistence(info, snapshots, AT)

    assert found.result == result
    assert seen in found.seen


@pytest.mark.parametrize(
    ("version", "aof", "denied", "is_open", "result"),
    [
        ("7.0.15", 1, (), False, "ok"),
        ("7.0.15", 1, (), True, "warning"),
        ("7.0.15", 1, ("HSET",), False, "FAIL"),
        ("7.0.15", 1, ("HSET",), True, "FAIL"),
        ("7.0.15", 0, ("HSET",), False, "warning"),
        ("7.2.4", 1, ("UNLINK",), False, "FAIL"),  # what Valkey calls itself
        ("8.2.3", 1, None, False, "skipped"),
        ("8.2.3", 1, None, True, "warning"),
        ("6.2.14", 1, None, False, "ok"),
        ("6.2.14", 1, ("HSET",), False, "ok"),
        ("6.2.14", 1, None, True, "warning"),
    ],
)
def test_a_restart_should_replay_every_push_and_nobody_should_be_the_default_user(
    version: str, aof: int, denied: tuple[str, ...] | None, is_open: bool, result: str
) -> None:
    info = {"redis_version": version, "aof_enabled": aof}

    found = redis_server.default_user(info, denied, AT, is_open=is_open)

    assert found.result == result
    assert bool(found.remedy) is (result != "ok")


@pytest.mark.parametrize(
    ("info", "result"),
    [
        ({"role": "master", "connected_slaves": 0}, "ok"),
        ({"role": "master", "connected_slaves": 1, "min_slaves_good_slaves": 1}, "ok"),
        ({"role": "master", "connected_slaves": 1}, "warning"),
        ({"role": "slave", "connected_slaves": 0}, "FAIL"),
    ],
)
def test_a_master_with_replicas_should_not_go_on_without_them(info: dict[str, Any], result: str) -> None:
    assert redis_server.replicas(info, AT).result == result


@pytest.mark.parametrize(
    ("url", "result"),
    [
        ("redis://user:canary@redis.example:6379/0", "warning"),
        ("rediss://user:canary@redis.example:6379/0", "ok"),
        ("rediss://user:canary@redis.example:6379/0?ssl_cert_reqs=none", "warning"),
        ("rediss://user:canary@redis.example:6379/0?ssl_check_hostname=false", "warning"),
        ("redis://user:canary@127.0.0.1:6379/0", "ok"),
        ("redis+cluster://user:canary@localhost:1,[::1]:2", "ok"),
        ("redis+cluster://user:canary@localhost:1,redis.example:2", "warning"),
        ("unix://user:canary@/run/redis.sock", "ok"),
    ],
)
def test_what_leaves_the_machine_should_be_encrypted(url: str, result: str) -> None:
    found = redis.tls(options_from_url(url))

    assert found.result == result
    assert "canary" not in repr(found)


def test_a_server_without_replicas_is_told_as_such() -> None:
    assert redis_server.replicas({"role": "master"}, AT).seen == f"{AT}: this server has no replicas"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "less than 0.1 ms"), (0.000_09, "less than 0.1 ms"), (0.000_14, "0.1 ms"), (0.0126, "12.6 ms")],
)
def test_a_short_time_is_not_told_as_none(seconds: float, text: str) -> None:
    assert redis.duration(seconds) == text
