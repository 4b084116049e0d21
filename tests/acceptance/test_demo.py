"""`make demo` as a newcomer runs it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from devtools.airflow_stack import ROOT

CLAIMS = (
    "load, the declared consumer, got the token",
    "intruder, which nobody declared, was refused the pull",
    "intruder fetched row and value around the backend",
    "intruder could not overwrite the token",
    "Airflow's database holds a reference, not the token",
    "Redis holds it sealed, in one hash",
    "every hash has a TTL",
    "the refusals are in Airflow's audit log",
)


@pytest.mark.timeout(400)
def test_the_demo_observes_every_claim_and_stops_all_it_started(tmp_path: Path) -> None:
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    # Everything the demo starts inherits this, wherever it moves in the process tree.
    env = {name: text for name, text in os.environ.items() if name != "REDIS_URL"} | {"TMPDIR": os.fspath(scratch)}
    output = tmp_path / "output"
    seen: set[psutil.Process] = set()
    commands: set[str] = set()

    with (
        output.open("wb") as sink,
        subprocess.Popen(
            [sys.executable, "-m", "devtools.demo"], cwd=ROOT, env=env, stdout=sink, stderr=subprocess.STDOUT
        ) as demo,
    ):
        while demo.poll() is None:
            now = processes_of(demo.pid, scratch)
            seen |= set(now)
            commands |= set(now.values())
            time.sleep(0.5)

    text = output.read_text()
    assert demo.returncode == 0, text
    rows = [line for line in text.splitlines() if line.startswith("│ yes │")]
    assert [claim for claim in CLAIMS if not any(claim in row for row in rows)] == []
    assert len(rows) == len(CLAIMS)
    assert "access_denied" in text
    for program in ("scheduler", "dag-processor", "api-server", "redis-server"):
        assert any(program in command for command in commands), f"{program} was never seen running: {commands}"
    assert [process for process in seen if is_alive(process)] == []
    assert processes_of(demo.pid, scratch) == {}
    assert [path.name for path in scratch.iterdir() if path.name.startswith(("exclusive-xcom", "redis-"))] == []


def processes_of(pid: int, scratch: Path) -> dict[psutil.Process, str]:
    """Living processes, with their command lines: the demo's descendants, and others with its TMPDIR or inside it."""
    found = {}
    running = list(psutil.process_iter(["ppid"]))
    parents: dict[int, int | None] = {process.pid: process.info["ppid"] for process in running}
    for process in running:
        with contextlib.suppress(psutil.Error, OSError):
            ours = descends(process.pid, pid, parents) or Path(process.cwd()).is_relative_to(scratch)
            if (ours or process.environ().get("TMPDIR") == os.fspath(scratch)) and is_alive(process):
                found[process] = " ".join(process.cmdline())
    return found


def descends(pid: int | None, from_pid: int, parents: dict[int, int | None]) -> bool:
    """Whether a process is a child of another, or a child's child. `psutil` would read each ancestor from the disk."""
    while pid := parents.get(pid) if pid else None:
        if pid == from_pid:
            return True
    return False


def is_alive(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
