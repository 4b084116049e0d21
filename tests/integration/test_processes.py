"""The tools that start servers leave nothing behind, whatever ends them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from devtools import processes
from devtools.airflow_api import wait_until

# Starts a child that has a process group of its own and ignores SIGTERM, as a task of Airflow may, and ends.
STUBBORN_GRANDCHILD = """
import os, signal, sys, time
if os.fork() == 0:
    os.setpgid(0, 0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("pid", os.getpid(), flush=True)
    time.sleep(600)
time.sleep({leader_stays})
"""

ROOT = Path(__file__).resolve().parents[2]

STARTER = """
import os, pathlib, sys, time
from devtools import processes
program = processes.start("sleeper", ["sleep", "600"], env=os.environ, log=pathlib.Path(sys.argv[1]))
print(program.pid, flush=True)
time.sleep(600)
"""


def lives(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def start_stubborn(log: Path, *, leader_stays: int) -> tuple[processes.Program, int]:
    script = STUBBORN_GRANDCHILD.format(leader_stays=leader_stays)
    program = processes.start("stubborn", [sys.executable, "-c", script], env=os.environ, log=log)
    line = wait_until(lambda: log.read_text().strip(), 10, program.tail)
    return program, int(line.split()[1])


def test_stopping_ends_descendants_that_left_the_group_and_ignore_sigterm(tmp_path: Path) -> None:
    program, grandchild = start_stubborn(tmp_path / "log", leader_stays=600)

    processes.stop([program], grace=0.5)

    assert not lives(program.pid)
    assert not lives(grandchild)


def test_stopping_ends_descendants_of_a_program_that_has_ended_itself(tmp_path: Path) -> None:
    program, grandchild = start_stubborn(tmp_path / "log", leader_stays=0)
    program.process.wait(timeout=10)

    processes.stop([program], grace=0.5)

    assert not lives(grandchild)


def test_a_paused_program_and_its_descendants_stand_still_go_on_and_can_be_stopped(tmp_path: Path) -> None:
    program, grandchild = start_stubborn(tmp_path / "log", leader_stays=600)
    try:
        processes.pause(program.pid)
        assert {psutil.Process(pid).status() for pid in (program.pid, grandchild)} == {psutil.STATUS_STOPPED}

        processes.resume([program.pid])
        wait_until(lambda: psutil.Process(program.pid).status() == psutil.STATUS_SLEEPING, 10, program.tail)

        processes.pause(program.pid)
    finally:
        processes.stop([program], grace=0.5)

    assert program.exit_code() == -signal.SIGTERM  # it heard of the end itself
    assert not lives(grandchild)


def test_a_program_ends_when_its_starter_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STARTER, str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as starter:
        assert starter.stdout is not None
        program = int(starter.stdout.readline())
        assert lives(program)

        starter.send_signal(signal.SIGKILL)

        wait_until(lambda: not lives(program), 10, lambda: f"process {program} goes on")
