"""The health that the overview shows: the doctor's checks, made inside a process, without a request to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

from devtools.redis_server import RedisServer
from tests.integration.support import API_PASSWORD, API_USER, PREFIX, Start

_CODE = """
import json
from exclusive_redis_xcom.health.examining import in_api_server
print(json.dumps([[found.check, found.result, found.seen, found.remedy] for found in in_api_server(())]))
"""


def findings(url: str) -> dict[str, tuple[str, str, str]]:
    """What is found with this Redis, by check; the first of each."""
    env = {
        **os.environ,
        "AIRFLOW__CORE__XCOM_BACKEND": "exclusive_redis_xcom.ExclusiveRedisXCom",
        "AIRFLOW__EXCLUSIVE_REDIS_XCOM__REDIS_URL": url,
        "AIRFLOW__EXCLUSIVE_REDIS_XCOM__KEY_PREFIX": PREFIX,
    }
    done = subprocess.run([sys.executable, "-c", _CODE], env=env, capture_output=True, text=True, check=True)
    assert API_PASSWORD not in done.stdout + done.stderr
    found: dict[str, tuple[str, str, str]] = {}
    for check, *rest in json.loads(done.stdout.splitlines()[-1]):
        found.setdefault(check, tuple(rest))
    return found


def login(url: str) -> str:
    return url.replace("://", f"://{API_USER}:{API_PASSWORD}@")


def test_a_healthy_api_server(any_redis: RedisServer) -> None:
    found = findings(login(any_redis.url))

    results = {check: result for check, (result, _, _) in found.items()}
    assert {check for check, result in results.items() if result == "FAIL"} == set()
    for check in ("settings", "XCom backend", "ring", "Redis", "Redis version", "Redis user", "Redis round trip"):
        assert (check, results[check]) == (check, "ok")
    assert found["object storage"] == ("skipped", "spill_path is not set", "")
    assert found["direct pulls"][0] == "warning"  # there is no watch in an empty chain


def test_a_user_with_more_rights_sees_how_the_server_is_set_up(any_redis: RedisServer) -> None:
    assert findings(any_redis.url)["Redis eviction"][:1] == ("ok",)


def test_a_redis_that_is_down_is_one_failure_with_a_remedy(start_redis: Start) -> None:
    server = start_redis()
    server.stop()

    began = time.monotonic()
    found = findings(login(server.url))

    assert time.monotonic() - began < 60
    assert [check for check, (result, _, _) in found.items() if result == "FAIL"] == ["Redis"]
    assert found["Redis"][2]
