"""A throw-away RabbitMQ server, of Debian's package.

It lives in a directory of its own under the system's temporary one. Its port mapper (epmd) is its own, too. Both end
with the process that started them.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from devtools import processes
from devtools.redis_server import free_port

if TYPE_CHECKING:
    from types import TracebackType

#: Debian's own script on PATH changes to the user `rabbitmq` first. This one runs as whoever starts it.
_PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
_SECONDS = 120
_GREETING = b"AMQP\x00\x00\x09\x01"


def find_rabbitmq() -> Path | None:
    """Return RabbitMQ's program, where Debian's package is installed."""
    return _PROGRAM if _PROGRAM.exists() and shutil.which("epmd") else None


class RabbitMqServer:
    """One server with one user, `guest`, as a context manager.

    Args:
        program: Its program, as `find_rabbitmq` returns it.
    """

    def __init__(self, program: Path) -> None:
        self._program = program
        self._port = free_port()
        self._directory = Path(tempfile.mkdtemp(prefix="rabbitmq-"))
        self._programs: list[processes.Program] = []

    @property
    def url(self) -> str:
        """The URL of the server, for Celery."""
        return f"amqp://guest:guest@127.0.0.1:{self._port}//"

    def __enter__(self) -> RabbitMqServer:
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
        programs, self._programs = self._programs, []
        processes.stop(programs, grace=10)
        shutil.rmtree(self._directory, ignore_errors=True)

    def _start(self) -> None:
        env = self._environment()
        for name, command in (("epmd", "epmd"), ("rabbitmq", str(self._program))):
            log = self._directory / f"{name}.log"
            self._programs.append(processes.start(name, [command], env=env, log=log, folder=self._directory))
        deadline = time.monotonic() + _SECONDS
        while not self._answers():
            if time.monotonic() > deadline or self._programs[-1].exit_code() is not None:
                raise RuntimeError(f"RabbitMQ did not start:\n{self._programs[-1].tail()}")
            time.sleep(0.1)

    def _environment(self) -> dict[str, str]:
        folder = str(self._directory)
        return {
            "PATH": os.environ["PATH"],
            "HOME": folder,  # Erlang keeps its cookie there
            "LC_ALL": "C.UTF-8",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(free_port()),
            "RABBITMQ_CONF_ENV_FILE": f"{folder}/none",
            "RABBITMQ_CONFIG_FILE": f"{folder}/none",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/no-plugins",
            "RABBITMQ_LOG_BASE": f"{folder}/log",
            "RABBITMQ_MNESIA_BASE": f"{folder}/mnesia",
            "RABBITMQ_NODENAME": f"xcom{self._port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self._port),
        }

    def _answers(self) -> bool:
        """Return whether the server begins an AMQP connection."""
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=5) as connection:
                connection.sendall(_GREETING)
                return bool(connection.recv(1))
        except OSError:
            return False
