"""The worker is another Unix user, and holds nothing to pass for another task with: server mode is a boundary here."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import psutil
import pytest

from devtools.production.stack import API_SERVERS, COMPONENTS, Production

pytestmark = pytest.mark.timeout(600, func_only=True)

_READ = """
import os, sys
for path in sys.argv[1:]:
    try:
        with open(path, "rb") as file:
            file.read(1)
    except OSError as error:
        print(path, error.strerror)
    else:
        print(path, "is open")
"""


def read_as_worker(airflow: Production, *paths: str | Path) -> dict[str, str]:
    """What a process of the worker's user sees of files."""
    done = airflow.run_as("worker", airflow.python, "-c", _READ, *(os.fspath(path) for path in paths))
    assert done.returncode == 0, done.stderr
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())


def processes_of(airflow: Production, name: str) -> list[psutil.Process]:
    leader = psutil.Process(airflow.programs[name].pid)
    return [leader, *leader.children(recursive=True)]


def found_in_memory(processes: list[psutil.Process], secrets: dict[str, str]) -> set[str]:
    """Which secrets are in the memory of processes, as root sees it: their environment, and whatever they read."""
    leader, *children = processes
    found = found_in_memory_of(leader, secrets)
    for child in children:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a task's process may have ended
            found |= found_in_memory_of(child, secrets)
    return found


def found_in_memory_of(process: psutil.Process, secrets: dict[str, str]) -> set[str]:
    found = set()
    with open(f"/proc/{process.pid}/maps") as maps, open(f"/proc/{process.pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            area, rights, *_ = line.split()
            if not rights.startswith("rw"):
                continue
            begin, end = (int(address, 16) for address in area.split("-"))
            memory.seek(begin)
            content = memory.read(end - begin)
            found |= {name for name, secret in secrets.items() if secret.encode() in content}
    return found


@pytest.mark.parametrize("name", [name for name in COMPONENTS if name != "worker"])
def test_the_workers_user_cannot_look_into_a_component(airflow: Production, name: str) -> None:
    processes = processes_of(airflow, name)
    paths = [f"/proc/{process.pid}/{file}" for process in processes for file in ("environ", "mem", "maps")]

    found = read_as_worker(airflow, *paths)

    assert set(found) == set(paths)
    assert set(found.values()) == {"Permission denied"}


def test_it_can_look_into_its_own_processes(airflow: Production) -> None:
    """So the test above can fail."""
    worker = airflow.programs["worker"].pid

    assert read_as_worker(airflow, f"/proc/{worker}/environ") == {f"/proc/{worker}/environ": "is open"}


def test_what_a_worker_must_not_hold_is_in_the_servers_memory_and_not_in_the_workers(airflow: Production) -> None:
    secrets = airflow.accounts.secrets.not_for_workers()
    if airflow.mode == "worker":
        del secrets["private key"]  # there is none
    of_workers = {"worker's Redis login": airflow.accounts.secrets.redis_worker}

    for name in API_SERVERS:
        assert found_in_memory(processes_of(airflow, name), secrets) == set(secrets)
    assert found_in_memory(processes_of(airflow, "worker"), {**secrets, **of_workers}) == set(of_workers)


def test_no_file_that_the_worker_may_read_holds_one_of_them(airflow: Production) -> None:
    secrets = [secret.encode() for secret in airflow.accounts.secrets.not_for_workers().values()]
    holding = [
        path
        for folder in (airflow.home, airflow.broker.directory, airflow.redis.directory)
        for path in folder.rglob("*")
        if path.is_file() and any(secret in path.read_bytes() for secret in secrets)
    ]

    assert airflow.home / "redis-users.acl" in holding
    assert set(read_as_worker(airflow, *holding).values()) == {"Permission denied"}


def test_the_database_lets_nobody_in_without_its_password(airflow: Production) -> None:
    import psycopg2  # in the environment of this tier only

    url = airflow.database.url.replace("+psycopg2", "")
    password = airflow.accounts.secrets.database

    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(url.replace(password, "guessed"))
    psycopg2.connect(url).close()
    socket = airflow.home / "postgres"
    assert read_as_worker(airflow, socket / "data" / "PG_VERSION").popitem()[1] == "Permission denied"


def test_tasks_run_as_the_workers_user(airflow: Production) -> None:
    users = {process.uids().real for process in processes_of(airflow, "worker")}
    servers = {process.uids().real for name in COMPONENTS[:2] for process in processes_of(airflow, name)}

    assert users == {airflow.accounts.worker.uid}
    assert servers == {airflow.accounts.servers.uid}
    assert 0 not in users | servers
