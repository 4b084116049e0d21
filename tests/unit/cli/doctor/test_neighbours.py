"""What of Airflow's servers a task on the worker could reach: processes of its Unix user, and a shared AIRFLOW_HOME."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from exclusive_redis_xcom.cli.doctor import neighbours
from exclusive_redis_xcom.health.finding import Finding
from exclusive_redis_xcom.health.visit import Visit
from tests.unit.cli.doctor.patients import only, sealed_visit, visit
from tests.unit.cli.doctor.processes import titled

CANARY = "canary-canary"


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An AIRFLOW_HOME that nobody else has, and Celery."""
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    monkeypatch.setattr("airflow.configuration.AIRFLOW_HOME", str(tmp_path))
    return tmp_path


def of_home() -> Finding:
    return only(neighbours.airflow_home(sealed_visit()))


def of_processes() -> Finding:
    found = only(neighbours.server_processes(sealed_visit()))
    assert CANARY not in repr(found)
    return found


def test_a_home_of_its_own_is_all_right(home: Path) -> None:
    (home / "airflow.cfg").touch()
    (home / "airflow.db").touch()  # a worker may make an empty one
    (home / "airflow-worker.pid").touch()

    assert (of_home().result, of_home().seen) == ("ok", f"{home}: no sign of a server")


@pytest.mark.parametrize(
    "name", ["airflow-scheduler.pid", "airflow-api_server.pid", "simple_auth_manager_passwords.json.generated"]
)
def test_what_a_server_has_left_in_the_home_fails(home: Path, name: str) -> None:
    (home / name).touch()

    assert (of_home().result, of_home().seen) == ("FAIL", f"{home}: {name}")
    assert of_home().remedy.startswith("Give workers an AIRFLOW_HOME of their own.")


def test_the_database_of_a_server_in_the_home_fails(home: Path) -> None:
    with contextlib.closing(sqlite3.connect(home / "airflow.db")) as database:
        database.execute("CREATE TABLE task_instance (id INTEGER)")

    assert (of_home().result, of_home().seen) == ("FAIL", f"{home}: airflow.db with Airflow's tables")


def test_a_server_that_runs_with_the_same_home_fails(home: Path) -> None:
    with titled("airflow scheduler", AIRFLOW_HOME=str(home)) as pid:
        assert (of_home().result, of_home().seen) == ("FAIL", f"{home}: used by airflow scheduler (pid {pid})")


def test_a_server_with_another_home_is_no_sign(home: Path) -> None:
    with titled("airflow scheduler", AIRFLOW_HOME=str(home / "other")):
        assert of_home().result == "ok"


@pytest.mark.parametrize(
    "title",
    [
        "airflow api_server -- host:0.0.0.0 port:8080",
        "airflow scheduler",
        "airflow triggerer",
    ],
)
def test_a_server_of_the_same_user_fails(title: str) -> None:
    with titled(title, AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=CANARY) as pid:
        found = neighbours._servers()
        assert of_processes().result == "FAIL"

    name = title.partition(" -- ")[0].replace("_", "-")
    assert (name, pid) in {(server.name, server.pid) for server in found if server.home is not None}


@pytest.mark.parametrize("command", [["python", "-m", "airflow", "dag-processor"], ["/usr/bin/airflow", "api-server"]])
def test_servers_are_known_by_their_commands(command: list[str]) -> None:
    assert neighbours._name_of(command) == f"airflow {command[-1]}"


@pytest.mark.parametrize(
    "command",
    [
        ["airflow", "celery", "worker"],
        ["airflow worker -- 0194"],
        ["tail", "-f", "airflow scheduler.log"],
        ["airflow", "tasks", "test", "scheduler"],
        [],
    ],
)
def test_other_processes_are_none(command: list[str]) -> None:
    assert neighbours._name_of(command) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a server as one user and look as another one")
def test_a_server_of_another_user_is_all_right() -> None:
    look = (
        "import os, psutil\n"
        "from exclusive_redis_xcom.cli.doctor import neighbours\n"
        "os.setgid(65534); os.setuid(65534)\n"  # the rest runs as a worker that is another user than the server
        "found = [server for server in neighbours._servers() if server.pid == PID]\n"
        "print([(server.name, server.home) for server in found])"
    )
    with titled("airflow scheduler") as pid:
        done = subprocess.run(
            [sys.executable, "-c", look.replace("PID", str(pid))], capture_output=True, text=True, check=False
        )

    assert done.stdout == "[('airflow scheduler', None)]\n", done.stderr


def test_nothing_is_asked_where_it_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    for check in neighbours.CHECKS:
        assert only(check(visit())).result == "skipped"
        assert only(check(Visit("worker", None))).result == "skipped"
        assert list(check(sealed_visit("api-server"))) == []
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "LocalExecutor")
    assert {only(check(sealed_visit())).seen for check in neighbours.CHECKS} == {
        "tasks run below the scheduler; see the check 'executor'"
    }
