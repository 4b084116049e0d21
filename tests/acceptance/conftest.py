"""Real Airflows and one real Redis; the directories that are packages each share one Airflow."""

from __future__ import annotations

import os
import shutil
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis

from devtools import components
from devtools.airflow_stack import ROOT, AirflowStack
from devtools.components import BACKEND, OURS
from devtools.redis_server import RedisServer
from devtools.redis_users import API_SERVER, WORKER, create_users, url_for
from exclusive_redis_xcom.crypto import generate_seal_keys

FOLDER = Path(__file__).parent
DAGS = FOLDER / "dags"
SERVER_DAGS = FOLDER / "dags_server"
#: DAGs of both modes. They go beside the others of an Airflow.
BOTH_DAGS = FOLDER / "dags_both"

#: New and changed DAG files are parsed at once. Nobody needs the others to be parsed again.
SELDOM_PARSED = {"AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600"}

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
def interpreters(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Paths for interpreters that have nothing of their own: Airflow with our package, and Airflow without it."""
    installed, without = Path(sysconfig.get_path("purelib")), tmp_path_factory.mktemp("without-us")
    for path in installed.iterdir():
        if "exclusive_redis_xcom" not in path.name:
            (without / path.name).symlink_to(path)
    paths = {"WITH_US": [installed, ROOT, BOTH_DAGS], "WITHOUT_US": [without, BOTH_DAGS]}
    return {f"ACCEPTANCE_{name}": os.pathsep.join(map(str, found)) for name, found in paths.items()}


@pytest.fixture(scope="session")
def backend_env(redis_server: RedisServer, proofs: Proofs, interpreters: dict[str, str]) -> dict[str, str]:
    """The environment of an Airflow that uses our backend; a test may change a copy."""
    return {
        **interpreters,
        "AIRFLOW__CORE__XCOM_BACKEND": BACKEND,
        f"{OURS}REDIS_URL": redis_server.url,
        "ACCEPTANCE_PROOFS": os.fspath(proofs.folder),
        "PYTHONPATH": os.fspath(BOTH_DAGS),  # the triggerer imports triggers from there
    }


@pytest.fixture(scope="session")
def new_airflow(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., AirflowStack]:
    """For an Airflow of a test's own: `with new_airflow(env, dags=folder or folders, **options of AirflowStack)`.

    Its start takes half a minute, and it a third of a core as long as it runs.
    """

    def new(env: dict[str, str], *, dags: Path | Sequence[Path] = (), **options: Any) -> AirflowStack:
        home = tmp_path_factory.mktemp("airflow")
        for folder in [dags] if isinstance(dags, Path) else dags:
            shutil.copytree(folder, home / "dags", ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
        stack = AirflowStack(home, home / "dags", {**SELDOM_PARSED, **env}, **options)
        _stacks.append(stack)
        return stack

    return new


@pytest.fixture(scope="session", autouse=True)
def no_key_without_a_ttl(redis_client: redis.Redis) -> Iterator[None]:
    yield
    assert _without_ttl(redis_client) == []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Say where the logs are when a test fails."""
    report = yield
    if report.failed and _stacks and item.path.is_relative_to(FOLDER):
        places = "\n".join(f"{stack.home}/logs and {stack.logs}" for stack in _stacks)
        report.sections.append(("Airflow's logs", places))
    return report


@dataclass(frozen=True)
class ServerMode:
    """What an Airflow of `enforcement = server` was given. `redis_url` is an administrator's."""

    redis: RedisServer
    redis_url: str
    env: dict[str, str]
    of_api_server: dict[str, str]
    private_key: str


@pytest.fixture(scope="session")
def server_mode(proofs: Proofs, interpreters: dict[str, str]) -> Iterator[ServerMode]:
    """A Redis of its own that keeps everything on disk and in its slow log, two users, and a key pair."""
    public_key, private_key = generate_seal_keys()
    config = {"appendonly": "yes", "slowlog-log-slower-than": "0", "slowlog-max-len": "1000000"}
    with RedisServer(config=config) as server:
        with redis.Redis.from_url(server.url) as client:
            passwords = create_users(client)
        users = {name: url_for(server.url, name, password) for name, password in passwords.items()}
        env = {
            **components.server_mode(users[WORKER], public_key),
            **interpreters,
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "DEBUG",
            f"{OURS}AUDIT": "all",
            "ACCEPTANCE_PROOFS": os.fspath(proofs.folder),
            "PYTHONPATH": f"{SERVER_DAGS}{os.pathsep}{BOTH_DAGS}",  # the triggerer imports triggers from there
        }
        of_api_server = {f"{OURS}REDIS_URL": users[API_SERVER], f"{OURS}SEAL_PRIVATE_KEYS": private_key}
        yield ServerMode(server, server.url, env, of_api_server, private_key)
        with redis.Redis.from_url(server.url) as client:
            assert _without_ttl(client) == []


def _without_ttl(client: redis.Redis) -> list[bytes]:
    return [name for name in client.scan_iter(count=1000) if client.ttl(name) == -1]
