"""Section ``exclusive_redis_xcom`` of Airflow's configuration: declared, read and checked in this one place.

:data:`OPTIONS` is the single table of options: ``provider_info.py`` shows it to Airflow (so that
``airflow config list`` and the docs know it, and ``_CMD``/``_SECRET`` work for sensitive ones), and
:func:`load_settings` reads by it. Options are read at first use, never at import.
"""

from __future__ import annotations

import functools
import math
import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.acl import POLICY_WORDS
from exclusive_redis_xcom.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

SECTION = "exclusive_redis_xcom"

#: Redis refuses a bulk string over ``proto-max-bulk-len`` (512 MiB by default) by cutting the connection;
#: one MiB is left for the envelope's header and the protocol.
LARGEST_VALUE_BYTES = 511 * 1024 * 1024

_PREFIX = re.compile(r"[A-Za-z0-9_.:-]{1,100}")
_MAY_BE_URL = re.compile(r"[:/@]")
_CONN_ID = re.compile(r"[^\s:/@]{1,250}")


@dataclass(frozen=True, slots=True)
class Settings:
    """The section's values, checked and with units. ``repr`` leaves the URL out: it may hold a password."""

    redis_url: str | None = field(repr=False)
    redis_conn_id: str
    ttl: timedelta
    default_consumers: str
    mode: str
    enforcement: str
    key_prefix: str
    max_value_bytes: int
    compression: str
    connect_timeout: float
    read_timeout: float
    retry_deadline: float

    @property
    def reports_only(self) -> bool:
        """Whether a refusal is only logged and counted (``mode = report``)."""
        return self.mode == "report"


@dataclass(frozen=True, slots=True)
class Option:
    """One option: how Airflow shows it and how its text becomes a value.

    ``read`` takes the configured text and returns the value, or raises ValueError. ``accepted`` says in
    words what ``read`` takes; error messages quote it, and the text itself unless ``shown`` is False.
    """

    name: str
    kind: str
    default: str
    description: str
    accepted: str
    read: Callable[[str], Any]
    sensitive: bool = False
    shown: bool = True
    example: str | None = None


def _conn_id(text: str) -> str:
    if not _CONN_ID.fullmatch(text):
        raise ValueError
    return text


