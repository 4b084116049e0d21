"""Parsers for single options of URLs and Airflow connections. No error repeats a text that may hold a password."""

from __future__ import annotations

import re
from typing import Any, cast

from exclusive_redis_xcom.connection.redis_options import Address, CertReqs
from exclusive_redis_xcom.errors import ConfigurationError

_CERT_REQS = ("required", "optional", "none")
_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})
_MAX_PORT = 65535
# The characters of a host name or address. Anything else is more likely a misplaced credential.
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.%A-Za-z]*")


def addresses(text: str, *, default_port: int, what: str) -> tuple[Address, ...]:
    """Read `host:port,host:port`. A port may be left out; an IPv6 address needs brackets.

    Raises:
        ConfigurationError: An entry is wrong. The text gives its number only: it may hold credentials by mistake.
    """
    entries = text.split(",")
    return tuple(
        address(entry.strip(), default_port=default_port, what=f"{what}, entry {number}")
        for number, entry in enumerate(entries, start=1)
    )


def address(text: str, *, default_port: int, what: str) -> Address:
    """Read `host`, `host:port`, `[ipv6]` or `[ipv6]:port`."""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        colon, port = rest[:1], rest[1:]
        wrong = not bracket or colon not in ("", ":")
    else:
        host, colon, port = text.partition(":")
        wrong = False
    if wrong or not _HOST.fullmatch(host):
        msg = f"{what}: expected 'host:port' (an IPv6 address in brackets)."
        raise ConfigurationError(msg)
    return Address(host, port_number(port, what=what) if colon else default_port)


def port_number(value: object, *, what: str) -> int:
    """Read a TCP port, from a number or its digits."""
    port = _digits(value)
    if port is None or not 0 < port <= _MAX_PORT:
        msg = f"{what}: the port must be a number from 1 to {_MAX_PORT}."
        raise ConfigurationError(msg)
    return port


def database(value: object, *, what: str) -> int:
    """Read a database number. None and "" mean 0."""
    if value is None or value == "":
        return 0
    number = _digits(value)
    if number is None:
        msg = f"{what}: the database must be a number, 0 or more."
        raise ConfigurationError(msg)
    return number


def boolean(value: object, *, what: str) -> bool:
    """Read true and false as in JSON, or as one of the words that a URL can hold."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    msg = f"{what}: expected true or false."
    raise ConfigurationError(msg)


def cert_reqs(value: object, *, what: str) -> CertReqs:
    """Read how far a server's certificate is checked, in the words of redis-py."""
    if value in _CERT_REQS:
        return cast("CertReqs", value)
    msg = f"{what}: expected one of {', '.join(_CERT_REQS)}."
    raise ConfigurationError(msg)


def refuse_database_of_cluster(db: int, *, what: str) -> None:
    """Refuse any database but 0: a cluster has no other."""
    if db != 0:
        msg = f"{what}: a Redis cluster has only database 0; leave the database out."
        raise ConfigurationError(msg)


def text_or_none(value: Any, *, what: str) -> str | None:
    """Read a text. None and "" mean None."""
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        msg = f"{what}: expected a text."
        raise ConfigurationError(msg)
    return value


def _digits(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value if value >= 0 else None
    digits = str(value)  # Nine digits are more than any port or database number has.
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else None
