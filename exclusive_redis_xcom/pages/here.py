"""What this API server is configured with: the settings, and the store that they name."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from exclusive_redis_xcom.api_server.requests.store_source import StoreSource
from exclusive_redis_xcom.settings import Settings, load_settings

if TYPE_CHECKING:
    from exclusive_redis_xcom.store import Store


@functools.lru_cache(maxsize=1)
def settings() -> Settings:
    """Return the settings.

    Raises:
        ConfigurationError: A setting is wrong.
    """
    return load_settings()


def store() -> Store:
    """Return the store. Call it in a thread: the look-up of an Airflow connection may block.

    Raises:
        ConfigurationError: The settings name no usable Redis.
    """
    return _source()()


@functools.lru_cache(maxsize=1)
def _source() -> StoreSource:
    return StoreSource(settings())
