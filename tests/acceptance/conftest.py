"""One real Airflow with our backend and one real Redis for the whole session: a start takes 20-40 s."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis

from devtools.airflow_stack import AirflowStack
from devtools.components import BACKEND
from devtools.redis_server import RedisServer

FOLDER = Path(__file__).parent
DAGS = FOLDER / "dags"

_stacks: list[AirflowStack] = []


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
def backend_env(redis_server: RedisServer, proofs: Proofs) -> dict[str, str]:
    """The environment of an Airflow that uses our backend; a test may change a copy."""
    return {
        "AIRFLOW__CORE__XCOM_BACKEND": BACKEND,
        "AIRFLOW__EXCLUSIVE_REDIS_XCOM__REDIS_URL": redis_server.url,
        "ACCEPTANCE_PROOFS": os.fspath(proofs.folder),
    }


@pytest.fixture(scope="session")
def start_airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., AirflowStack]]:
    """Start further Airflows: ``start_airflow(env, dags=folder or None, **options of AirflowStack)``.

    Each costs half a minute and a share of two cores: stop it when done with it.
    """
    with contextlib.ExitStack() as cleanup:

        def start(env: dict[str, str], *, dags: Path | None = None, **options: Any) -> AirflowStack:
            home = tmp_path_factory.mktemp("airflow")
            if dags is not None:
                shutil.copytree(dags, home / "dags", ignore=shutil.ignore_patterns("__pycache__"))
            stack = AirflowStack(home, home / "dags", env, **options)
            _stacks.append(stack)
            return cleanup.enter_context(stack)

        yield start


@pytest.fixture(scope="session")
def airflow(start_airflow: Callable[..., AirflowStack], backend_env: dict[str, str]) -> AirflowStack:
    """An Airflow with our backend and the DAGs of this directory."""
    return start_airflow(backend_env, dags=DAGS)


@pytest.fixture(scope="session", autouse=True)
def no_key_without_a_ttl(redis_client: redis.Redis) -> Iterator[None]:
    yield
    assert [name for name in redis_client.scan_iter(count=1000) if redis_client.ttl(name) == -1] == []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Say where the logs are when a test fails."""
    report = yield
    if report.failed and _stacks and item.path.is_relative_to(FOLDER):
        places = "\n".join(f"{stack.home}/logs and {stack.logs}" for stack in _stacks)
        report.sections.append(("Airflow's logs", places))
    return report
