"""A throw-away PostgreSQL server for the tests, of Debian's package.

The server lives in a directory of its own under the system's temporary one, and listens on a Unix socket there. Nothing
of it reaches the disk in a hurry.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devtools.processes import PR_SET_PDEATHSIG

if TYPE_CHECKING:
    from types import TracebackType

_DEBIAN = Path("/usr/lib/postgresql")
#: PostgreSQL does not run as root. The first account that exists is taken.
_ACCOUNTS = ("postgres", "nobody")
_ADMINISTRATOR = "postgres"
_SECONDS = 60
_LIBC = ctypes.CDLL(None)
_SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=")


def find_postgres() -> Path | None:
    """Return the directory of PostgreSQL's programs: of the newest Debian package, else of the `initdb` on PATH."""
    found = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


class PostgresServer:
    """One server with an empty database, as a context manager.

    Args:
        programs: The directory of its programs, as `find_postgres` returns it.
    """

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._account = _account()
        self._directory = Path(tempfile.mkdtemp(prefix="postgres-"))
        self._data = self._directory / "data"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The URL of the empty database, for SQLAlchemy and psycopg2. The user may do everything."""
        return f"postgresql+psycopg2://{_ADMINISTRATOR}@/postgres?host={self._directory}"

    def __enter__(self) -> PostgresServer:
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the server, and remove what it kept."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)  # it waits for no client
            self._process.wait(_SECONDS)
        shutil.rmtree(self._directory, ignore_errors=True)

    def _start(self) -> None:
        if self._account:
            os.chown(self._directory, self._account["user"], self._account["group"])
        made = self._run("initdb", f"--username={_ADMINISTRATOR}", "--auth=trust", "--encoding=UTF8", "--no-sync")
        if made.returncode:
            raise RuntimeError(f"PostgreSQL's files could not be made:\n{made.stdout}{made.stderr}")
        settings = (*_SETTINGS, f"unix_socket_directories={self._directory}")
        with (self._directory / "log").open("wb") as output:
            self._process = subprocess.Popen(
                [self._programs / "postgres", *(part for setting in settings for part in ("-c", setting))],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the tests; they stop the server
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - calls only prctl
                **self._options(),
            )
        self._wait_until_it_answers()

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + _SECONDS
        while self._run("pg_isready", f"--host={self._directory}", "--quiet").returncode:
            if time.monotonic() > deadline or self._process is None or self._process.poll() is not None:
                raise RuntimeError(f"PostgreSQL did not start:\n{(self._directory / 'log').read_text()[-2000:]}")
            time.sleep(0.02)

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self._programs / program, *arguments],
            check=False,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            **self._options(),
        )

    def _options(self) -> dict[str, Any]:
        env = {"PATH": os.environ["PATH"], "LC_ALL": "C", "PGDATA": str(self._data)}
        return {"cwd": self._directory, "env": env, **self._account}


def _die_with_parent() -> None:
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)


def _account() -> dict[str, Any]:
    """Return the arguments of `subprocess.run` with which root starts a program that refuses to run as root."""
    if os.getuid() != 0:
        return {}
    for name in _ACCOUNTS:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise RuntimeError(f"PostgreSQL does not run as root, and there is no account {' or '.join(_ACCOUNTS)}.")
