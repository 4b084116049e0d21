"""Which API server runs here, and which processes serve it? The doctor on an API server asks that one, and no balancer.

Airflow's settings say where `airflow api-server` listens, unless `--port` or `--host` did. The process's title names
both then (`airflow/cli/commands/api_server_command.py`). Several processes share one socket, and the system gives each
connection to one of them. `/proc` tells which one that was.
"""

from __future__ import annotations

import contextlib
import os
import re
from typing import NamedTuple
from urllib.parse import urlsplit

from exclusive_redis_xcom.cli.doctor.http import BaseUrl

_TITLE = re.compile(r"airflow api_server -- host:(?P<host>\S+) port:(?P<port>\d+)\s*")
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1", "[::]": "::1"}  # noqa: S104 - compared only
_LISTENING = "0A"


class OwnServer(NamedTuple):
    """The URL by which clients know the server, and the address of this machine at which it listens."""

    base: BaseUrl
    address: str


def own_servers() -> list[OwnServer]:
    """Return the API server of this environment, or those that were started here with other ports than configured."""
    from airflow.configuration import conf

    configured = _Place(str(conf.get("api", "host", fallback="")), conf.getint("api", "port", fallback=8080))
    started = _started()
    is_there = not started or any(place.port == configured.port for place in started)
    places = [configured] if is_there else started
    return [_server(place) for place in places]


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


class _Place(NamedTuple):
    host: str
    port: int


class _Socket(NamedTuple):
    local_port: int
    remote_port: int
    state: str
    inode: str


def _server(place: _Place) -> OwnServer:
    """Return a server by the name in `[api] base_url`, because a certificate has that name."""
    from airflow.configuration import conf

    url = urlsplit(str(conf.get("api", "base_url", fallback="")))
    over_tls = conf.get("api", "ssl_cert", fallback="") and conf.get("api", "ssl_key", fallback="")
    address = _ANY_ADDRESS.get(place.host, place.host)
    base = BaseUrl("https" if over_tls else "http", url.hostname or "localhost", place.port, url.path.rstrip("/"))
    return OwnServer(base, address)


def _started() -> list[_Place]:
    """Return where API servers of this machine listen, by the titles of their processes."""
    import psutil  # it comes with Airflow

    titles = (" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"]))
    found = [match for match in map(_TITLE.fullmatch, titles) if match is not None]
    return list(dict.fromkeys(_Place(match["host"], int(match["port"])) for match in found))


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
            if any(os.readlink(entry.path) in wanted for entry in os.scandir(f"/proc/{pid}/fd")):
                found.add(int(pid))
    return found
