"""Tell whether Airflow is configured to use our backend. Where it is not, this package does nothing by itself."""

from __future__ import annotations

import functools
import importlib
import logging

log = logging.getLogger("exclusive_redis_xcom")

_PACKAGE = "exclusive_redis_xcom."
_CLASS = ("exclusive_redis_xcom.airflow.backend", "ExclusiveRedisXCom")

#: No class of Airflow derives from ours.
_AIRFLOWS = "airflow."


@functools.cache
def backend_is_ours() -> bool:
    """Tell whether `[core] xcom_backend` names our backend, or a class that derives from it.

    A class of somebody else is imported to find that out, as each task does. Where the import fails, the answer is yes:
    the class may be one of ours, and then the rules must hold.
    """
    name = _configured_name()
    if name.startswith(_PACKAGE):
        return True
    return bool(name) and not name.startswith(_AIRFLOWS) and _derives(name)


def _configured_name() -> str:
    # From Airflow 3.2 on, the Task SDK has a configuration module of its own.
    try:
        from airflow.sdk.configuration import conf
    except ImportError:
        from airflow.configuration import conf
    return (conf.get("core", "xcom_backend", fallback=None) or "").strip()


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
