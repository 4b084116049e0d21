"""What fails around running tasks loses no value, lets nobody read a wrong one, and every error is typed."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import time
from collections.abc import Iterator

import pytest
import redis

from devtools.airflow_api import wait_until
from devtools.production.stack import API_SERVERS, Production
from tests.production.conftest import Installation
from tests.production.proofs import Proofs

MEGABYTE = 1_000_000
#: As in `dags/faults.py`.
LARGE = 100 * MEGABYTE

pytestmark = pytest.mark.timeout(900, func_only=True)


@pytest.fixture
def steady(installation: Installation, airflow: Production) -> Iterator[tuple[str, Proofs]]:
    """A run whose tasks push and pull all the time, until they are told that it is enough."""
    run_id = airflow.trigger("faults_steady")
    proofs = installation.proofs(run_id)
    try:
        proofs.wait(12)
        yield run_id, proofs
    finally:
        proofs.enough()


def finish(airflow: Production, run: tuple[str, Proofs]) -> str:
    run_id, proofs = run
    proofs.enough()
    return airflow.wait_run("faults_steady", run_id, timeout=300)


@pytest.fixture
def admin(airflow: Production) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(airflow.redis_admin_url()) as client:
        yield client


@pytest.mark.parametrize("api_server", [API_SERVERS[0], pytest.param(API_SERVERS[1], marks=pytest.mark.in_full)])
def test_the_end_of_one_api_server_is_not_noticed(
    airflow: Production, steady: tuple[str, Proofs], api_server: str
) -> None:
    _, proofs = steady
    airflow.kill_component(api_server)
    proofs.wait(30)
    airflow.start_component(api_server)
    airflow.wait_ready()
    proofs.wait(12)

    assert finish(airflow, steady) == "success"
    assert set(proofs.outcomes()) == {"ok"}
    assert len(proofs.steps("after")) > 4


@pytest.mark.in_full
def test_a_restart_of_postgres_is_not_noticed(airflow: Production, steady: tuple[str, Proofs]) -> None:
    _, proofs = steady
    airflow.database.stop()
    time.sleep(2)
    airflow.database.start()
    airflow.recover()  # Airflow's scheduler, DAG processor and triggerer end when their database is away
    proofs.wait(30)

    assert finish(airflow, steady) == "success"
    assert set(proofs.outcomes()) == {"ok"}
    assert len(proofs.steps("after")) > 4


@pytest.mark.in_full
def test_a_restart_of_redis_loses_nothing(airflow: Production, steady: tuple[str, Proofs]) -> None:
    _, proofs = steady
    airflow.redis.restart()
    proofs.wait(30)

    assert finish(airflow, steady) == "success"
    assert set(proofs.outcomes()) == {"ok"}
    assert len(proofs.steps("after")) > 4


@pytest.mark.in_full
def test_a_redis_that_was_away_for_8_s_and_is_empty_gives_typed_errors_and_no_wrong_value(
    airflow: Production, steady: tuple[str, Proofs]
) -> None:
    run_id, proofs = steady
    airflow.redis.stop()
    time.sleep(8)
    for path in airflow.redis.directory.glob("appendonly*"):  # a folder; with Redis 6.2, a file
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    airflow.redis.start()
    proofs.wait(30)

    finish(airflow, steady)
    outcomes = set(proofs.outcomes())
    assert outcomes <= {"ok", "XComExpired", "StoreUnavailable"}
    assert outcomes >= {"ok", "XComExpired"}
    late = proofs.steps("steady")[-6:]
    assert {step.outcome for step in late if step.step.startswith(("push", "pull "))} >= {"ok"}
    # Nobody got `before`, whose value is lost, by another way.
    assert {step.outcome for step in proofs.steps("after") if step.step == "pull of before"} == {"XComExpired"}

    airflow.clear("faults_steady", run_id, ["before"], include_downstream=True)
    assert airflow.wait_run("faults_steady", run_id, timeout=300) == "success"
    second = [step for step in proofs.steps("after") if step.try_number > 1 and step.step == "pull of before"]
    assert [step.outcome for step in second][-1:] == ["ok"]


@pytest.mark.in_full
def test_the_end_of_the_worker_costs_its_tasks_a_try_and_no_value(
    airflow: Production, steady: tuple[str, Proofs]
) -> None:
    _, proofs = steady
    airflow.kill_component("worker")
    airflow.start_component("worker")
    airflow.wait_ready()
    wait_until(
        lambda: {step.map_index for step in proofs.steps("steady") if step.try_number > 1} == {0, 1},
        300,
        lambda: f"no second try: {proofs.outcomes()}",
    )
    proofs.wait(12)

    assert finish(airflow, steady) == "success"
    assert set(proofs.outcomes()) == {"ok"}
    assert len(proofs.steps("after")) > 4


def test_a_task_that_is_killed_while_it_pushes_100_mb_pushes_all_of_it_at_its_next_try(
    installation: Installation, airflow: Production, admin: redis.Redis
) -> None:
    before = int(admin.info("memory")["used_memory"])
    run_id = airflow.trigger("faults_large")
    proofs = installation.proofs(run_id)
    pid = wait_until(
        lambda: next((int(step.outcome) for step in proofs.steps("push_large") if step.step == "pid"), None),
        60,
        lambda: "the task does not run",
        pause=0.01,
    )
    wait_until(
        lambda: int(admin.info("memory")["used_memory"]) > before + 20 * MEGABYTE,
        60,
        lambda: "the push did not begin",
        pause=0.002,
    )
    os.kill(pid, signal.SIGKILL)

    assert airflow.wait_run("faults_large", run_id, timeout=180) == "success"
    digest = hashlib.sha256(random.Random(2).randbytes(LARGE)).hexdigest()  # noqa: S311 - a value, not a secret
    done = {(step.task_id, step.try_number, step.step): step.outcome for step in proofs.steps()}
    assert ("push_large", 1, "pushed") not in done
    assert done["push_large", 2, "pushed"] == digest
    assert done["pull_large", 1, "pulled"] == digest


def test_every_key_in_redis_has_a_ttl(airflow: Production, admin: redis.Redis) -> None:
    """This is the last test of faults: what they interrupted expires, too."""
    names = list(admin.scan_iter(count=1000))

    assert names
    assert [name for name in names if admin.ttl(name) == -1] == []
