"""Tell whether this package is in use. Where it is only installed, it does nothing by itself."""

from __future__ import annotations

import functools
import importlib
import logging
import os
from configparser import ConfigParser
from typing import Any

from exclusive_redis_xcom.settings.unknown import PREFIX, SECTION

log = logging.getLogger("exclusive_redis_xcom")

_PACKAGE = "exclusive_redis_xcom."
_CLASS = ("exclusive_redis_xcom.airflow.backend", "ExclusiveRedisXCom")

#: No class of Airflow derives from ours.
_AIRFLOWS = "airflow."


@functools.cache
def is_in_use() -> bool:
    """Tell whether this package is configured: by `[core] xcom_backend`, or by any option of its own section.

    An API server needs no backend of its own. One that has only our options guards XComs all the same.
    """
    conf = _configuration()
    return _section_is_set(conf) or _backend_is_ours((conf.get("core", "xcom_backend", fallback=None) or "").strip())


def _section_is_set(conf: Any) -> bool:
    if any(name.startswith(PREFIX) for name in os.environ):
        return True
    # Airflow writes the section's name, and nothing below it, into a new airflow.cfg.
    in_file = isinstance(conf, ConfigParser) and conf.has_section(SECTION)
    return in_file and bool(set(conf.options(SECTION)) - conf.defaults().keys())


def _backend_is_ours(name: str) -> bool:
    """Tell whether a class is our backend, or derives from it.

    A class of somebody else is imported to find that out, as each task does. Where the import fails, the answer is yes:
    the class may be one of ours, and then the rules must hold.
    """
    if name.startswith(_PACKAGE):
        return True
    return bool(name) and not name.startswith(_AIRFLOWS) and _derives(name)


def _configuration() -> Any:
    # From Airflow 3.2 on, the Task SDK has a configuration module of its own.
    try:
        from airflow.sdk.configuration import conf
    except ImportError:
        from airflow.configuration import conf
    return conf


def _derives(name: str) -> bool:
    module, _, attribute = name.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except Exception as error:
        log.warning(
            "[core] xcom_backend: %r cannot be imported here (%s). This package acts as if the class derived from "
            "ExclusiveRedisXCom.",
            name,
            type(error).__name__,
        )
        return True
    # The name is compared, because this layer may not import `airflow.backend`.
    return any((base.__module__, base.__qualname__) == _CLASS for base in getattr(found, "__mro__", ()))
