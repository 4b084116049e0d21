"""Parse DAG files in copies of this process, which has Airflow already. A new Python needs two seconds for that.

Where a test is about the answer, and not about the start of a Python, this process is copied (forked).
The copy runs what the new Python would run. Its time limit, its status, its end and its output are real.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import IO, NoReturn

import pytest

from exclusive_redis_xcom.access import loading, parsing_process


class Copy:
    """A copy of this process, in place of a `subprocess.Popen` that runs `parsing_process`."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        cwd: Path | None,
        env: Mapping[str, str],
        stdin: int,
        stdout: int,
        stderr: IO[bytes],
        start_new_session: bool,
    ) -> None:
        assert (stdin, stdout, start_new_session) == (subprocess.DEVNULL, subprocess.DEVNULL, True)
        assert tuple(command[:3]) == (sys.executable, "-m", parsing_process.__name__)
        self._command = command
        self._status: int | None = None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # other tests may have left threads
            self.pid = os.fork()
        if not self.pid:
            _run(command[3:], cwd, env, stderr.fileno())

    def wait(self, timeout: float | None = None) -> int:
        """Return the status, as `Popen.wait` does."""
        end = None if timeout is None else time.monotonic() + timeout
        while self._status is None:
            pid, status = os.waitpid(self.pid, 0 if end is None else os.WNOHANG)
            if pid:
                self._status = os.waitstatus_to_exitcode(status)
            elif end is not None and timeout is not None and time.monotonic() > end:
                raise subprocess.TimeoutExpired(self._command, timeout)
            else:
                time.sleep(0.005)
        return self._status


def _run(arguments: Sequence[str], cwd: Path | None, env: Mapping[str, str], stderr: int) -> NoReturn:
    """Be a new Python that runs `parsing_process`."""
    status = 1
    try:
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        for ours, descriptor in ((null, 0), (null, 1), (stderr, 2)):
            os.dup2(ours, descriptor)
        sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115 - until its end
        if cwd is not None:
            os.chdir(cwd)
        os.environ.clear()
        os.environ.update(env)
        sys.path[:0] = [os.getcwd(), *filter(None, env.get("PYTHONPATH", "").split(os.pathsep))]
        warnings.resetwarnings()
        parsing_process.main(*arguments)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


@contextlib.contextmanager
def warm() -> Iterator[None]:
    """Let `loading` parse in copies of this process."""
    import airflow.settings  # noqa: F401 - so that the copies have it

    parsing_process._bag_class()
    popen = SimpleNamespace(Popen=Copy, DEVNULL=subprocess.DEVNULL, TimeoutExpired=subprocess.TimeoutExpired)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(loading, "subprocess", popen)
        yield
