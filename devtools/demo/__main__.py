"""Run the demo: start a real Airflow in server mode, run a DAG with a hostile task, look, and stop everything.

Every line of the table comes from task logs, Airflow's database file, its REST API or Redis itself. The exit code is 0
only if all of it was seen.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import redis
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from devtools.airflow_stack import AirflowStack, airflow_version
from devtools.components import OURS, server_mode
from devtools.demo import observations as seen
from devtools.demo.observations import DAG_ID, Loot, Observation
from devtools.redis_server import RedisServer, redis_version
from devtools.redis_users import API_SERVER, WORKER, create_users, url_for
from exclusive_redis_xcom.crypto import generate_seal_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

DAGS = Path(__file__).parent / "dags"
COMPONENTS = ("api-server", "scheduler", "dag-processor")


def main() -> int:
    """Run the demo; return the exit code."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    home = Path(tempfile.mkdtemp(prefix="exclusive-xcom-demo-"))
    try:
        observations = run(console, home)
    except Exception as error:  # a newcomer gets the reason and the place of the logs
        console.print(f"[red]The demo failed:[/] {escape(str(error))}", soft_wrap=True)
        console.print(f"Logs: {home}")
        return 1
    console.print(table(observations))
    if not all(observation.holds for observation in observations):
        console.print(f"[red]Not every check passed.[/] Logs: {home}")
        return 1
    console.print(
        f"All {len(observations)} checks passed. The demo runs tasks under the scheduler (LocalExecutor). It shows "
        "only that such code is stopped, not that there is a boundary. docs/explanation/security.md says what else "
        "must be out of reach of hostile tasks.",
        soft_wrap=True,
    )
    shutil.rmtree(home, ignore_errors=True)
    return 0


def run(console: Console, home: Path) -> list[Observation]:
    """Start what is needed, run the DAG, look, and stop all that was started."""
    prefix = f"exclusive_redis_xcom:demo-{secrets.token_hex(4)}"
    public_key, private_key = generate_seal_keys()
    loot = home / "loot"
    loot.mkdir()
    console.print("[dim]The demo takes a minute or two. Most of that is the start of Airflow.[/]")
    with open_redis() as (admin, users, origin):
        console.print(f"[dim]•[/] Redis: {escape(origin)}", soft_wrap=True)
        env = {
            **server_mode(users[WORKER], public_key),
            f"{OURS}KEY_PREFIX": prefix,
            "DEMO_LOOT": os.fspath(loot),
            "DEMO_HASH": f"{prefix}:{DAG_ID}:{{run_id}}:extract:token",
        }
        of_api_server = {f"{OURS}REDIS_URL": users[API_SERVER], f"{OURS}SEAL_PRIVATE_KEYS": private_key}
        airflow = AirflowStack(home, DAGS, env, COMPONENTS, component_env={"api-server": of_api_server})
        try:
            with step(console, f"Airflow {airflow_version()}: {', '.join(airflow.components)}") as say:
                airflow.start()
                say(f"Airflow answers at {airflow.url}")
            with step(console, f"running DAG {DAG_ID}") as say:
                run_id = airflow.trigger(DAG_ID)
                say(f"the run ended as {airflow.wait_run(DAG_ID, run_id, timeout=180)}")
            with redis.from_url(admin) as connection, own_keys(connection, prefix):
                observations = observe(airflow, run_id, connection, prefix, looted(loot), private_key)
        finally:
            with step(console, "stopping Airflow"):
                airflow.stop()
    return observations


def observe(
    airflow: AirflowStack, run_id: str, connection: redis.Redis, prefix: str, loot: Loot | None, private_key: str
) -> list[Observation]:
    """Observe the run from outside."""
    states = {task_id: state for (task_id, _), state in airflow.task_states(DAG_ID, run_id).items()}
    logs = {task_id: airflow.task_log(DAG_ID, run_id, task_id) for task_id in ("extract", "load", "intruder")}
    pushed = seen.first(seen.DIGEST, logs["extract"])
    rows = [json.loads(row["value"]) for row in airflow.xcom_rows(DAG_ID, run_id) if row["key"] == "token"]
    return [
        seen.consumer_served(states, pushed, seen.first(seen.DIGEST, logs["load"])),
        seen.pull_refused(logs["intruder"]),
        seen.loot_is_sealed(loot, rows, pushed, private_key),
        seen.overwrite_refused(logs["intruder"], rows),
        seen.reference_only(airflow, rows, pushed),
        *seen.in_redis(connection, prefix, pushed),
        seen.audited(airflow.pages("/eventLogs", "event_logs")),
    ]


def looted(folder: Path) -> Loot | None:
    """Read what the intruder left in its directory; return None if it did not get everything."""
    try:
        row = json.loads((folder / "row.json").read_text())
        return Loot(row, (folder / "value").read_bytes(), (folder / "settings").read_text())
    except FileNotFoundError:
        return None


@contextlib.contextmanager
def open_redis() -> Iterator[tuple[str, Mapping[str, str], str]]:
    """Yield an administrator's URL, the URLs of worker and API server, and a text that says which Redis it is.

    A server of the demo's own has the users of docs/redis-users.acl. The server of REDIS_URL belongs to somebody else:
    there all three URLs name that URL's user.
    """
    if url := os.environ.get("REDIS_URL"):
        parts = urlsplit(url)
        yield url, {WORKER: url, API_SERVER: url}, f"the one in REDIS_URL, {parts.hostname}:{parts.port}"
        return
    with RedisServer() as server:
        with redis.from_url(server.url) as connection:
            passwords = create_users(connection)
        users = {name: url_for(server.url, name, password) for name, password in passwords.items()}
        yield server.url, users, f"{server.binary} {redis_version(server.binary)} at {server.url}"


@contextlib.contextmanager
def own_keys(connection: redis.Redis, prefix: str) -> Iterator[None]:
    """Remove the demo's keys at the end: the Redis may belong to somebody else."""
    try:
        yield
    finally:
        for name in list(connection.scan_iter(match=f"{prefix}:*")):
            connection.delete(name)


@contextlib.contextmanager
def step(console: Console, text: str) -> Iterator[Callable[[str], None]]:
    """Say what is being done while it is done, and how long it took."""
    console.print(f"[dim]•[/] {escape(text)} ...", soft_wrap=True)
    start = time.monotonic()
    notes: list[str] = []
    yield notes.append
    done = " ".join(notes) or "done"
    console.print(f"  [dim]{escape(done)} after {time.monotonic() - start:.1f} s[/]", soft_wrap=True)


def table(observations: list[Observation]) -> Table:
    """Return what was observed as a table."""
    result = Table(show_lines=True)
    result.add_column("ok?")
    result.add_column("what must be so", ratio=1)
    result.add_column("what was seen", ratio=2, overflow="fold")
    for observation in observations:
        mark = "[green]yes[/]" if observation.holds else "[red]NO[/]"
        result.add_row(mark, escape(observation.claim), escape(observation.seen))
    return result


if __name__ == "__main__":
    sys.exit(main())
