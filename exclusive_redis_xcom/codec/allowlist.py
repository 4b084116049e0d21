"""Which classes a payload may name: Airflow's own rule, asked from Airflow's own code.

``[core] allowed_deserialization_classes`` (globs), ``allowed_deserialization_classes_regexp`` and the
classes that Airflow's serde registered (``airflow/sdk/serde/__init__.py``, in Airflow 3.1
``airflow/serialization/serde.py``; function ``deserialize``). No Airflow, or one that hides these
functions: nothing is allowed.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.codec.errors import XComNotImportable

if TYPE_CHECKING:
    from types import ModuleType

_SERDE_MODULES = ("airflow.sdk.serde", "airflow.serialization.serde")
_CLASS_NAME = re.compile(r"[^\W\d][\w<>\[\], ]*(\.[^\W\d<][\w<>\[\], ]*)+")
_LONGEST_NAME = 512


@lru_cache(maxsize=1)
def serde() -> ModuleType | None:
    """Airflow's serde module, None where there is no Airflow."""
    for name in _SERDE_MODULES:
        try:
            return import_module(name)
        except ModuleNotFoundError:
            continue
    return None


def is_allowed(name: str) -> bool:
    """Whether Airflow's configuration lets a payload name this class."""
    module = serde()
    match = getattr(module, "_match", None)
    extra = getattr(module, "_extra_allowed", ())
    return name in extra or (match is not None and bool(match(name)))


def registered_module(name: str, table: str) -> Any:
    """The module that Airflow's serde registered for a class (table ``_serializers`` or ``_deserializers``)."""
    return getattr(serde(), table, {}).get(name)


def load_class(name: object) -> type:
    """The class that a payload names.

    Raises:
        XComNotImportable: it is not allowed, or not to be found here.
        ValueError: this is not the name of a class.
    """
    if not isinstance(name, str) or len(name) > _LONGEST_NAME or not _CLASS_NAME.fullmatch(name):
        raise ValueError("not a class name")
    if not is_allowed(name):
        raise XComNotImportable(
            f"{name} was not found in allow list for deserialization imports. To allow it, add it to "
            f"allowed_deserialization_classes in section [core] of Airflow's configuration of the pulling task."
        )
    found = _find(name)
    if not isinstance(found, type):
        raise XComNotImportable(f"{name} is allowed for deserialization, but cannot be imported here as a class.")
    return found


def _find(name: str) -> Any:
    """Import what a dotted name stands for; nested classes too, which Airflow's ``import_string`` cannot find."""
    parts = name.split(".")
    for split in range(len(parts) - 1, 0, -1):
        try:
            found: Any = import_module(".".join(parts[:split]))
            for attribute in parts[split:]:
                found = getattr(found, attribute)
        except (ImportError, AttributeError):
            continue
        except Exception as error:
            problem = type(error).__name__
            raise XComNotImportable(f"{name} is allowed, but importing its module failed with {problem}.") from None
        return found
    return None


def package(name: str) -> Any:
    """A package that decoding needs; its name comes from our own code, never from a payload."""
    try:
        return import_module(name)
    except ImportError:
        root = name.partition(".")[0]
        raise XComNotImportable(
            f"The value needs the Python package '{root}', which cannot be imported here; install it on this worker."
        ) from None
