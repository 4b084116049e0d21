"""The Redis of docker-compose.yaml and `make up`, started by the very script that both use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from devtools import local, processes
from devtools.airflow_api import wait_until
from exclusive_redis_xcom.store import Push
from tests.integration.support import ACL, TTL, at, open_store, value

PREFIX = "exclusive_redis_xcom"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("compose-redis")


@pytest.fixture(scope="module")
def url(home: Path) -> Iterator[str]:
    url, program = local.start_redis(home, outlive=False)

    def answers() -> Any:
        try:
            return redis.from_url(url).ping()
        except redis.ConnectionError:
            return None

    try:
        wait_until(answers, 15, program.tail)
        yield url
    finally:
        processes.stop([program])


def test_the_store_works_as_its_only_user(url: str) -> None:
    with open_store(url, prefix=PREFIX) as store:
        store.push(Push(value(at()), acl=ACL, ttl=TTL))

        assert store.fetch(at()).envelope is not None
        assert store.purge(at())


def test_nobody_else_gets_in(url: str) -> None:
    stranger = redis.from_url(f"redis://{url.rpartition('@')[2]}")

    with pytest.raises(redis.AuthenticationError):
        stranger.get("x")


def test_its_user_can_neither_look_around_nor_leave_its_keys(url: str) -> None:
    client = redis.from_url(url)

    for command in (["KEYS", "*"], ["SCAN", "0"], ["CONFIG", "GET", "*"], ["HSET", "other", "a", "b"], ["FLUSHALL"]):
        with pytest.raises(redis.exceptions.NoPermissionError):
            client.execute_command(*command)


def test_every_value_is_on_disk(url: str, home: Path) -> None:
    with open_store(url, prefix=PREFIX) as store:
        store.push(Push(value(at()), acl=ACL, ttl=TTL))

    written = b"".join(path.read_bytes() for path in (home / "redis").rglob("*") if ".aof" in path.name)
    assert b"HSET" in written.upper()


def test_the_password_is_in_no_file(url: str, home: Path) -> None:
    password = url.split(":")[2].partition("@")[0].encode()

    files = [path for path in home.rglob("*") if path.is_file()]
    assert [path for path in files if password in path.read_bytes()] == []
    assert len(files) > 1
