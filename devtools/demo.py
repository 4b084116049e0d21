"""``make demo``: the example DAG in a real Airflow, and what was observed of it.

Nothing is assumed: every line of the table comes from task logs, Airflow's database file or Redis itself, and
the exit code is 0 only if all of it was seen. The token is never printed. The search for it compares
SHA-256 digests with the one that the pushing task logged.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import redis
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from devtools.airflow_stack import ROOT, AirflowStack, airflow_version
from devtools.components import BACKEND
from devtools.redis_server import RedisServer, redis_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DAG_ID = "exclusive_token"
COMPONENTS = ("api-server", "scheduler", "dag-processor")
TOKEN_CHARACTERS = 32
DIGEST = re.compile(r"a token with SHA-256 ([0-9a-f]{64})")
REFUSAL = re.compile(r"^XComAccessDenied: (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Observation:
    """One line of the table: what must be so, whether it was, and what was seen."""

    claim: str
    holds: bool
    seen: str


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
        console.print(f"[red]Not everything held.[/] Logs: {home}")
        return 1
    shutil.rmtree(home, ignore_errors=True)
    return 0


def run(console: Console, home: Path) -> list[Observation]:
    """Start what is needed, run the DAG, look, and stop all that was started."""
    prefix = f"exclusive_redis_xcom:demo-{secrets.token_hex(4)}"
    with open_redis() as (url, origin):
        console.print(f"[dim]•[/] Redis: {escape(origin)}", soft_wrap=True)
        env = {
            "AIRFLOW__CORE__XCOM_BACKEND": BACKEND,
            "AIRFLOW__EXCLUSIVE_REDIS_XCOM__REDIS_URL": url,
            "AIRFLOW__EXCLUSIVE_REDIS_XCOM__KEY_PREFIX": prefix,
        }
        airflow = AirflowStack(home, ROOT / "examples" / DAG_ID, env, COMPONENTS)
        try:
            with step(console, f"Airflow {airflow_version()}: {', '.join(airflow.components)}") as say:
                airflow.start()
                say(airflow.url)
            with step(console, f"running DAG {DAG_ID}") as say:
                run_id = airflow.trigger(DAG_ID)
                say(airflow.wait_run(DAG_ID, run_id, timeout=180))
            with redis.from_url(url) as connection, own_keys(connection, prefix):
                observations = observe(airflow, run_id, connection, prefix)
        finally:
            with step(console, "stopping Airflow"):
                airflow.stop()
    return observations


def observe(airflow: AirflowStack, run_id: str, connection: redis.Redis, prefix: str) -> list[Observation]:
    """Look at the run from outside."""
    states = {task_id: state for (task_id, _), state in airflow.task_states(DAG_ID, run_id).items()}
    logs = {task_id: airflow.task_log(DAG_ID, run_id, task_id) for task_id in ("extract", "load", "report")}
    pushed = first(DIGEST, logs["extract"])
    return [
        consumer_served(states, pushed, first(DIGEST, logs["load"])),
        stranger_refused(states, first(REFUSAL, logs["report"]), logs["report"]),
        reference_only(airflow, run_id, pushed),
        *in_redis(connection, prefix, pushed),
    ]


def consumer_served(states: dict[str, str | None], pushed: str | None, pulled: str | None) -> Observation:
    """Whether the declared consumer got the very token."""
    return Observation(
        "load, the declared consumer, got the token",
        states["load"] == "success" and pushed is not None and pulled == pushed,
        f"{states['load']}; SHA-256 pushed {short(pushed)}, pulled {short(pulled)}",
    )


def stranger_refused(states: dict[str, str | None], refusal: str | None, log: str) -> Observation:
    """Whether the other task failed, and for the right reason."""
    return Observation(
        "report, which nobody declared, was refused",
        states["report"] == "failed" and refusal is not None and "never reached" not in log,
        f"{states['report']}; {refusal or 'no XComAccessDenied in its log'}",
    )


def reference_only(airflow: AirflowStack, run_id: str, digest: str | None) -> Observation:
    """Whether the row is a reference, and the token is nowhere in Airflow's database file."""
    rows = [row["value"] for row in airflow.xcom_rows(DAG_ID, run_id) if row["key"] == "token"]
    value = json.loads(rows[0]) if len(rows) == 1 else None
    is_reference = isinstance(value, dict) and list(value) == ["exclusive_redis_xcom"]
    files = [path.read_bytes() for path in airflow.home.glob("airflow.db*")]
    leaked = any(holds_token(data, digest) for data in files)
    return Observation(
        "Airflow's database holds a reference, not the token",
        is_reference and bool(files) and digest is not None and not leaked,
        ("the token is in the database file! " if leaked else "") + (rows[0] if rows else "no XCom row"),
    )


def in_redis(connection: redis.Redis, prefix: str, digest: str | None) -> Iterator[Observation]:
    """Whether Redis does hold the token, in a hash that expires."""
    names = [name for name in connection.scan_iter(match=f"{prefix}:*") if name.endswith(b":token")]
    fields: list[Any] = [field for name in names for field in connection.hvals(name)]
    yield Observation(
        "Redis holds the token, in one hash",
        len(names) == 1 and any(holds_token(field, digest) for field in fields),
        ", ".join(name.decode() for name in names) or "no such key",
    )
    ttls = [connection.ttl(name) for name in connection.scan_iter(match=f"{prefix}:*")]
    yield Observation(
        "every hash has a TTL",
        bool(ttls) and min(ttls) > 0,
        f"{len(ttls)} hashes, TTL {min(ttls, default=0)} s or more",
    )


def holds_token(data: bytes, digest: str | None) -> bool:
    """Whether some 32 hexadecimal characters in ``data`` have that SHA-256."""
    candidates = re.finditer(rb"(?=([0-9a-f]{%d}))" % TOKEN_CHARACTERS, data)
    return any(sha256(found[1]).hexdigest() == digest for found in candidates)


@contextlib.contextmanager
def open_redis() -> Iterator[tuple[str, str]]:
    """Yield URL and origin of the Redis in REDIS_URL, else of one started here."""
    if url := os.environ.get("REDIS_URL"):
        parts = urlsplit(url)
        yield url, f"the one in REDIS_URL, {parts.hostname}:{parts.port}"
        return
    with RedisServer() as server:
        yield server.url, f"{server.binary} {redis_version(server.binary)} at {server.url}"


@contextlib.contextmanager
def own_keys(connection: redis.Redis, prefix: str) -> Iterator[None]:
    """Remove the demo's keys in the end: the Redis may be somebody's."""
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
    took = f"{time.monotonic() - start:.1f} s"
    console.print(f"  [dim]{escape(' '.join([took, *notes]))}[/]", soft_wrap=True)


def table(observations: list[Observation]) -> Table:
    """Return what was observed as a table."""
    result = Table(show_lines=True)
    result.add_column("")
    result.add_column("what must be so", ratio=1)
    result.add_column("what was seen", ratio=2, overflow="fold")
    for observation in observations:
        mark = "[green]yes[/]" if observation.holds else "[red]NO[/]"
        result.add_row(mark, escape(observation.claim), escape(observation.seen))
    return result


def first(pattern: re.Pattern[str], text: str) -> str | None:
    """Return the first group of the first match."""
    found = pattern.search(text)
    return found[1] if found else None


def short(digest: str | None) -> str:
    """Return enough of a digest to compare by eye."""
    return f"{digest[:12]}…" if digest else "none"


if __name__ == "__main__":
    sys.exit(main())
