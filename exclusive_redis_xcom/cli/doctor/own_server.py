"""Which API server runs here, and which processes serve it? The doctor on an API server asks that one, and no balancer.

Airflow's settings say where `airflow api-server` listens, unless `--port` or `--host` did. The process's title names
both (`airflow/cli/commands/api_server_command.py`). It does not tell of which installation the server is, so it serves
as a hint alone. Several processes share one socket, and the system gives each connection to one of them. `/proc` tells
which one that was.
"""

from __future__ import annotations

import contextlib
import os
import re
from typing import NamedTuple
from urllib.parse import urlsplit

from exclusive_redis_xcom.cli.doctor.http import BaseUrl

_TITLE = re.compile(r"airflow api_server -- host:\S+ port:(?P<port>\d+)\s*")
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1", "[::]": "::1"}  # noqa: S104 - compared only
_LISTENING = "0A"


class OwnServer(NamedTuple):
    """The URL by which clients know the server, and the address of this machine at which it listens."""

    base: BaseUrl
    address: str


def own_server() -> OwnServer:
    """Return the API server that the settings of this environment start."""
    from airflow.configuration import conf

    host, port = str(conf.get("api", "host", fallback="")), conf.getint("api", "port", fallback=8080)
    url = urlsplit(str(conf.get("api", "base_url", fallback="")))
    over_tls = conf.get("api", "ssl_cert", fallback="") and conf.get("api", "ssl_key", fallback="")
    # A certificate has the name that clients use.
    base = BaseUrl("https" if over_tls else "http", url.hostname or "localhost", port, url.path.rstrip("/"))
    return OwnServer(base, _ANY_ADDRESS.get(host, host))


def other_ports() -> list[int]:
    """Return the ports of all API servers that this user has started on this machine, by their titles."""
    import psutil  # it comes with Airflow

    titles: list[str] = []
    for process in psutil.process_iter(["cmdline", "uids"]):
        if process.info["uids"] is not None and process.info["uids"].real == os.getuid():
            titles += (process.info["cmdline"] or ())[:1]
    return sorted({int(match["port"]) for match in map(_TITLE.fullmatch, titles) if match is not None})


def serving_processes(port: int) -> set[int]:
    """Return the ids of the processes that serve a TCP port of this machine, as far as this user may see them.

    The parent of several workers keeps the socket open, and serves nothing.
    """
    import psutil

    holders = _holders({line.inode for line in _sockets() if line.local_port == port and line.state == _LISTENING})
    parents = set()
    for pid in holders:
        with contextlib.suppress(psutil.Error):
            parents.add(psutil.Process(pid).ppid())
    return holders - parents


def process_behind(port: int, client_port: int) -> int | None:
    """Return the id of the process that holds the server's end of a connection; None if this user may not see it."""
    ends = {line.inode for line in _sockets() if (line.local_port, line.remote_port) == (port, client_port)}
    return next(iter(_holders(ends)), None)


class _Socket(NamedTuple):
    local_port: int
    remote_port: int
    state: str
    inode: str


def _sockets() -> list[_Socket]:
    """Return all TCP sockets of this network namespace (proc(5))."""
    found = []
    for name in ("tcp", "tcp6"):
        with contextlib.suppress(OSError), open(f"/proc/net/{name}", encoding="ascii") as table:
            for line in list(table)[1:]:
                _, local, remote, state, *_, inode = line.split()[:10]
                local_port, remote_port = (int(end.rpartition(":")[2], 16) for end in (local, remote))
                found.append(_Socket(local_port, remote_port, state, inode))
    return found


def _holders(inodes: set[str]) -> set[int]:
    """Return the processes that have one of these sockets open."""
    wanted = {f"socket:[{inode}]" for inode in inodes}
    found = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):  # of another user, or over
            if any(os.readlink(f"/proc/{pid}/fd/{number}") in wanted for number in os.listdir(f"/proc/{pid}/fd")):
                found.add(int(pid))
    return found
