"""Start programs, and stop them with all their descendants.

Airflow's components fork, and some of their children move to process groups of their own (tasks do so from 3.3 on).
Every component is therefore the leader of a *session*. All its descendants stay in that session, and are found there
even after their parent has died.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


@dataclass(frozen=True)
class User:
    """Whom a program runs as: a Unix user, its group, and further groups."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()


@dataclass(frozen=True)
class Program:
    """A started program, the leader of its own session, and where its output goes."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        """The process id, which is also the id of its session and process group."""
        return self.process.pid

    def exit_code(self) -> int | None:
        """Return the exit code, or None while it runs."""
        return self.process.poll()

    def tail(self, lines: int = 40) -> str:
        """Return the last lines of the log."""
        return tail(self.log, lines)


def start(
    name: str,
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    log: Path,
    outlive: bool = False,
    user: User | None = None,
    folder: Path | None = None,
) -> Program:
    """Start a program in its own session, and append its output to `log`.

    Args:
        name: A name for messages.
        command: Program and arguments.
        env: The whole environment of the program.
        log: The file that receives stdout and stderr.
        outlive: Whether the program goes on when this process dies. If not, the kernel sends it SIGTERM then, even
            when this process is killed with SIGKILL.
        user: Whom the program runs as; by default, who this process runs as.
        folder: Its working directory; by default, that of this process.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            list(command),
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=None if outlive else _die_with_parent,  # noqa: PLW1509 - calls only prctl
            cwd=folder,
            **as_user(user),
        )
    return Program(name, process, log)


def as_user(user: User | None) -> dict[str, Any]:
    """Return the arguments that let `subprocess` start a program as a user. Its groups may change its files."""
    if user is None:
        return {}
    return {"user": user.uid, "group": user.gid, "extra_groups": user.groups, "umask": 0o002}


def stop(programs: Iterable[Program], *, grace: float = 3.0) -> None:
    """Stop the programs and everything they started: SIGTERM, and SIGKILL after `grace` seconds."""
    programs = list(programs)
    stop_sessions([program.pid for program in programs], grace=grace)
    for program in programs:
        with contextlib.suppress(subprocess.TimeoutExpired):
            program.process.wait(timeout=1)


def stop_sessions(sessions: Iterable[int], *, grace: float = 3.0) -> None:
    """Stop every process of the given sessions. A session's id is the pid of the program that leads it."""
    wanted = set(sessions)
    _signal(wanted, signal.SIGTERM, leaders_only=True)
    resume(wanted)  # a paused program gets the signal only when it goes on
    deadline = time.monotonic() + grace
    while time.monotonic() < deadline:
        if not any(pid in wanted for pid in members(wanted)):
            break
        time.sleep(0.05)
    deadline = time.monotonic() + 5
    while members(wanted) and time.monotonic() < deadline:
        _signal(wanted, signal.SIGKILL)
        time.sleep(0.05)


def kill(program: Program) -> None:
    """Kill a program and everything it started, all with SIGKILL: none of them can tidy up."""
    deadline = time.monotonic() + 5
    while members({program.pid}) and time.monotonic() < deadline:
        _signal({program.pid}, signal.SIGKILL)
        time.sleep(0.01)
    program.process.wait(timeout=5)


def pause(session: int) -> None:
    """Pause a session's processes with SIGSTOP, also those that are forked meanwhile."""
    while running := [pid for pid in members({session}) if not _is_paused(pid)]:
        for pid in sorted(running, key=lambda pid: pid != session):  # first the leader, which forks the others
            _kill(pid, signal.SIGSTOP)
        time.sleep(0.005)


def resume(sessions: Iterable[int]) -> None:
    """Let paused sessions go on."""
    _signal(set(sessions), signal.SIGCONT)


def members(sessions: set[int]) -> list[int]:
    """Return the pids of all living processes in the sessions, zombies excluded."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(OSError, psutil.Error):
            if os.getsid(process.pid) in sessions and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
    return found


def tail(path: Path, lines: int) -> str:
    """Return the last lines of a text file, or a remark that there is none."""
    if not path.exists():
        return f"({path} does not exist)"
    with path.open(errors="replace") as file:
        return "".join(deque(file, maxlen=lines))


def _signal(sessions: set[int], number: signal.Signals, *, leaders_only: bool = False) -> None:
    for pid in members(sessions):
        if leaders_only and pid not in sessions:
            continue
        _kill(pid, number)


def _kill(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _is_paused(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_STOPPED
    except psutil.NoSuchProcess:
        return True


def _die_with_parent() -> None:
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
