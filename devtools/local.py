"""`make up` and `make down` start and stop a local Airflow, with this package and the DAGs of examples/.

If a Docker engine answers, `make up` starts docker-compose.yaml. Else it starts a smaller Airflow natively, with
LocalExecutor and without a login. Both have a Redis with users of docs/redis-users.acl. Passwords are generated, and
`make down` throws them away. They lie in files that are not committed: .env or .stack/local.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import secrets
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
from rich.console import Console

from devtools import processes
from devtools.airflow_api import AirflowApi
from devtools.airflow_stack import ROOT, AirflowStack, airflow_version, free_port
from devtools.components import ADMIN, BACKEND, COMPONENTS, OURS
from devtools.redis_server import find_redis_binary

if TYPE_CHECKING:
    from pathlib import Path

STATE = ROOT / ".stack" / "local.json"
HOME = ROOT / ".stack" / "local"
ENV_FILE = ROOT / ".env"
USERS = ROOT / "docs" / "redis-users.acl"
USER = "exclusive_redis_xcom"
PASSWORDS = (
    *("AIRFLOW_ADMIN_PASSWORD", "AIRFLOW_FERNET_KEY", "AIRFLOW_JWT_SECRET", "AIRFLOW_SECRET_KEY"),
    *("BROKER_PASSWORD", "POSTGRES_PASSWORD", "XCOM_REDIS_API_PASSWORD", "XCOM_REDIS_PASSWORD"),
)
UI_PORT = 8080
NO_LOGIN = "no login"

console = Console(highlight=False, soft_wrap=True)


def main() -> int:
    """Run `up` or `down`; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["up", "down"])
    arguments = parser.parse_args()
    compose = not STATE.exists() and has_docker_engine()
    if arguments.what == "up":
        return compose_up() if compose else native_up()
    return compose_down() if compose else native_down()


def has_docker_engine() -> bool:
    """Tell whether `docker compose` exists and an engine answers it."""
    if shutil.which("docker") is None:
        return False
    checks = (["docker", "compose", "version"], ["docker", "info"])
    return all(subprocess.run(check, capture_output=True, check=False).returncode == 0 for check in checks)


def compose_up() -> int:
    """Build and start docker-compose.yaml, and wait until all services are healthy."""
    passwords = generated_passwords()
    console.print("• docker compose up")
    code = subprocess.run(
        ["docker", "compose", "up", "--build", "--detach", "--wait"], cwd=ROOT, check=False
    ).returncode
    if code == 0:
        login = f"log in as {ADMIN}, with the password {passwords['AIRFLOW_ADMIN_PASSWORD']}"
        console.print(told(f"http://localhost:{UI_PORT}", login))
    return code


def compose_down() -> int:
    """Stop the services and remove their containers and volumes."""
    if not ENV_FILE.exists():
        console.print("Nothing is running.")
        return 0
    command = ["docker", "compose", "down", "--volumes", "--remove-orphans"]
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    if code == 0:
        ENV_FILE.unlink()
        console.print(f"Stopped. Removed the containers, their volumes (database, logs, XComs) and {ENV_FILE.name}.")
    return code


def native_up() -> int:
    """Start Redis and Airflow's components as processes that go on after this one."""
    if url := running():
        console.print("Airflow is up already.")
        console.print(told(url, NO_LOGIN))
        return 0
    if STATE.exists():  # not all of it is alive
        native_down()
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    redis_url, redis = start_redis(HOME, outlive=True)
    console.print(f"• Redis: 127.0.0.1:{redis_url.rpartition(':')[2]}")
    env = {"AIRFLOW__CORE__XCOM_BACKEND": BACKEND, f"{OURS}REDIS_URL": redis_url}
    airflow = AirflowStack(HOME, ROOT / "examples", env, port=free_port(UI_PORT), outlive=True)
    console.print(f"• Airflow {airflow_version()}: {', '.join(COMPONENTS)} ...")
    try:
        airflow.start()
    except BaseException:
        processes.stop([redis])
        raise
    remember(airflow.url, [redis, *airflow.programs])
    console.print(told(airflow.url, NO_LOGIN))
    console.print(f"Logs are in {airflow.logs}.")
    return 0


