"""`python -m devtools.tutorial`: type each command of the tutorial, and compare what it prints with the page.

It runs in a clone of the last commit, with a home folder of its own. `make test-install` runs it. Ports 8080 and 6390
must be free, and `redis-server` and `redis-cli` must be on PATH.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from devtools.tutorial.page import Command, File, steps

ROOT = Path(__file__).resolve().parents[2]
PAGE = "docs/tutorial/first-refusal.md"
REDIS_PORT = 6390
PORTS = (8080, REDIS_PORT)
PYTHON = sys.version_info[:2]
#: A command may take this long.
SECONDS = 900
_NOT_INHERITED = ("AIRFLOW", "PYTHON", "VIRTUAL_ENV", "REDIS_URL")


class Shell:
    """A shell in which commands are typed, as in a terminal: it has jobs.

    Args:
        folder: Where it starts.
        home: Its home folder.
    """

    def __init__(self, folder: Path, home: Path) -> None:
        env = {name: text for name, text in os.environ.items() if not name.startswith(_NOT_INHERITED)}
        self._output = home.with_suffix(".output")
        self._sink = self._output.open("wb")
        self._bash = subprocess.Popen(
            ["bash", "-m"],
            cwd=folder,
            # `python3` is the one that runs this program.
            env=env | {"HOME": str(home), "PATH": f"{sys.base_prefix}/bin:{env['PATH']}", "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.PIPE,
            stdout=self._sink,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._count = 0
        # Without a terminal, bash says that it has no control of jobs. Jobs work all the same.
        self.type(":")

    def type(self, command: str) -> tuple[str, int]:
        """Run a command; return what it printed, and its exit code.

        Raises:
            TimeoutError: It takes longer than `SECONDS`.
        """
        self._count += 1
        mark = f"@@ end of command {self._count}: "
        before = self._output.stat().st_size
        assert self._bash.stdin is not None  # noqa: S101 - for mypy
        self._bash.stdin.write(f"{command}\nprintf '{mark}%s\\n' $?\n")
        self._bash.stdin.flush()
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            printed, found, code = self._output.read_bytes()[before:].decode().partition(mark)
            if found and code.endswith("\n"):
                return printed, int(code)
            time.sleep(0.1)
        raise TimeoutError(command)

    def close(self) -> None:
        """End the shell and everything that it still runs, whatever process group that is in.

        The Redis of the page is a daemon, and so in no session of this shell.
        """
        with contextlib.suppress(FileNotFoundError):
            subprocess.run(["redis-cli", "-p", str(REDIS_PORT), "shutdown", "nosave"], capture_output=True, check=False)
        for pid in _session(self._bash.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._bash.communicate(timeout=10)
        self._sink.close()


def main() -> int:
    """Run the page; print what differs, and return the exit code."""
    if reason := why_not():
        print(f"skipped: the tutorial {reason}")
        return 0
    work = Path(tempfile.mkdtemp(prefix="exclusive-xcom-tutorial-"))
    try:
        clone, home = work / "clone", work / "home"
        home.mkdir()
        subprocess.run(["git", "clone", "--quiet", ROOT.as_uri(), clone], check=True)
        return run(clone, home)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def run(clone: Path, home: Path) -> int:
    """Do all steps of the page in a clone; return the exit code."""
    shell = Shell(clone, home)
    try:
        for step in steps((clone / PAGE).read_text()):
            if problem := _do(step, shell, home):
                print(problem)
                return 1
    finally:
        shell.close()
    return 0


def why_not() -> str:
    """Return why the tutorial cannot run here, or nothing."""
    if PYTHON < (3, 11):
        return "needs Python 3.11 or newer"
    missing = [name for name in ("redis-server", "redis-cli") if shutil.which(name) is None]
    if missing:
        return f"needs {' and '.join(missing)}"
    taken = [str(port) for port in PORTS if _is_taken(port)]
    return f"needs port {' and '.join(taken)}, which something else has" if taken else ""


def _do(step: Command | File, shell: Shell, home: Path) -> str:
    if isinstance(step, File):
        (home / "first-refusal" / step.path).write_text(step.text)
        return ""
    start = time.monotonic()
    printed, code = shell.type(step.text)
    print(f"  $ {step.text}: {time.monotonic() - start:.0f} s", flush=True)
    if step.fits(printed) and (code == 0 or step.shown):
        return ""
    return f"  FAILED: {step.text} ended with {code}. It printed\n{printed}\nand the page shows\n" + "\n".join(
        step.shown
    )


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _session(leader: int) -> list[int]:
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    found = []
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.getsid(pid) == leader:
                found.append(pid)
    return found


if __name__ == "__main__":
    sys.exit(main())
