"""Say which settings this process goes by, and where each comes from. No secret is in what is said.

Airflow looks into the environment first: at the variable, at its `_CMD` and at its `_SECRET`. It looks into airflow.cfg
next, in the same order. The default comes last.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from exclusive_redis_xcom.errors import ConfigurationError
from exclusive_redis_xcom.settings.options import OPTIONS, Option
from exclusive_redis_xcom.settings.sources import PREFIX, airflow_conf, options_in_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import timedelta

    from exclusive_redis_xcom.crypto import EncryptionKeys, SealPrivateKeys, SealPublicKey
    from exclusive_redis_xcom.settings.loading import Settings

_DEFAULT = "default"
_FILE = "airflow.cfg"
_INDIRECT = ("_cmd", "_secret")
_NOT_SHOWN = "(set; not shown)"


class InForce(NamedTuple):
    """One option, its value for people, and where the value comes from."""

    option: str
    value: str
    source: str


def in_force(settings: Settings | None) -> Iterator[InForce]:
    """Yield all options of the section.

    Args:
        settings: What was read; None where the section cannot be read. Then only sources are known.
    """
    in_file = options_in_file(airflow_conf()) or set()
    for option in OPTIONS:
        source = _source(option, in_file)
        yield InForce(option.name, "" if settings is None else _shown(option, settings, source), source)


def _source(option: Option, in_file: set[str]) -> str:
    suffixes = ("", *(_INDIRECT if option.sensitive else ()))
    variables = (PREFIX + (option.name + suffix).upper() for suffix in suffixes)
    names = (option.name + suffix for suffix in suffixes)
    set_there = (name for name in variables if name in os.environ)
    written = (f"{name} in {_FILE}" for name in names if name in in_file)
    return next(set_there, None) or next(written, None) or _DEFAULT


def _shown(option: Option, settings: Settings, source: str) -> str:
    """Return an option's value as people may see it: endpoints without a login, and keys by their ids."""
    value: Any = getattr(settings, _ATTRIBUTES.get(option.name, option.name))
    if option.name in _SHOWN:
        return _SHOWN[option.name](value)
    if option.sensitive:
        return "" if source == _DEFAULT else _NOT_SHOWN
    return "" if value is None else str(value)


def _seconds(duration: timedelta) -> str:
    return str(int(duration.total_seconds()))


def _key_id(key: SealPublicKey | None) -> str:
    return "" if key is None else key.key_id


def _key_ids(keys: SealPrivateKeys | EncryptionKeys) -> str:
    return ", ".join(keys.key_ids)


def _endpoint(url: str | None) -> str:
    """Return where a Redis is, without user name and password."""
    if not url:
        return ""
    from exclusive_redis_xcom.connection.url import options_from_url

    try:
        return f"{options_from_url(url).endpoint} (login not shown)"
    except ConfigurationError:
        return _NOT_SHOWN


_ATTRIBUTES = {"ttl_seconds": "ttl"}
_SHOWN: dict[str, Callable[[Any], str]] = {
    "ttl_seconds": _seconds,
    "redis_url": _endpoint,
    "seal_public_key": _key_id,
    "seal_private_keys": _key_ids,
    "encryption_keys": _key_ids,
}