def _word(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError
        return text

    return read


def _integer(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        number = int(text)
        if not low <= number <= high:
            raise ValueError
        return number

    return read


def _seconds(low: float, high: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        number = float(text)
        if not math.isfinite(number) or not low <= number <= high:
            raise ValueError
        return number

    return read


def _prefix(text: str) -> str:
    if not _PREFIX.fullmatch(text):
        raise ValueError
    return text


_MAX_TTL_SECONDS = 10 * 365 * 24 * 3600

OPTIONS: tuple[Option, ...] = (
    Option(
        "redis_url",
        "string",
        "",
        "URL of the Redis that holds XCom values. Wins over redis_conn_id. Sentinel and Cluster have URLs too: "
        "redis+sentinel://host:26379,host:26379/mymaster/0 and redis+cluster://host:6379,host:6379.",
        "a URL: redis://, rediss://, unix://, redis+sentinel://, rediss+sentinel://, redis+cluster:// or "
        "rediss+cluster://",
        lambda text: text or None,
        sensitive=True,
        shown=False,
        example="rediss://user:password@redis.example.com:6379/0",
    ),
    Option(
        "redis_conn_id",
        "string",
        "redis_default",
        "Airflow connection of type redis that is used when redis_url is empty.",
        "the id of an Airflow connection of type redis; a URL goes into redis_url",
        _conn_id,
        shown=False,  # a URL with a password ends up here by mistake
    ),
    Option(
        "ttl_seconds",
        "integer",
        "604800",
        "How long a value stays in Redis after its push, in seconds. A rule's own ttl_seconds wins.",
        f"a whole number from 1 to {_MAX_TTL_SECONDS}",
        _integer(1, _MAX_TTL_SECONDS),
    ),
    Option(
        "default_consumers",
        "string",
        "same_dag",
        "Who may pull keys that no rule of the DAG's xcom_acl covers: same_dag, linked (tasks that take the XCom "
        "as an argument or template field), downstream, nobody or anyone.",
        "one of " + ", ".join(sorted(POLICY_WORDS)),
        _word(*POLICY_WORDS),
    ),
    Option(
        "mode",
        "string",
        "enforce",
        "enforce refuses; report only logs and counts what would be refused and returns the value, for rolling "
        "out on existing DAGs.",
        "enforce or report",
        _word("enforce", "report"),
    ),
    Option(
        "enforcement",
        "string",
        "worker",
        "Where the decision is made: worker, the pulling task's own process.",
        "worker (enforcement by the API server is not part of this release)",
        _word("worker"),
    ),
    Option(
        "key_prefix",
        "string",
        "exclusive_redis_xcom",
        "First part of every Redis key, for sharing one Redis between installations.",
        "1 to 100 letters, digits, '_', '.', ':' or '-'",
        _prefix,
    ),
    Option(
        "max_value_bytes",
        "integer",
        str(128 * 1024 * 1024),
        "Largest encoded value in bytes; a larger push fails before anything is sent.",
        f"a whole number from 1 to {LARGEST_VALUE_BYTES}",
        _integer(1, LARGEST_VALUE_BYTES),
    ),
    Option(
        "compression",
        "string",
        "auto",
        "auto compresses with zstd when a sample says that it pays; zstd always; off never.",
        "auto, zstd or off",
        _word("auto", "zstd", "off"),
    ),
    Option(
        "connect_timeout",
        "float",
        "2.0",
        "Seconds to wait for a connection to Redis.",
        "seconds from 0.01 to 300",
        _seconds(0.01, 300),
    ),
    Option(
        "read_timeout",
        "float",
        "5.0",
        "Seconds to wait for each answer from Redis.",
        "seconds from 0.01 to 300",
        _seconds(0.01, 300),
    ),
    Option(
        "retry_deadline",
        "float",
        "20.0",
        "Seconds after which a push or pull that keeps failing for want of Redis gives up; 0 tries once.",
        "seconds from 0 to 3600",
        _seconds(0, 3600),
    ),
)


@functools.cache
def load_settings() -> Settings:
    """Read the section once per process.

    Raises:
        ConfigurationError: An option's value is not accepted. Names section, option, the value given
            (unless the option is sensitive) and what is accepted.
    """
    values = {option.name: _read(option) for option in OPTIONS}
    values["ttl"] = timedelta(seconds=values.pop("ttl_seconds"))
    return Settings(**values)


def _read(option: Option) -> Any:
    text = _configured(option).strip()
    try:
        return option.read(text)
    except ValueError:
        shown = option.shown or not (option.sensitive or _MAY_BE_URL.search(text))
        given = repr(text) if shown else "the value given (not shown)"
        raise ConfigurationError(
            f"[{SECTION}] {option.name}: {given} is not accepted; it takes {option.accepted}. "
            f"Set it in airflow.cfg or as AIRFLOW__{SECTION.upper()}__{option.name.upper()}."
        ) from None


def _configured(option: Option) -> str:
    conf = _airflow_configuration()
    text = conf.get(SECTION, option.name, fallback=option.default)
    return option.default if text is None else str(text)


def _airflow_configuration() -> Any:
    # Airflow 3.2 gave the Task SDK a configuration module of its own; 3.1 has one for all, and only its
    # command line makes it read what providers declare (without which _CMD and _SECRET are not looked at).
    try:
        from airflow.sdk.configuration import conf
    except ImportError:
        from airflow.configuration import conf
        from airflow.providers_manager import ProvidersManager

        ProvidersManager().initialize_providers_configuration()
    return conf
