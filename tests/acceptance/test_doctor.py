"""`exclusive-xcom doctor` as people run it, beside a real API server with the ring and one without."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from devtools.airflow_stack import AirflowStack
from devtools.components import OURS, server_mode
from devtools.redis_server import RedisServer
from devtools.worlds.sealed import Keys

PASSWORD = "canary-p4ssword"
KEYS = Keys.generate()
PRIVATE = {f"{OURS}SEAL_PRIVATE_KEYS": KEYS.private}
ROOT = Path(__file__).resolve().parents[2]
#: A line of the report that begins a finding, with the lines of its remedy.
FINDING = re.compile(r"^(?:warning|FAIL) .*\n(?: {9}.*\n)*", re.MULTILINE)
RING = ("ring, Execution API", "ring, REST API")


@pytest.fixture(scope="module")
def env(backend_env: dict[str, str]) -> Iterator[dict[str, str]]:
    """What all components share: a Redis with a password, and the public key."""
    with RedisServer(config={"requirepass": PASSWORD}) as server:
        url = server.url.replace("://", f"://:{PASSWORD}@")
        yield {**backend_env, **server_mode(url, KEYS.public)}


@pytest.fixture(scope="module")
def with_ring(new_airflow: Callable[..., AirflowStack], env: dict[str, str]) -> Iterator[AirflowStack]:
    with new_airflow(env, components=("api-server",), component_env={"api-server": PRIVATE}) as stack:
        yield stack


@pytest.fixture
def without_ring(new_airflow: Callable[..., AirflowStack], env: dict[str, str]) -> Iterator[AirflowStack]:
    alone = {"api-server": {f"{OURS}ENFORCEMENT": "worker"}}
    with new_airflow(env, components=("api-server",), component_env=alone) as stack:
        yield stack


def doctor(stack: AirflowStack, *arguments: str, **env: str) -> tuple[int, str]:
    """Exit status and standard output; neither output holds a secret."""
    done = subprocess.run(
        [sys.executable, "-m", "exclusive_redis_xcom.cli", "doctor", *arguments],
        env={**stack.env, **env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    for secret in (PASSWORD, KEYS.private, KEYS.private.removeprefix("xrx-key-")):
        assert secret not in done.stdout
        assert secret not in done.stderr
    return done.returncode, done.stdout


def found(output: str) -> dict[str, dict[str, Any]]:
    return {finding["check"]: finding for finding in json.loads(output)["findings"]}


def test_a_worker_beside_a_server_with_the_ring_has_no_failure(with_ring: AirflowStack, tmp_path: Path) -> None:
    status, output = doctor(with_ring, "--json", **{f"{OURS}SPILL_PATH": f"file://{tmp_path}"})

    results = {name: finding["result"] for name, finding in found(output).items()}
    assert (status, [name for name, result in results.items() if result == "FAIL"]) == (0, [])
    assert {results[name] for name in (*RING, "XCom backend", "plugin", "listener", "policy", "private keys")} == {"ok"}
    assert results["object storage"] == "ok"
    assert KEYS.id in found(output)[RING[0]]["seen"]
    assert (results["executor"], results["Redis user"]) == ("warning", "warning")


def test_the_api_server_itself_has_no_failure(with_ring: AirflowStack) -> None:
    status, output = doctor(with_ring, "--role", "api-server", **PRIVATE)

    lines = output.splitlines()
    assert status == 0, output
    assert [line for line in lines if line.startswith("FAIL")] == []
    assert any(line.startswith("ok       private keys") and KEYS.id in line for line in lines)
    assert any(line.startswith("ok       sealing") and "It opened for its consumer" in line for line in lines)
    assert [line.split()[-1] for line in lines if line.startswith("  seal_private_keys ")] == [
        f"{OURS}SEAL_PRIVATE_KEYS"
    ]


def test_an_api_server_asks_itself_and_no_balancer(with_ring: AirflowStack) -> None:
    balancer = "http://127.0.0.1:1"
    urls = {"AIRFLOW__API__BASE_URL": balancer, "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{balancer}/execution/"}

    status, output = doctor(with_ring, "--role", "api-server", "--json", **PRIVATE, **urls)

    assert status == 0, output
    assert [found(output)[name]["seen"] for name in RING] == [
        f"http://127.0.0.1:{with_ring.port} has the ring, with keys {KEYS.id}"
    ] * 2


def test_a_worker_that_holds_the_private_key_fails(with_ring: AirflowStack) -> None:
    status, output = doctor(with_ring, "--json", **PRIVATE)

    assert status == 1
    assert [name for name, finding in found(output).items() if finding["result"] == "FAIL"] == ["private keys"]


def test_a_worker_with_another_public_key_fails(with_ring: AirflowStack) -> None:
    status, output = doctor(with_ring, "--json", **{f"{OURS}SEAL_PUBLIC_KEY": Keys.generate().public})

    assert status == 1
    assert [found(output)[name]["result"] for name in RING] == ["FAIL", "skipped"]


def test_a_server_without_the_ring_fails(without_ring: AirflowStack) -> None:
    status, output = doctor(without_ring, "--json")

    assert status == 1
    for name, result in zip(RING, ("FAIL", "skipped"), strict=True):
        finding = found(output)[name]
        assert finding["result"] == result
        assert "without the header exclusive-xcom-ring" in finding["seen"]
    assert "only logs a plugin that fails to import" in found(output)[RING[0]]["remedy"]


def test_the_page_about_pip_shows_what_the_doctor_says_of_such_a_redis(with_ring: AirflowStack) -> None:
    page = (ROOT / "docs/how-to/installing/pip.md").read_text()
    block = textwrap.dedent(page.partition("   $ exclusive-xcom doctor --quiet\n")[2].partition("   ```")[0])
    *shown, summary = block.splitlines()

    with RedisServer(config={"appendonly": "yes", "maxmemory-policy": "noeviction"}) as server:
        worker_mode = {f"{OURS}ENFORCEMENT": "worker", f"{OURS}REDIS_URL": server.url}
        _, output = doctor(with_ring, "--quiet", **worker_mode)

    # The server with the ring is not the one that the page starts: it watches over no rows, and the doctor says so.
    said = output.replace(f"127.0.0.1:{server.port}", "localhost:6379")
    said_of_redis = [line for found in FINDING.findall(said) if "Redis " in found[:30] for line in found.splitlines()]
    assert [" ".join(line.split()) for line in said_of_redis] == [" ".join(line.split()) for line in shown]
    assert re.fullmatch(r"\d+ checks, 0 failed, 3 warnings, \d+ skipped", summary)


def test_an_airflow_that_cannot_be_loaded_is_told_in_one_sentence(with_ring: AirflowStack) -> None:
    # Airflow says no at import, in this text, to databases it does not know.
    status, output = doctor(with_ring, AIRFLOW__CORE__XCOM_BACKEND="", AIRFLOW__DATABASE__SQL_ALCHEMY_CONN="nothing")

    assert (status, output) == (2, "")
