"""The Execution API on a server of its own, started as docs/how-to/execution-only-server.md says."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools import processes
from devtools.airflow_stack import free_port, wait_until
from devtools.components import OURS
from devtools.worlds.api_caller import Caller
from devtools.worlds.api_plan import at
from devtools.worlds.api_world import World
from exclusive_redis_xcom.formats.reference import parse
from tests.acceptance.ring.conftest import HEADER, Asker

APP = "exclusive_redis_xcom.asgi:execution_app"


@pytest.fixture(scope="module")
def execution_only(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asker]:
    folder = tmp_path_factory.mktemp("execution-only")
    key = folder / "seal.key"
    key.write_text(world.keys.private)
    with _uvicorn(world, folder, {f"{OURS}SEAL_PRIVATE_KEYS_CMD": f"cat {key}"}) as caller:
        yield Asker(caller, (world.keys.id,))


@contextlib.contextmanager
def _uvicorn(world: World, folder: Path, env: dict[str, str]) -> Iterator[Caller]:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", APP, "--host", "127.0.0.1", "--port", str(port), "--no-access-log"]
    log = folder / "server.log"
    program = processes.start("execution-only", command, env={**world.airflow.env, **env}, log=log, outlive=False)
    caller = Caller(f"http://127.0.0.1:{port}", world.tokens)
    try:
        wait_until(caller.answers, 120, lambda: processes.tail(log, 50))
        yield caller
    finally:
        caller.close()
        processes.stop([program])


def test_every_answer_proves_the_ring(execution_only: Asker) -> None:
    answer = execution_only.call(None, "GET", "/execution/health")

    assert (answer.status_code, answer.headers.get_list(HEADER) != []) == (200, True)


def test_a_consumer_gets_the_value_opened_and_a_stranger_does_not(execution_only: Asker, world: World) -> None:
    pushed = world.push(at("extract", "execution-only"), ["load"])

    opened = execution_only.xcom("consumer", "GET", pushed.reference.coordinate).json()["value"]
    refused = execution_only.xcom("stranger", "GET", pushed.reference.coordinate).json()["value"]

    seals = [parse(value).seal for value in (opened, refused)]
    assert [seal and seal.data_key for seal in seals] == [pushed.data_key, None]


def test_a_task_does_not_write_another_s_xcom(execution_only: Asker) -> None:
    answer = execution_only.xcom("stranger", "POST", at("extract", "execution-only-2"), json="mine")

    assert (answer.status_code, answer.json()["detail"]["reason"]) == (403, "access_denied")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_there_is_no_public_api(execution_only: Asker, method: str) -> None:
    assert execution_only.call("ui", method, "/api/v2/dags/sales").status_code == 404


def test_nothing_is_edited_through_a_server_without_users(execution_only: Asker) -> None:
    path = "/api/v2/dags/sales/dagRuns/run-1/taskInstances/extract/xcomEntries/token"

    assert execution_only.call("ui", "PATCH", path, json={"value": 1}).status_code == 503
