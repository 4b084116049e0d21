"""Errors that this package adds to redis-py's own, while it talks to Redis. `RedisClient` lets none of them out."""

from __future__ import annotations

import redis


class DeadlinePassed(redis.TimeoutError):
    """The budget was over before anything was sent. The error of an earlier attempt tells more."""


class Unanswered(redis.ConnectionError):
    """A connection was closed before the first answer.

    Args:
        host: The host that was connected to.
        port: Its TCP port.
        tls: Whether the connection had TLS.
    """

    def __init__(self, host: str, port: int, *, tls: bool) -> None:
        super().__init__("closed before the first answer")
        self.host = host
        self.port = port
        self.tls = tls


class HandshakeUnanswered(redis.TimeoutError):
    """Nobody answered a TLS handshake in time.

    Args:
        host: The host that was connected to.
        port: Its TCP port.
    """

    def __init__(self, host: str, port: int) -> None:
        super().__init__("no answer to the TLS handshake")
        self.host = host
        self.port = port


class SentinelFailed(redis.ConnectionError):
    """No Sentinel told where the master is.

    Args:
        error: What redis-py raised for the last of them.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__("no Sentinel answers")
        self.error = error
