"""Airflow XComs in Redis, each key pulled only by the tasks that the DAG's code names.

`[core] xcom_backend = exclusive_redis_xcom.ExclusiveRedisXCom`

Importing the package is cheap: public names resolve at first use, and neither redis nor Airflow is loaded
before.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exclusive_redis_xcom.airflow.backend import ExclusiveRedisXCom
    from exclusive_redis_xcom.airflow.pulling import pull
    from exclusive_redis_xcom.airflow.sequences import fetch_all
    from exclusive_redis_xcom.declaration.exclusive import exclusive
    from exclusive_redis_xcom.errors import (
        ConfigurationError,
        CorruptValue,
        ExclusiveXComError,
        InvalidAcl,
        InvalidReference,
        StoreUnavailable,
        XComAccessDenied,
        XComAlreadyClaimed,
        XComExpired,
        XComMissing,
        XComNotImportable,
        XComNotRebuilt,
        XComNotSerializable,
        XComSealed,
        XComTooLarge,
    )

__version__ = "0.1.0"

__all__ = [
    "ConfigurationError",
    "CorruptValue",
    "ExclusiveRedisXCom",
    "ExclusiveXComError",
    "InvalidAcl",
    "InvalidReference",
    "StoreUnavailable",
    "XComAccessDenied",
    "XComAlreadyClaimed",
    "XComExpired",
    "XComMissing",
    "XComNotImportable",
    "XComNotRebuilt",
    "XComNotSerializable",
    "XComSealed",
    "XComTooLarge",
    "exclusive",
    "fetch_all",
    "pull",
]

_HOMES = {
    "ExclusiveRedisXCom": "airflow.backend",
    "exclusive": "declaration.exclusive",
    "fetch_all": "airflow.sequences",
    "pull": "airflow.pulling",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = importlib.import_module(f"{__name__}.{_HOMES.get(name, 'errors')}")
    return getattr(home, name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
