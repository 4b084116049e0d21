"""What the production stack needs of this machine. Root on a Debian gets what is missing; others are told."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

from devtools.airflow_home import ROOT
from devtools.redis_server import find_redis_binary

#: Debian's package -> how to find the program that it brings.
_POSTGRES, _PROXY = "postgresql", "haproxy"


class NeedError(RuntimeError):
    """The production stack cannot run here. The text says why, in one sentence."""


def ensure() -> None:
    """Install what is missing.

    Raises:
        NeedError: Something is missing and cannot be installed.
    """
    if os.getuid() != 0:
        raise NeedError("only root can start a worker as another Unix user")
    for path in (Path(sys.executable).resolve(), ROOT):
        if closed := _closed_to_others(path):
            raise NeedError(f"the worker is another Unix user, and {closed} lets nobody but its owner in")
    missing = [name for name, program in ((_POSTGRES, postgres_programs()), (_PROXY, proxy_program())) if not program]
    if missing:
        _install(missing)
    if postgres_programs() is None or proxy_program() is None:
        raise NeedError(f"Debian's packages {' and '.join(missing)} brought no program")
    if find_redis_binary() is None:
        raise NeedError("there is no redis-server and no valkey-server")


def postgres_programs() -> Path | None:
    """Return the folder of the newest PostgreSQL's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


def proxy_program() -> Path | None:
    """Return haproxy's program."""
    found = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin")
    return Path(found) if found else None


def _closed_to_others(path: Path) -> Path | None:
    """Return the first directory on the way to a path that only its owner and group may enter."""
    for folder in reversed(path.parents):
        if not folder.stat().st_mode & stat.S_IXOTH:
            return folder
    return None


def _install(packages: list[str]) -> None:
    if shutil.which("apt-get") is None:
        raise NeedError(f"{' and '.join(packages)} must be installed, and this is no Debian")
    print(f"installing Debian's {' and '.join(packages)}", flush=True)
    # No service starts: RUNLEVEL 1 tells Debian's scripts so. Nor is a cluster made: the stack makes its own.
    env = {**os.environ, "RUNLEVEL": "1", "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages],
    ):
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NeedError(f"{' '.join(command)} failed: {done.stderr.strip().splitlines()[-1:]}")
