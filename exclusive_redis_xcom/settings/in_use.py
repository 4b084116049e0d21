"""Tell whether this package is in use. Where it is only installed, it does nothing by itself."""

from __future__ import annotations

import functools
import importlib
import logging
import os
from typing import Any

from exclusive_redis_xcom.settings.sources import PREFIX, airflow_conf, options_in_file

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
    conf = airflow_conf()
    return _section_is_set(conf) or _backend_is_ours((conf.get("core", "xcom_backend", fallback=None) or "").strip())


def _section_is_set(conf: Any) -> bool:
    return any(name.startswith(PREFIX) for name in os.environ) or bool(options_in_file(conf))


def _backend_is_ours(name: str) -> bool:
    """Tell whether a class is our backend, or derives from it.

    A class of somebody else is imported to find that out, as each task does. Where the import fails, the answer is yes:
    the class may be one of ours, and then the rules must hold.
    """
    if name.startswith(_PACKAGE):
        return True
    return bool(name) and not name.startswith(_AIRFLOWS) and _derives(name)


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
