"""A real Redis loads what `exclusive-xcom redis-users` prints, and its users can do their work."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from devtools.redis_server import RedisServer
from exclusive_redis_xcom import cli
from exclusive_redis_xcom.cli import redis_users
from exclusive_redis_xcom.health import redis
from exclusive_redis_xcom.health.visit import Role, Visit
from exclusive_redis_xcom.settings import load_settings
from tests.integration.support import Start

PREFIX = "acme:xcom"


@pytest.fixture
def logins(
    start_redis: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> tuple[RedisServer, dict[str, str]]:
    """A server that loads the printed file, and the passwords in it."""
    assert cli.main(["redis-users", "--with-doctor", "--key-prefix", PREFIX]) == 0
    printed = capsys.readouterr().out
    (tmp_path / "users.acl").write_text(printed)
    words = [line.split() for line in printed.splitlines()]
    passwords = {line[1]: line[3].removeprefix(">") for line in words if line[3].startswith(">")}
    return start_redis(config={"aclfile": str(tmp_path / "users.acl")}), passwords


@pytest.mark.parametrize(("role", "user"), [("worker", redis_users.WORKER), ("api-server", redis_users.API_SERVER)])
def test_the_doctor_finds_nothing_wrong_with_the_users(
    logins: tuple[RedisServer, dict[str, str]], role: Role, user: str
) -> None:
    server, passwords = logins

    def url(name: str) -> str:
        return server.url.replace("://", f"://{name}:{passwords[name]}@")

    settings = dataclasses.replace(load_settings(), redis_url=url(user), key_prefix=PREFIX)
    found = list(redis.redis(Visit(role, settings, admin_url=url(redis_users.DOCTOR))))

    results = {finding.check: finding.result for finding in found}
    assert results.pop("Redis persistence") == "warning"  # this server has no append-only file
    assert set(results.values()) == {"ok"}
    assert {"Redis commands", "Redis round trip", "Redis default user", "Redis eviction"} <= results.keys()
