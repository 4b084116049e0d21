"""Code outside of a DAG's file that is known to push no XComs."""

from __future__ import annotations

import builtins
import sys
from typing import Final

#: Where Airflow offers the context of the running task.
CURRENT_CONTEXT: Final = "get_current_context"

#: Libraries that know nothing of Airflow. A library that is not here may push: it may be the team's own.
_LIBRARIES: Final = frozenset(
    (
        "boto3",
        "botocore",
        "dateutil",
        "duckdb",
        "google",
        "httpx",
        "jinja2",
        "numpy",
        "orjson",
        "pandas",
        "paramiko",
        "pendulum",
        "polars",
        "psycopg",
        "psycopg2",
        "pyarrow",
        "pydantic",
        "pytz",
        "redis",
        "requests",
        "scipy",
        "sklearn",
        "snowflake",
        "sqlalchemy",
        "tenacity",
        "yaml",
    )
)

#: What DAG files use of Airflow that pushes nothing.
_AIRFLOWS: Final = frozenset(
    (
        "AirflowException",
        "AirflowFailException",
        "AirflowSkipException",
        "Asset",
        "BaseHook",
        "Connection",
        "Dataset",
        "Label",
        "ObjectStoragePath",
        "Param",
        "TriggerRule",
        "Variable",
        "XComArg",
        CURRENT_CONTEXT,
    )
)

#: With these, code may do what its text does not show.
_DYNAMIC: Final = frozenset(("__import__", "compile", "eval", "exec", "globals", "locals", "vars"))

_BUILTINS: Final = frozenset(dir(builtins)) - _DYNAMIC

#: Functions that may be given a task instance or a context: they only show it, or look at its type.
SHOWING: Final = frozenset(("bool", "hasattr", "id", "isinstance", "len", "print", "repr", "str", "type"))


def is_builtin(name: str) -> bool:
    """Tell whether a name that the file does not bind is a builtin whose use is visible."""
    return name in _BUILTINS


def pushes_nothing(origin: str) -> bool:
    """Tell whether something that was imported is known to push nothing.

    Args:
        origin: Its dotted name, as in "airflow.sdk.Variable".
    """
    first, *rest = origin.split(".")
    if first == "airflow":
        return any(part in _AIRFLOWS for part in rest) or "exceptions" in rest
    if first == "exclusive_redis_xcom":
        return True
    return first in sys.stdlib_module_names or first in _LIBRARIES


def shows_only(origin: str) -> bool:
    """Tell whether a function may be given a task instance: it writes a log line."""
    return origin.partition(".")[0] in ("logging", "pprint")
