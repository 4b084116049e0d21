"""`python -m devtools.demo.worker`: examples/exclusive_token in a real Airflow in worker mode.

It prints what was observed as the demo does. `make test-install` runs it beside the demo, on an installed wheel.
"""

from __future__ import annotations

import json
import secrets
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import redis
from rich.console import Console

from devtools.airflow_stack import ROOT, AirflowStack, airflow_version
from devtools.components import BACKEND, OURS
from devtools.demo import observations as seen
from devtools.demo.__main__ import COMPONENTS, open_redis, own_keys, step, table
from devtools.redis_users import WORKER

if TYPE_CHECKING:
    from devtools.demo.observations import Observation

DAG_ID = "exclusive_token"
DAGS = ROOT / "examples" / DAG_ID


def main() -> int:
    """Run the example in worker mode; return the exit code."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    with tempfile.TemporaryDirectory(prefix="exclusive-xcom-worker-mode-") as home:
        observations = run(console, Path(home))
    console.print(table(observations))
    return 0 if all(observation.holds for observation in observations) else 1


def run(console: Console, home: Path) -> list[Observation]:
    """Start what is needed, run the DAG, look, and stop all that was started."""
    prefix = f"exclusive_redis_xcom:demo-{secrets.token_hex(4)}"
    with open_redis() as (admin, users, _):
        env = {"AIRFLOW__CORE__XCOM_BACKEND": BACKEND, f"{OURS}REDIS_URL": users[WORKER], f"{OURS}KEY_PREFIX": prefix}
        airflow = AirflowStack(home, DAGS, env, COMPONENTS)
        try:
            with step(console, f"Airflow {airflow_version()} in worker mode"):
                airflow.start()
            with step(console, f"running DAG {DAG_ID}") as say:
                run_id = airflow.trigger(DAG_ID)
                say(f"the run ended as {airflow.wait_run(DAG_ID, run_id, timeout=180)}")
            with redis.from_url(admin) as connection, own_keys(connection, prefix):
                return observe(airflow, run_id, connection, prefix)
        finally:
            airflow.stop()


def observe(airflow: AirflowStack, run_id: str, connection: redis.Redis, prefix: str) -> list[Observation]:
    """Observe the run from outside."""
    states = {task_id: state for (task_id, _), state in airflow.task_states(DAG_ID, run_id).items()}
    logs = {task_id: airflow.task_log(DAG_ID, run_id, task_id) for task_id in ("extract", "load", "report")}
    pushed = seen.first(seen.DIGEST, logs["extract"])
    rows = [json.loads(row["value"]) for row in airflow.xcom_rows(DAG_ID, run_id) if row["key"] == "token"]
    return [
        seen.consumer_served(states, pushed, seen.first(seen.DIGEST, logs["load"])),
        seen.report_refused(states, logs["report"]),
        seen.reference_only(airflow, rows, pushed),
        seen.all_expire(connection, prefix),
    ]


if __name__ == "__main__":
    sys.exit(main())
