"""What of Airflow's servers can a task on this worker reach: their processes, or the folder AIRFLOW_HOME?

The environment of an API server holds the private keys, and that of other servers the login of Airflow's database. A
process of the same Unix user can read it, in `/proc/<pid>/environ` or in the memory. (A server that has set its title
has no text left in `environ`. Its workers have.) A folder AIRFLOW_HOME that a server uses, too, holds
that server's airflow.cfg, with the secrets that Airflow generated into it.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from exclusive_redis_xcom.cli.doctor.occurrences import only_local
from exclusive_redis_xcom.health.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exclusive_redis_xcom.health.visit import Visit

_HOME_CHECK, _PROCESS_CHECK = "AIRFLOW_HOME", "server processes"

_KIND = r"(?P<kind>api[-_]server|scheduler|dag[-_]processor|triggerer|standalone)"
#: The title that a process gave itself, or the command line: `/usr/bin/airflow scheduler`.
_TITLE = re.compile(rf"airflow {_KIND}( .*)?")
_COMMAND = re.compile(rf"(.*/)?airflow\0{_KIND}")
_ASGI = "exclusive_redis_xcom.asgi"
#: Files that `airflow <server> --daemon` writes. Workers write some, too.
_PID_FILE = re.compile(r"airflow-(api[-_]server|scheduler|dag[-_]processor|triggerer|standalone)\.pid")
_PASSWORDS = "simple_auth_manager_passwords.json.generated"
_DATABASE = "airflow.db"
_MOST_SHOWN = 3

_HOME_REMEDY = (
    "Give workers an AIRFLOW_HOME of their own. Tasks can read this folder, and the servers' airflow.cfg in it. If "
    "these files are left from earlier, remove them, and replace the secrets of that airflow.cfg."
)
_PROCESS_REMEDY = (
    "Run workers as another Unix user than the servers, in another container or on another machine. Any task can look "
    "into the servers' environment and memory: private keys, database login and token signing key. Replace what they "
    "hold. If the worker runs as another user than this command, run the doctor as that user."
)
_LOCAL = "tasks run below the scheduler; see the check 'executor'"


class _Server(NamedTuple):
    """A process of one of Airflow's servers. `home` is its AIRFLOW_HOME; None if this user cannot read it."""

    name: str
    pid: int
    home: str | None


def airflow_home(visit: Visit) -> Iterator[Finding]:
    """Check whether one of Airflow's servers uses this worker's AIRFLOW_HOME, as far as that can be seen."""
    if (skipped := _not_asked(visit, _HOME_CHECK)) is not None:
        yield from skipped
        return
    home = _home()
    signs = [
        *_signs(home),
        *(f"used by {server.name} (pid {server.pid})" for server in _servers() if server.home == str(home)),
    ]
    if signs:
        yield Finding(_HOME_CHECK, "FAIL", f"{home}: {', '.join(signs)}", _HOME_REMEDY)
    else:
        yield Finding(
            _HOME_CHECK,
            "ok",
            f"{home}: no sign of a server",
            "The doctor sees this machine alone. Make sure that no server elsewhere mounts this folder.",
        )


def server_processes(visit: Visit) -> Iterator[Finding]:
    """Check whether this user can look into the processes of one of Airflow's servers."""
    if (skipped := _not_asked(visit, _PROCESS_CHECK)) is not None:
        yield from skipped
        return
    found = _servers()
    open_ones = [server for server in found if server.home is not None]
    if open_ones:
        shown = ", ".join(f"{server.name} (pid {server.pid})" for server in open_ones[:_MOST_SHOWN])
        more = f" and {len(open_ones) - _MOST_SHOWN} more" if len(open_ones) > _MOST_SHOWN else ""
        yield Finding(_PROCESS_CHECK, "FAIL", f"this user can look into {shown}{more}", _PROCESS_REMEDY)
    elif found:
        seen = f"{len(found)} on this machine, and this user can look into none of them"
        yield Finding(_PROCESS_CHECK, "ok", seen)
    else:
        yield Finding(_PROCESS_CHECK, "ok", "none to be seen from here")


CHECKS = (airflow_home, server_processes)


def _not_asked(visit: Visit, check: str) -> list[Finding] | None:
    if visit.role != "worker":
        return []
    if (why := visit.why_not_server_mode) is not None:
        return [Finding(check, "skipped", why)]
    return [Finding(check, "skipped", _LOCAL)] if only_local() else None


def _home() -> Path:
    from airflow.configuration import AIRFLOW_HOME

    return Path(AIRFLOW_HOME).resolve()


def _signs(home: Path) -> Iterator[str]:
    """Yield what a server has left in its AIRFLOW_HOME."""
    with contextlib.suppress(OSError):  # a folder that this user may not list
        yield from sorted(entry.name for entry in home.iterdir() if _PID_FILE.fullmatch(entry.name))
    if (home / _PASSWORDS).exists():
        yield _PASSWORDS
    if _is_airflows_database(home / _DATABASE):
        yield f"{_DATABASE} with Airflow's tables"


def _is_airflows_database(path: Path) -> bool:
    """Tell whether a file is an SQLite database of Airflow. A worker may have left an empty file of this name."""
    if not path.is_file():
        return False
    try:
        with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=1)) as connection:
            found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'task_instance'").fetchone()
    except sqlite3.Error:
        return False
    return found is not None


def _servers() -> list[_Server]:
    """List Airflow's servers among the processes that this user can see."""
    import psutil  # it comes with Airflow

    found = []
    for process in psutil.process_iter(["cmdline"]):
        name = _name_of(process.info["cmdline"] or [])
        if name is None or process.pid == os.getpid():
            continue
        home = None
        with contextlib.suppress(psutil.Error, OSError):  # of another user, or over
            told = process.environ().get("AIRFLOW_HOME")
            home = str(Path(told).resolve()) if told else ""
        found.append(_Server(name, process.pid, home))
    return found


def _name_of(command: list[str]) -> str | None:
    """Return the name of a server by its command line; None for any other process."""
    pairs = ["\0".join(pair) for pair in itertools.pairwise(command)]
    found = [_TITLE.fullmatch(command[0] if command else ""), *map(_COMMAND.fullmatch, pairs)]
    if (match := next(filter(None, found), None)) is not None:
        return f"airflow {match['kind'].replace('_', '-')}"
    return _ASGI if any(argument.startswith(f"{_ASGI}:") for argument in command) else None