def native_down() -> int:
    """Stop what `native_up` started, and remove its data."""
    if not STATE.exists():
        console.print("Nothing is running.")
        return 0
    processes.stop_sessions(remains(json.loads(STATE.read_text())["sessions"]))
    STATE.unlink()
    shutil.rmtree(HOME, ignore_errors=True)
    console.print(f"Stopped. Removed {HOME.relative_to(ROOT)}: Airflow's database, logs, passwords and XComs.")
    return 0


def start_redis(home: Path, *, outlive: bool) -> tuple[str, processes.Program]:
    """Start Redis as docker-compose.yaml does; return its URL, with the password, and the program."""
    binary = find_redis_binary()
    if binary is None:
        raise SystemExit("No Redis: install redis-server or valkey-server.")
    password = secrets.token_hex(24)
    port = free_port()
    script = [str(ROOT / "docker" / "redis.sh"), str(USERS), str(home / "redis")]
    program = processes.start(
        "redis",
        [*script, "--port", str(port), "--bind", "127.0.0.1"],
        env={**os.environ, "XCOM_REDIS_PASSWORD": password, "REDIS_SERVER": str(binary)},
        log=home / "stack-logs" / "redis.log",
        outlive=outlive,
    )
    return f"redis://{USER}:{password}@127.0.0.1:{port}", program


def running() -> str | None:
    """Return the URL of the native Airflow when all of it is alive, else None."""
    if not STATE.exists():
        return None
    state = json.loads(STATE.read_text())
    if len(leaders(state["sessions"])) < len(state["sessions"]):
        return None
    api = AirflowApi(state["url"])
    return None if api.unhealthy(COMPONENTS) else str(state["url"])


def told(url: str, login: str) -> str:
    """Return what a newcomer does next."""
    return (
        f"Open {url} ({login}).\n"
        "DAG exclusive_token is ready. Its task `report` fails, as its rule demands.\n"
        "Put your own DAGs into examples/: Airflow finds them within a minute.\n"
        "`make down` stops Airflow, and removes its database, logs, passwords and XComs. It leaves examples/ as it is."
    )


def generated_passwords() -> dict[str, str]:
    """Return what .env holds. What it does not hold yet is generated: an older checkout may have written it."""
    lines = ENV_FILE.read_text().splitlines() if ENV_FILE.exists() else []
    known = dict(line.split("=", 1) for line in lines if "=" in line)
    missing = {name: secret_for(name) for name in PASSWORDS if name not in known}
    if missing:
        console.print(f"• generating passwords: {ENV_FILE.name}")
        known |= missing
        write_privately(ENV_FILE, "".join(f"{name}={value}\n" for name, value in known.items()))
    return known


def secret_for(name: str) -> str:
    """Return a new secret for one of `PASSWORDS`."""
    if name == "AIRFLOW_FERNET_KEY":
        return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    return secrets.token_hex(24)


def remember(url: str, programs: list[processes.Program]) -> None:
    """Write down what runs. A pid could one day be another program's, so its start time is kept, too."""
    sessions = {str(program.pid): started_at(program.pid) for program in programs}
    write_privately(STATE, json.dumps({"url": url, "sessions": sessions}))


def leaders(sessions: dict[str, float]) -> list[int]:
    """Return the pids that still belong to the programs that were started."""
    return [int(pid) for pid, created in sessions.items() if started_at(int(pid)) == created]


def remains(sessions: dict[str, float]) -> list[int]:
    """Return the sessions that may be stopped. If a pid is another program's by now, its session is left out."""
    return [int(pid) for pid, created in sessions.items() if started_at(int(pid)) in (created, None)]


def started_at(pid: int) -> float | None:
    """Return when a process was started, None when there is none."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return None


def write_privately(path: Path, text: str) -> None:
    """Write a file that only its owner reads."""
    path.touch(mode=0o600)
    path.write_text(text)


if __name__ == "__main__":
    sys.exit(main())
