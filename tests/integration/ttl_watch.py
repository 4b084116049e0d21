"""Look for keys without a TTL on every server that a test uses: after each test, and before a server stops."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from devtools.redis_server import RedisServer


class TtlWatch:
    """Holds an administrator's client for each watched server, and what it found on servers that are gone."""

    def __init__(self) -> None:
        self._admins: list[redis.Redis] = []
        self._found: list[bytes] = []

    @contextlib.contextmanager
    def over(self, *servers: RedisServer) -> Iterator[None]:
        """Watch running servers, and look at their keys at the end. Leave this before the servers stop."""
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
        """Return the keys without a TTL that were found since the last call. Every key is removed."""
        found = [*self._found, *(key for admin in self._admins for key in _take_keys(admin))]
        self._found.clear()
        return found


def _take_keys(admin: redis.Redis) -> list[bytes]:
    """Remove all keys; return those that had no TTL."""
    without: list[bytes] = []
    with contextlib.suppress(redis.ConnectionError):  # the test has stopped the server
        if not _has_keys(admin):
            return []  # most servers are of other tests, and each test looks at them all
        without = [key for key in admin.scan_iter(count=1000) if admin.ttl(key) == -1]
        with contextlib.suppress(redis.ResponseError):  # replicas refuse, and so do masters that lack a replica
            admin.flushall()
    return without


def _has_keys(admin: redis.Redis) -> bool:
    """Tell whether a server may have keys, in any of its databases. A server without INFO may have some."""
    try:
        return bool(admin.info("keyspace"))
    except redis.ResponseError:
        return True


def _admin(server: RedisServer) -> redis.Redis:
    path = str(server.socket_path) if server.socket_path else None
    return redis.Redis(port=server.port, unix_socket_path=path, socket_timeout=5, retry=Retry(NoBackoff(), 0))
