"""Run cosmos' watcher mode in a real Airflow, once for each mode of enforcement.

The environment is one of its own, see `make test-cosmos`. With `enforcement = worker`, all sensors succeed. With
`enforcement = server`, those that defer are refused in the triggerer, and those that poke succeed.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import redis

from devtools import components
from devtools.airflow_stack import AirflowStack, airflow_version
from devtools.components import BACKEND, OURS
from devtools.redis_server import RedisServer
from devtools.redis_users import API_SERVER, WORKER, create_users, url_for
from exclusive_redis_xcom.crypto import generate_seal_keys

if TYPE_CHECKING:
    from collections.abc import Mapping

DAGS = Path(__file__).parent / "dags"
DAG_ID = "cosmos_watcher"
#: What a refused trigger says in its task's log.
REFUSED = "triggers run without an API server that could check who asks"


def main() -> int:
    """Run both modes; return the exit code."""
    print(f"astronomer-cosmos {version('astronomer-cosmos')}, Airflow {airflow_version()}")
    with RedisServer() as server:
        worker = {"AIRFLOW__CORE__XCOM_BACKEND": BACKEND, f"{OURS}REDIS_URL": server.url}
        problems = _run("worker", worker, {})
        public_key, private_key = generate_seal_keys()
        with redis.Redis.from_url(server.url) as client:
            passwords = create_users(client)
        urls = {name: url_for(server.url, name, password) for name, password in passwords.items()}
        of_api_server = {f"{OURS}REDIS_URL": urls[API_SERVER], f"{OURS}SEAL_PRIVATE_KEYS": private_key}
        problems += _run("server", components.server_mode(urls[WORKER], public_key), of_api_server)
    for problem in problems:
        print(f"PROBLEM {problem}")
    return 1 if problems else 0


def _run(mode: str, env: Mapping[str, str], of_api_server: Mapping[str, str]) -> list[str]:
    """Run the DAG once, and return what is not as it should be."""
    home = Path(tempfile.mkdtemp(prefix="exclusive-xcom-cosmos-"))
    shutil.copytree(DAGS, home / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    # The sensors that poll must not keep the producer from running.
    env = {**env, "AIRFLOW__CORE__PARALLELISM": "16"}
    with AirflowStack(home, home / "dags", env, component_env={"api-server": of_api_server}) as airflow:
        run_id = airflow.trigger(DAG_ID)
        airflow.wait_run(DAG_ID, run_id, timeout=400)
        states = {task_id: state for (task_id, _), state in airflow.task_states(DAG_ID, run_id).items()}
        rows = airflow.xcom_rows(DAG_ID, run_id)
        logs = {task_id: airflow.task_log(DAG_ID, run_id, task_id) for task_id in states if "deferring" in task_id}
    problems = []
    print(f"{mode}: {len(rows)} XComs")
    for task_id, state in sorted(states.items()):
        is_refused = mode == "server" and task_id in logs
        print(f"{mode}: {task_id} {state}{', refused in the triggerer' if is_refused else ''}")
        if state != ("failed" if is_refused else "success"):
            problems.append(f"{mode}: {task_id} is {state}; logs are in {home}/logs")
        elif is_refused and REFUSED not in logs[task_id]:
            problems.append(f"{mode}: the log of {task_id} does not say why it was refused; see {home}/logs")
        elif task_id in logs and "Trying to retrieve value using XCom key" not in logs[task_id]:
            problems.append(f"{mode}: the trigger of {task_id} did not pull; see {home}/logs")
    plain = [row["key"] for row in rows if "exclusive_redis_xcom" not in json.loads(row["value"])]
    if plain or len(rows) < len(states):
        problems.append(f"{mode}: of {len(rows)} XComs, these are plain rows: {plain}; Airflow's home is {home}")
    if not problems:
        shutil.rmtree(home)
    return problems


if __name__ == "__main__":
    sys.exit(main())
