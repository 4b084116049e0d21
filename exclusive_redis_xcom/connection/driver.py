"""redis-py, set up in the one way that this package uses it. Importing this module imports redis (250 ms or more)."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import redis

from exclusive_redis_xcom.connection.internals import TcpConnection, TlsConnection, UnixConnection

if TYPE_CHECKING:
    from collections.abc import Callable

    from exclusive_redis_xcom.connection.budget import Budget
    from exclusive_redis_xcom.connection.redis_options import Address, RedisOptions, Timeouts, Tls

#: A `Server`, or a `redis.Redis`: `Server` has what is used of that.
Client = Any


@functools.cache
def reader() -> Any:
    """Return what reads the reply to each command: a `redis.Redis` that is never connected.

    It has a table of 350 names, and each `redis.Redis` makes its own. Tasks share one that was made before the fork.
    """
    return redis.Redis(connection_pool=redis.ConnectionPool(protocol=2))


class Server:
    """One Redis server: it makes connections, and reads replies, as a `redis.Redis` with its pool does.

    Making both of them takes a task's process longer than the connection itself.

    Args:
        connection_class: The class of its connections.
        settings: The arguments of that class.
    """

    def __init__(self, connection_class: Callable[..., Any], **settings: Any) -> None:
        self._connection_class = connection_class
        self._settings = settings

    @property
    def connection_pool(self) -> Server:
        """The server itself. There is no pool: `server.Line` keeps its connection."""
        return self

    def make_connection(self) -> Any:
        """Make a connection. Nothing is sent yet."""
        return self._connection_class(**self._settings)

    def parse_response(self, connection: Any, command_name: str) -> Any:
        """Return redis-py's reply to a command, or raise redis-py's exception."""
        return reader().parse_response(connection, command_name)

    def disconnect(self) -> None:
        """Do nothing: no connection is kept here."""


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


def _client(
    reached: dict[str, Any], db: int, username: str | None, password: str | None, timeouts: Timeouts, budget: Budget
) -> Client:
    return Server(
        **reached,
        db=db,
        username=username,
        password=password,
        budget=budget,
        socket_connect_timeout=timeouts.connect,
        socket_timeout=timeouts.read,
        health_check_interval=0,  # PING would cost a round trip. A lost connection shows at the next command as well.
        retry=None,  # redis-py tries once then
        retry_on_timeout=False,
        protocol=2,  # keeps maintenance notifications off; they need RESP3
    )


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
