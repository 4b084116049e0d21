"""redis-py, set up in the one way that this package uses it. Importing this module imports redis (250 ms or more)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from exclusive_redis_xcom.connection import receiving
from exclusive_redis_xcom.connection.internals import TcpConnection, TlsConnection, UnixConnection

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from exclusive_redis_xcom.connection.budget import Budget
    from exclusive_redis_xcom.connection.redis_options import Address, RedisOptions, Timeouts, Tls

#: A `redis.Redis`. The type is Any because redis-py annotates each release differently, and 5 to 8 are supported.
Client = Any

_HEALTH_CHECK_SECONDS = 30
_PAUSE_SECONDS = 1.0


def open_server(options: RedisOptions, address: Address, timeouts: Timeouts, budget: Budget) -> Client:
    """Make a client of one Redis server. Nothing is sent yet."""
    if options.path is not None:
        reached: dict[str, Any] = {"connection_class": UnixConnection, "path": options.path}
    else:
        reached = _by_tcp(address, options.tls)
    return _client(reached, options.db, options.username, options.password, timeouts, budget)


def open_master(options: RedisOptions, locate: Callable[[], Address], timeouts: Timeouts, budget: Budget) -> Client:
    """Make a client of the server that `locate` names each time a connection is made."""
    reached = _by_tcp(options.addresses[0], options.tls) | {"locate": locate}
    return _client(reached, options.db, options.username, options.password, timeouts, budget)


def open_sentinel(options: RedisOptions, address: Address, timeouts: Timeouts, budget: Budget) -> Client:
    """Make a client of one Sentinel, with the Sentinels' own credentials."""
    reached = _by_tcp(address, options.tls if options.sentinel_tls else None)
    return _client(reached, 0, options.sentinel_username, options.sentinel_password, timeouts, budget)


def close(client: Client) -> None:
    """Close the client's connections."""
    client.connection_pool.disconnect()


class Line:
    """The one connection of a client, made when first needed.

    For every command, redis-py takes a connection out of its pool, checks it, and counts and times the command. That
    costs as much as a small command itself. Here the connection stays out of the pool and is checked after a pause.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._connection: Any = None
        self._used = 0.0

    def call(self, command: Sequence[Any]) -> Any:
        """Send one command. Return redis-py's reply, or raise redis-py's exception."""
        connection = self._ready()
        connection.send_command(*command)
        return self._client.parse_response(connection, command[0])

    def pipelined(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        """Send commands in one round trip. Return Redis' own replies in order; a refusal is an exception among them."""
        connection = self._ready()
        connection.send_packed_command(connection.pack_commands(commands))
        replies: list[Any] = []
        for _ in commands:
            try:
                replies.append(connection.read_response())
            except redis.ResponseError as error:  # The replies to the other commands still come.
                replies.append(error)
        return replies

    def receive(self, commands: Sequence[Sequence[Any]], into: Sequence[memoryview]) -> bool:
        """Do what `receiving.receive` says."""
        return receiving.receive(self._ready(), commands, into)

    def transact(self, transactions: Sequence[Sequence[Sequence[Any]]]) -> list[list[Any]]:
        """Send transactions in one round trip. Return the replies of each.

        Raises:
            redis.RedisError: The first error among the replies. The cause comes before the EXECABORT that it led to.
        """
        commands = [one for commands in transactions for one in (("MULTI",), *commands, ("EXEC",))]
        replies = self.pipelined(commands)
        outcomes = [reply for reply, command in zip(replies, commands, strict=True) if command == ("EXEC",)]
        everything = [*replies, *(reply for outcome in outcomes if isinstance(outcome, list) for reply in outcome)]
        errors = [reply for reply in everything if isinstance(reply, Exception)]
        for error in sorted(errors, key=lambda error: isinstance(error, redis.exceptions.ExecAbortError)):
            raise error
        return outcomes

    def is_good(self) -> bool:
        """Return whether it can be used again. After a pause, the other side may have closed it."""
        if self._connection is None or time.monotonic() - self._used < _PAUSE_SECONDS:
            return True
        try:
            return not self._connection.can_read(0)  # No reply is outstanding, so what can be read is the end.
        except (redis.RedisError, OSError):
            return False

    def close(self) -> None:
        """Close it."""
        close(self._client)

    def _ready(self) -> Any:
        self._used = time.monotonic()
        if self._connection is None:
            pool = self._client.connection_pool
            try:
                self._connection = pool.get_connection()
            except TypeError:  # before redis-py 5.3
                self._connection = pool.get_connection("_")
        return self._connection


def _client(
    reached: dict[str, Any], db: int, username: str | None, password: str | None, timeouts: Timeouts, budget: Budget
) -> Client:
    pool = redis.ConnectionPool(
        **reached,
        db=db,
        username=username,
        password=password,
        budget=budget,
        max_connections=1,  # a session belongs to one thread at a time
        socket_connect_timeout=timeouts.connect,
        socket_timeout=timeouts.read,
        health_check_interval=_HEALTH_CHECK_SECONDS,
        retry=Retry(NoBackoff(), 0),
        retry_on_timeout=False,
        protocol=2,  # keeps maintenance notifications off; they need RESP3
    )
    return redis.Redis(connection_pool=pool)


def _by_tcp(address: Address, tls: Tls | None) -> dict[str, Any]:
    reached: dict[str, Any] = {"host": address.host, "port": address.port, "socket_keepalive": True}
    if tls is None:
        return reached | {"connection_class": TcpConnection}
    return reached | {
        "connection_class": TlsConnection,
        "ssl_cert_reqs": tls.cert_reqs,
        "ssl_ca_certs": tls.ca_certs,
        "ssl_certfile": tls.certfile,
        "ssl_keyfile": tls.keyfile,
        "ssl_check_hostname": tls.check_hostname and tls.cert_reqs != "none",  # redis-py 5.0 would fail
    }
