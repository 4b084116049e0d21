"""Redis URLs.

| URL                                           | what it names                                                |
|-----------------------------------------------|--------------------------------------------------------------|
| `redis://user:password@host:6379/0`           | one server (`rediss://`: over TLS)                           |
| `unix://user:password@/path/to/socket?db=0`   | one server, Unix socket                                      |
| `redis+sentinel://u:p@h1:26379,h2/mymaster/0` | the master that these Sentinels name (`rediss+sentinel://`)  |
| `redis+cluster://u:p@h1:6379,h2`              | a cluster, begun at any of these nodes (`rediss+cluster://`) |

User name, password and query values are percent-decoded. These are the query parameters: `db`, `ssl_cert_reqs`,
`ssl_ca_certs`, `ssl_certfile`, `ssl_keyfile`, `ssl_check_hostname`, and for Sentinels `sentinel_username`,
`sentinel_password`, `sentinel_ssl`. The credentials in front of the hosts are for the Redis servers. Sentinels get
credentials from the parameters only.

This module splits the URL itself, because errors of `urllib.parse` repeat parts of the URL.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote, unquote_plus

from exclusive_redis_xcom.connection import option_parsers
from exclusive_redis_xcom.connection.redis_options import REDIS_PORT, SENTINEL_PORT, Address, Kind, RedisOptions, Tls
from exclusive_redis_xcom.errors import ConfigurationError
from exclusive_redis_xcom.tracebacks import errors_without_locals

_SCHEMES: dict[str, tuple[Kind, bool]] = {
    "redis": ("standalone", False),
    "rediss": ("standalone", True),
    "unix": ("standalone", False),
    "redis+sentinel": ("sentinel", False),
    "rediss+sentinel": ("sentinel", True),
    "redis+cluster": ("cluster", False),
    "rediss+cluster": ("cluster", True),
}
_TLS_PARAMETERS = ("ssl_cert_reqs", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_check_hostname")
_SENTINEL_PARAMETERS = ("sentinel_username", "sentinel_password", "sentinel_ssl")
_WHAT = "The Redis URL"


@dataclass(frozen=True, slots=True, repr=False)
class _Split:
    scheme: str
    username: str | None
    password: str | None
    hosts: str
    path: str
    query: dict[str, str]


@errors_without_locals
def options_from_url(url: str) -> RedisOptions:
    """Read one of the forms above.

    Raises:
        ConfigurationError: The URL is wrong. The text says what is accepted, and repeats nothing of the URL.
    """
    split = _split(url)
    kind, tls = _SCHEMES[split.scheme]
    if split.scheme == "unix":
        return _unix(split)
    if kind == "sentinel":
        return _sentinel(split, tls=tls)
    return _direct(split, kind, tls=tls)


def _direct(split: _Split, kind: Kind, *, tls: bool) -> RedisOptions:
    hosts = _hosts(split, REDIS_PORT)
    if kind == "standalone" and len(hosts) > 1:
        raise _wrong("names several hosts. For several hosts, use redis+cluster:// or redis+sentinel://")
    db = _database(split, split.path.strip("/"))
    if kind == "cluster":
        option_parsers.refuse_database_of_cluster(db, what=_WHAT)
    return RedisOptions(
        kind=kind, addresses=hosts, db=db, username=split.username, password=split.password, tls=_tls(split, on=tls)
    )


def _sentinel(split: _Split, *, tls: bool) -> RedisOptions:
    master, _, db = split.path.removeprefix("/").partition("/")
    if not master:
        raise _wrong("names no master. Its form is redis+sentinel://host:26379,host:26379/name-of-the-master/0")
    over_tls = split.query.get("sentinel_ssl")
    return RedisOptions(
        kind="sentinel",
        addresses=_hosts(split, SENTINEL_PORT),
        db=_database(split, db),
        username=split.username,
        password=split.password,
        tls=_tls(split, on=tls),
        master=unquote(master),
        sentinel_username=split.query.get("sentinel_username") or None,
        sentinel_password=split.query.get("sentinel_password") or None,
        sentinel_tls=tls if over_tls is None else option_parsers.boolean(over_tls, what=f"{_WHAT}, sentinel_ssl"),
    )


def _unix(split: _Split) -> RedisOptions:
    if split.hosts or not split.path.strip("/"):
        raise _wrong("must have the form unix:///path/to/socket?db=0")
    return RedisOptions(
        addresses=(),
        path=unquote(split.path),
        db=_database(split, ""),
        username=split.username,
        password=split.password,
    )


def _hosts(split: _Split, default_port: int) -> tuple[Address, ...]:
    if not split.hosts:
        return (Address("localhost", default_port),)
    try:
        return option_parsers.addresses(split.hosts, default_port=default_port, what=_WHAT)
    except ConfigurationError as error:
        msg = f"{error} {_ENCODE}"
        raise ConfigurationError(msg) from None


def _database(split: _Split, in_path: str) -> int:
    if in_path and "db" in split.query:
        raise _wrong("gives the database twice, in its path and as db=")
    return option_parsers.database(in_path or split.query.get("db"), what=_WHAT)


def _tls(split: _Split, *, on: bool) -> Tls | None:
    given = {name: split.query[name] for name in _TLS_PARAMETERS if name in split.query}
    if not on:
        if given:
            raise _wrong(f"needs a scheme with TLS (rediss...://) for {', '.join(given)}")
        return None
    return Tls(
        cert_reqs=option_parsers.cert_reqs(given.get("ssl_cert_reqs", "required"), what=f"{_WHAT}, ssl_cert_reqs"),
        ca_certs=given.get("ssl_ca_certs") or None,
        certfile=given.get("ssl_certfile") or None,
        keyfile=given.get("ssl_keyfile") or None,
        check_hostname=option_parsers.boolean(
            given.get("ssl_check_hostname", "true"), what=f"{_WHAT}, ssl_check_hostname"
        ),
    )


def _split(url: str) -> _Split:
    scheme, separator, rest = url.strip().partition("://")
    scheme = scheme.lower()
    if not separator or scheme not in _SCHEMES:
        raise _wrong_scheme(scheme if separator else "")
    location, _, query = rest.partition("?")
    authority, slash, path = location.partition("/")
    credentials, at, hosts = authority.rpartition("@")
    # A raw / ? or # in a password moves its end behind the hosts. There it would be read as something else.
    if "@" in path or "@" in query or "#" in rest or any(character.isspace() for character in rest):
        raise _wrong("holds @, # or a space in a place where none is possible", _ENCODE)
    username, _, password = credentials.partition(":") if at else ("", "", "")
    return _Split(
        scheme=scheme,
        username=unquote(username) or None,
        password=unquote(password) or None,
        hosts=hosts,
        path=slash + path,
        query=_query(query, scheme),
    )


def _query(query: str, scheme: str) -> dict[str, str]:
    accepted: tuple[str, ...] = ("db",)
    if scheme != "unix":
        accepted += _TLS_PARAMETERS
    if _SCHEMES[scheme][0] == "sentinel":
        accepted += _SENTINEL_PARAMETERS
    values: dict[str, str] = {}
    for number, parameter in enumerate(filter(None, query.split("&")), start=1):
        name, _, value = parameter.partition("=")
        if name not in accepted or name in values:  # Named by number: a raw & in a password would make it a name.
            raise _wrong(
                f"has an unknown or repeated query parameter, number {number}. Accepted are {', '.join(accepted)}"
            )
        values[name] = unquote_plus(value)
    return values


_ENCODE = "Percent-encode / ? # @ & and spaces in user name and password (%2F %3F %23 %40 %26 %20)."


def _wrong_scheme(scheme: str) -> ConfigurationError:
    """Make the error for another scheme. It repeats none, because a password may stand in its place by mistake."""
    import difflib

    close = difflib.get_close_matches(scheme, _SCHEMES, n=1, cutoff=0.75)
    guess = f"Did you mean {close[0]}://? " if close else ""
    return _wrong(f"must begin with one of {', '.join(f'{name}://' for name in _SCHEMES)}", guess)


def _wrong(why: str, remedy: str = "") -> ConfigurationError:
    return ConfigurationError(f"{_WHAT} {why}. {remedy}".rstrip())
