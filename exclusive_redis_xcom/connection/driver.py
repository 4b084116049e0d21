"""redis-py, set up in the one way that this package uses it. Importing this module imports redis (250 ms or more)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from exclusive_redis_xcom.connection.internals import TcpConnection, TlsConnection, UnixConnection

if TYPE_CHECKING:
    from collections.abc import Callable

    from exclusive_redis_xcom.connection.budget import Budget
    from exclusive_redis_xcom.connection.redis_options import Address, RedisOptions, Timeouts, Tls

#: A `redis.Redis`. The type is Any because redis-py annotates each release differently, and 5 to 8 are supported.
Client = Any


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
    pool = redis.ConnectionPool(
        **reached,
        db=db,
        username=username,
        password=password,
        budget=budget,
        socket_connect_timeout=timeouts.connect,
        socket_timeout=timeouts.read,
        health_check_interval=0,  # PING would cost a round trip. A lost connection shows at the next command as well.
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
