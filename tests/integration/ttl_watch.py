"""Looks for keys without a TTL on every server a test uses: after each test, and before a server goes away."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from devtools.redis_server import RedisServer


class TtlWatch:
    """An administrator's client for every watched server, and what was found on those no longer watched."""

    def __init__(self) -> None:
        self._admins: list[redis.Redis] = []
        self._found: list[bytes] = []

    @contextlib.contextmanager
    def over(self, *servers: RedisServer) -> Iterator[None]:
        """Watch running servers; their keys are looked at in the end. Enter it after them, so that they still run."""
        admins = [_admin(server) for server in servers]
        self._admins.extend(admins)
        try:
            yield
        finally:
            for admin in admins:
                self._admins.remove(admin)
                self._found += _take_keys(admin)
                admin.close()

    def collect(self) -> list[bytes]:
        """Names of all keys without a TTL found since the last call; every key is removed."""
        found = [*self._found, *(key for admin in self._admins for key in _take_keys(admin))]
        self._found.clear()
        return found


def _take_keys(admin: redis.Redis) -> list[bytes]:
    """Remove all keys; return those that had no TTL."""
    without: list[bytes] = []
    with contextlib.suppress(redis.ConnectionError):  # stopped by its test
        without = [key for key in admin.scan_iter(count=1000) if admin.ttl(key) == -1]
        with contextlib.suppress(redis.ResponseError):  # a replica, or a master that lacks one
            admin.flushall()
    return without


def _admin(server: RedisServer) -> redis.Redis:
    path = str(server.socket_path) if server.socket_path else None
    return redis.Redis(port=server.port, unix_socket_path=path, socket_timeout=5, retry=Retry(NoBackoff(), 0))
