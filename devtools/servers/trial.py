"""Run the integration tests on one server, and count."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from devtools.airflow_home import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# The tests' own kinds that are not the server on PATH.
_OTHER_SERVERS = "not 6.2 and not redis_62 and not fakeredis"
# How values become bytes. No server has a say in that.
_WITHOUT_SERVER = "tests/integration/task/value_parity"


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of the tests on one server. `failed` counts errors of fixtures, too."""

    version: str
    passed: int
    failed: int
    skipped: int
    seconds: float


def version_of(binary: Path) -> str:
    """Return what a server calls itself, such as `Valkey 9.1.2`.

    Raises:
        RuntimeError: The server does not run on this machine. The text says why.
    """
    done = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False)
    found = re.match(r"(\w+) server v=(\S+)", done.stdout)
    if not found:
        raise RuntimeError((done.stderr.strip().splitlines() or ["it does not say its version"])[-1])
    return f"{found[1]} {found[2]}"


def run(folder: Path, name: str, arguments: Sequence[str]) -> Trial:
    """Run the tests with the `redis-server` of a folder first on PATH.

    Args:
        folder: The folder.
        name: The server's name. The report of the tests is kept under it.
        arguments: Further arguments of pytest. `-n 2` runs in two processes.

    Raises:
        RuntimeError: The server does not run here, or pytest gave no report.
    """
    version = version_of(folder / "redis-server")
    report = ROOT / ".make" / "servers" / f"{name}.xml"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", "-rsfE", "--tb=short", "-p", "no:cacheprovider"]
    selected = ["tests/integration", "--ignore", _WITHOUT_SERVER, "-k", _OTHER_SERVERS, "--junitxml", str(report)]
    environment = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    begin = time.monotonic()
    subprocess.run([*command, *selected, *arguments], cwd=ROOT, env=environment, check=False)
    if not report.exists():
        raise RuntimeError("pytest gave no report")
    suite = next(ElementTree.parse(report).iter("testsuite"))  # noqa: S314 - pytest has just written it
    total, failures, errors, skipped = (int(suite.get(key, "0")) for key in ("tests", "failures", "errors", "skipped"))
    failed = failures + errors
    return Trial(version, total - failed - skipped, failed, skipped, time.monotonic() - begin)
