"""The fields of an Airflow connection of type `redis`.

The connection's schema names the database, as the path does in `redis://host:6379/3`. `RedisHook` ignores it there and
uses database 0.

The extras `db`, `cluster`, `startup_nodes` and `ssl*` have the same meaning as for `RedisHook` of
apache-airflow-providers-redis 4.7 (`providers/redis/hooks/redis.py`). For Sentinels this package adds `sentinels`
(`"host:port,host:port"`), `sentinel_master`, `sentinel_username`, `sentinel_password` and `sentinel_ssl` (by default
the same as `ssl`). Other extras belong to other software and are ignored. But a misspelt `ssl...` or `sentinel...` is
refused: to ignore it would connect with less security than the author asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.connection import option_parsers
from exclusive_redis_xcom.connection.redis_options import REDIS_PORT, SENTINEL_PORT, Address, RedisOptions, Tls
from exclusive_redis_xcom.errors import ConfigurationError
from exclusive_redis_xcom.tracebacks import errors_without_locals

if TYPE_CHECKING:
    from collections.abc import Mapping

_SSL = ("ssl", "ssl_cert_reqs", "ssl_ca_certs", "ssl_keyfile", "ssl_certfile", "ssl_check_hostname")
_SENTINEL = ("sentinels", "sentinel_master", "sentinel_username", "sentinel_password", "sentinel_ssl")
# RedisHook reads these words as "no password". So the same connection works for both.
_NO_PASSWORD = ("none", "false", "")


@errors_without_locals
def options_from_fields(
    host: str | None,
    port: int | None,
    login: str | None,
    password: str | None,
    extra: Mapping[str, Any],
    schema: str | None = None,
) -> RedisOptions:
    """Read the fields of an Airflow connection.

    Args:
        host: The host, without a port.
        port: The port; None means Redis' own.
        login: The user name.
        password: The password.
        extra: The extras.
        schema: The database's number. In a connection that is written as a URL, it is the path.

    Raises:
        ConfigurationError: A field is wrong. The text names the field, and what is accepted, never a password.
    """
    _refuse_misspelt(extra)
    db = _database(schema, extra)
    username = login or None
    secret = None if str(password).lower() in _NO_PASSWORD else password
    if extra.get("sentinels"):
        return _sentinel(extra, db=db, username=username, password=secret)
    if extra.get("sentinel_master"):
        msg = f"{_name('sentinel_master')} needs sentinels ('host:26379,host:26379') as well."
        raise ConfigurationError(msg)
    own = _own_address(host, port)
    if not _flag(extra, "cluster", default=False):
        address = own or Address("localhost", REDIS_PORT)
        return RedisOptions(addresses=(address,), db=db, username=username, password=secret, tls=_tls(extra))
    option_parsers.refuse_database_of_cluster(db, what=_name("db"))
    nodes = dict.fromkeys((*((own,) if own else ()), *_nodes(extra, "startup_nodes", REDIS_PORT)))
    addresses = tuple(nodes) or (Address("localhost", REDIS_PORT),)
    return RedisOptions(kind="cluster", addresses=addresses, username=username, password=secret, tls=_tls(extra))


def _database(schema: str | None, extra: Mapping[str, Any]) -> int:
    in_extra = option_parsers.database(extra.get("db"), what=_name("db"))
    if not schema:
        return in_extra
    number = option_parsers.database(schema, what="The path (schema) of the Redis connection")
    if extra.get("db") not in (None, "") and number != in_extra:
        raise ConfigurationError(
            "The Redis connection names two databases.\n"
            f"The path (schema) names {number}, and extra 'db' names {in_extra}. Leave one of them out."
        )
    return number


def _sentinel(extra: Mapping[str, Any], *, db: int, username: str | None, password: str | None) -> RedisOptions:
    if _flag(extra, "cluster", default=False):
        msg = f"{_name('sentinels')} and extra 'cluster' exclude each other. Leave one of them out."
        raise ConfigurationError(msg)
    master = option_parsers.text_or_none(extra.get("sentinel_master"), what=_name("sentinel_master"))
    if master is None:
        msg = f"{_name('sentinels')} need sentinel_master, the name the Sentinels know the master by."
        raise ConfigurationError(msg)
    tls = _tls(extra)
    return RedisOptions(
        kind="sentinel",
        addresses=_nodes(extra, "sentinels", SENTINEL_PORT),
        db=db,
        username=username,
        password=password,
        tls=tls,
        master=master,
        sentinel_username=option_parsers.text_or_none(extra.get("sentinel_username"), what=_name("sentinel_username")),
        sentinel_password=option_parsers.text_or_none(extra.get("sentinel_password"), what=_name("sentinel_password")),
        sentinel_tls=_flag(extra, "sentinel_ssl", default=tls is not None),
    )


def _own_address(host: str | None, port: int | None) -> Address | None:
    if not host:
        return None if port is None else Address("localhost", option_parsers.port_number(port, what="The port"))
    # An IPv6 address needs no brackets here: the port has a field of its own.
    bracketed = f"[{host}]" if ":" in host and not host.startswith("[") else host
    address = option_parsers.address(bracketed, default_port=REDIS_PORT, what="The host of the Redis connection")
    return (
        address
        if port is None
        else Address(address.host, option_parsers.port_number(port, what="The Redis connection"))
    )


def _nodes(extra: Mapping[str, Any], name: str, default_port: int) -> tuple[Address, ...]:
    value = extra.get(name)
    if not value:
        return ()
    if not isinstance(value, str):
        msg = f"{_name(name)}: expected a text 'host:port,host:port'."
        raise ConfigurationError(msg)
    return option_parsers.addresses(value, default_port=default_port, what=_name(name))


def _tls(extra: Mapping[str, Any]) -> Tls | None:
    if not _flag(extra, "ssl", default=False):
        return None
    return Tls(
        cert_reqs=option_parsers.cert_reqs(extra.get("ssl_cert_reqs") or "required", what=_name("ssl_cert_reqs")),
        ca_certs=option_parsers.text_or_none(extra.get("ssl_ca_certs"), what=_name("ssl_ca_certs")),
        certfile=option_parsers.text_or_none(extra.get("ssl_certfile"), what=_name("ssl_certfile")),
        keyfile=option_parsers.text_or_none(extra.get("ssl_keyfile"), what=_name("ssl_keyfile")),
        check_hostname=_flag(extra, "ssl_check_hostname", default=True),
    )


def _flag(extra: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = extra.get(name)
    return default if value is None or value == "" else option_parsers.boolean(value, what=_name(name))


def _refuse_misspelt(extra: Mapping[str, Any]) -> None:
    for name in extra:
        for family, known in (("ssl", _SSL), ("sentinel", _SENTINEL)):
            if name.startswith(family) and name not in known:
                msg = f"{_name(name)} is unknown; accepted are {', '.join(known)}."
                raise ConfigurationError(msg)


def _name(field: str) -> str:
    return f"Extra '{field}' of the Redis connection"
