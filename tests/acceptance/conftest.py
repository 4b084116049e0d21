"""One real Airflow with our backend and one real Redis for the whole session: a start takes 20-40 s."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from devtools.airflow_stack import AirflowStack
from devtools.components import BACKEND
from devtools.redis_server import RedisServer

DAGS = Path(__file__).with_name("dags")


@dataclass(frozen=True)
class Proofs:
    """Files that tasks and callbacks leave behind; Airflow only logs what goes wrong in a callback."""

    folder: Path

    def of(self, run_id: str) -> set[str]:
        return {path.name.removesuffix(f"-{run_id}") for path in self.folder.iterdir() if path.name.endswith(run_id)}


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="session")
def redis_client(redis_server: RedisServer) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_server.url) as client:
        yield client


@pytest.fixture(scope="session")
def proofs(tmp_path_factory: pytest.TempPathFactory) -> Proofs:
    return Proofs(tmp_path_factory.mktemp("proofs"))


@pytest.fixture(scope="session")
def airflow(
    redis_server: RedisServer, proofs: Proofs, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AirflowStack]:
    home = tmp_path_factory.mktemp("airflow")
    shutil.copytree(DAGS, home / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    env = {
        "AIRFLOW__CORE__XCOM_BACKEND": BACKEND,
        "AIRFLOW__EXCLUSIVE_REDIS_XCOM__REDIS_URL": redis_server.url,
        "ACCEPTANCE_PROOFS": os.fspath(proofs.folder),
    }
    with AirflowStack(home, home / "dags", env) as stack:
        yield stack


@pytest.fixture(scope="session", autouse=True)
def no_key_without_a_ttl(redis_client: redis.Redis) -> Iterator[None]:
    yield
    assert [name for name in redis_client.scan_iter(count=1000) if redis_client.ttl(name) == -1] == []
