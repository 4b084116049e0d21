"""What a push, a pull and a removal need: the settings of this process, and the store."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exclusive_redis_xcom.settings import load_settings
from exclusive_redis_xcom.settings.redis import redis_client
from exclusive_redis_xcom.store import Store
from exclusive_redis_xcom.tracebacks import errors_without_locals

if TYPE_CHECKING:
    from exclusive_redis_xcom.settings import Settings

#: Encryption, or compression that does not pay, may make a payload this much longer than what it decodes to.
MOST_OVERHEAD = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Access:
    """One process's access to XCom values under one set of settings.

    Args:
        settings: The checked section of Airflow's configuration.
        store: Where the values are.
    """

    settings: Settings
    store: Store


@functools.cache
@errors_without_locals
def current_access() -> Access:
    """Return the access of this process. It is made at first use from Airflow's configuration.

    Raises:
        ConfigurationError: A setting, or the Redis it names, is wrong.
    """
    settings = load_settings()
    largest = settings.max_value_bytes + MOST_OVERHEAD
    store = Store(
        redis_client(settings),
        key_prefix=settings.key_prefix,
        max_payload_bytes=largest,
        generation=settings.format,
    )
    return Access(settings, store)
