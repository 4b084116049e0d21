"""Which classes a payload may name: Airflow's own rule, asked from Airflow's own code.

`[core] allowed_deserialization_classes` (globs), `allowed_deserialization_classes_regexp` and the
classes that Airflow's serde registered (`airflow/sdk/serde/__init__.py`, in Airflow 3.1
`airflow/serialization/serde.py`; function `deserialize`). No Airflow, or one that hides these
functions: nothing is allowed.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from exclusive_redis_xcom.codec.kinds import qualified_name
from exclusive_redis_xcom.errors import XComNotImportable

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
    """The module that Airflow's serde registered for a class (table `_serializers` or `_deserializers`)."""
    return getattr(serde(), table, {}).get(name)


def load_class(name: object) -> type:
    """The class that a payload names.

    Raises:
        XComNotImportable: It is not allowed, or not to be found here.
        ValueError: This is not the name of a class.
    """
    if not isinstance(name, str) or len(name) > _LONGEST_NAME or not _CLASS_NAME.fullmatch(name):
        raise ValueError("not a class name")
    if not is_allowed(name):
        raise XComNotImportable(
            f"{name} was not found in allow list for deserialization imports. To allow it, add it to "
            f"allowed_deserialization_classes in section [core] of Airflow's configuration of the pulling task."
        )
    found = _find(name)
    if found is None:
        raise XComNotImportable(f"{name} is allowed for deserialization, but cannot be imported here as a class.")
    # A module of an allowed package may re-export what is not allowed: the class's own name counts as well.
    if qualified_name(found) != name and not is_allowed(qualified_name(found)):
        raise XComNotImportable(f"{name} is allowed for deserialization, but stands for a class that is not.")
    return found


def _find(name: str) -> type | None:
    """Import the class of a dotted name; nested classes too, which Airflow's `import_string` cannot find.

    Below the module every step must be a class: a module's attributes lead to other modules, and from there
    to anything.
    """
    parts = name.split(".")
    for split in range(len(parts) - 1, 0, -1):
        try:
            return _class_below(import_module(".".join(parts[:split])), parts[split:])
        except (ImportError, AttributeError):
            continue
        except Exception as error:
            problem = type(error).__name__
            raise XComNotImportable(f"{name} is allowed, but importing its module failed with {problem}.") from None
    return None


def _class_below(module: ModuleType, names: list[str]) -> type | None:
    found: Any = module
    for name in names:
        found = getattr(found, name)
        if not isinstance(found, type):
            return None
    return cast("type", found)


def package(name: str) -> Any:
    """A package that decoding needs; its name comes from our own code, never from a payload."""
    try:
        return import_module(name)
    except ImportError:
        root = name.partition(".")[0]
        raise XComNotImportable(
            f"The value needs the Python package '{root}', which cannot be imported here; install it on this worker."
        ) from None
