"""Where Celery's broker is, if it is a Redis: the URL as kombu reads it, with Airflow's settings for TLS and Sentinels.

The forms are those of kombu's transports `redis` and `sentinel`. The doctor connects as kombu does. So it asks for no
more of a certificate than kombu.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from exclusive_redis_xcom.connection import RedisOptions
from exclusive_redis_xcom.connection.redis_options import REDIS_PORT, SENTINEL_PORT, Address, CertReqs, Tls

#: The schemes of kombu's transports for Redis, without those for TLS.
_SERVER, _SENTINELS, _SOCKET = ("redis", "rediss"), ("sentinel",), ("redis+socket",)

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")

_CERT_REQS: dict[str, CertReqs] = {
    "none": "none",
    "cert_none": "none",
    "optional": "optional",
    "cert_optional": "optional",
}


class NotReadableError(ValueError):
    """The URL is none that kombu takes for Redis. The error does not repeat it, because it may hold a password."""


def scheme_of(url: str) -> str:
    """Return the scheme of a URL, in lower case; "" for a text without one. That may begin with a password."""
    scheme, separator, _ = url.strip().partition("://")
    return scheme.lower() if separator and _SCHEME.fullmatch(scheme) else ""


def is_redis(url: str) -> bool:
    """Tell whether kombu takes the URL for a Redis."""
    return scheme_of(url) in (*_SERVER, *_SENTINELS, *_SOCKET)


def redis_of(url: str, transport: dict[str, Any], celery: dict[str, Any]) -> RedisOptions:
    """Return where the broker is and how to log in.

    Args:
        url: The broker's URL. Several URLs are separated by semicolons.
        transport: The section `[celery_broker_transport_options]`.
        celery: The section `[celery]`, as far as it is about TLS.

    Raises:
        NotReadableError: The URL is malformed.
    """
    first, *others = [part.strip() for part in url.split(";") if part.strip()]
    try:
        options = _server(first, celery)
        if scheme_of(first) in _SENTINELS:
            return _behind_sentinels(options, [options, *(_server(other, celery) for other in others)], transport)
    except (ValueError, AttributeError):  # of urllib or json, and it may quote what it read
        raise NotReadableError from None
    return options


def _server(url: str, celery: dict[str, Any]) -> RedisOptions:
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    username, password = unquote(parts.username or "") or None, unquote(parts.password or "") or None
    if scheme_of(url) in _SOCKET:
        db = int(query.get("virtual_host") or 0)
        return RedisOptions(addresses=(), path=unquote(parts.path), db=db, username=username, password=password)
    port = parts.port or (SENTINEL_PORT if scheme_of(url) in _SENTINELS else REDIS_PORT)
    return RedisOptions(
        addresses=(Address(parts.hostname or "localhost", port),),
        db=int(parts.path.strip("/") or query.get("virtual_host") or 0),
        username=username,
        password=password,
        tls=_tls(scheme_of(url), query, celery),
    )


def _tls(scheme: str, query: dict[str, str], celery: dict[str, Any]) -> Tls | None:
    by_airflow = str(celery.get("ssl_active", "")).lower() in ("true", "t", "1")
    if scheme != "rediss" and not by_airflow:
        return None
    return Tls(
        cert_reqs=_CERT_REQS.get(query.get("ssl_cert_reqs", "").lower(), "required"),
        ca_certs=query.get("ssl_ca_certs") or celery.get("ssl_cacert") or None,
        certfile=query.get("ssl_certfile") or celery.get("ssl_cert") or None,
        keyfile=query.get("ssl_keyfile") or celery.get("ssl_key") or None,
        check_hostname=False,
    )


def _behind_sentinels(first: RedisOptions, all_of_them: list[RedisOptions], transport: dict[str, Any]) -> RedisOptions:
    login = json.loads(transport.get("sentinel_kwargs") or "{}")
    return replace(
        first,
        kind="sentinel",
        addresses=tuple(address for options in all_of_them for address in options.addresses),
        master=str(transport.get("master_name") or ""),
        sentinel_username=login.get("username"),
        sentinel_password=login.get("password"),
        sentinel_tls=first.tls is not None,
    )
