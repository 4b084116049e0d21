"""Which classes a payload may name. Airflow's rule decides, and Airflow's own code is asked for it.

The rule allows `[core] allowed_deserialization_classes` (globs), `allowed_deserialization_classes_regexp` and the
classes that Airflow's serde registered (`airflow/sdk/serde/__init__.py`, in Airflow 3.1
`airflow/serialization/serde.py`; function `deserialize`). Without Airflow, or where these functions are missing,
nothing is allowed.
"""

from __future__ import annotations

import logging
import re
import sys
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from exclusive_redis_xcom.codec.kinds import qualified_name
from exclusive_redis_xcom.errors import XComNotImportable

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

log = logging.getLogger("exclusive_redis_xcom")

_SERDE_MODULES = ("airflow.sdk.serde", "airflow.serialization.serde")
_CLASS_NAME = re.compile(r"[^\W\d][\w<>\[\], ]*(\.[^\W\d<][\w<>\[\], ]*)+")
_LONGEST_NAME = 512
#: A payload may name any number of classes that are gone. Each costs a search of the file system.
_MOST_GONE = 100
_gone: set[str] = set()


@lru_cache(maxsize=1)
def serde() -> ModuleType | None:
    """Return Airflow's serde module; None without Airflow."""
    for name in _SERDE_MODULES:
        try:
            return import_module(name)
        except ModuleNotFoundError:
            continue
    return None


def is_allowed(name: str) -> bool:
    """Return whether Airflow's configuration lets a payload name this class.

    Raises:
        XComNotImportable: The configuration has a pattern that Airflow cannot read. Then it allows nothing.
    """
    module = serde()
    match = getattr(module, "_match", None)
    extra = getattr(module, "_extra_allowed", ())
    try:
        return name in extra or (match is not None and bool(match(name)))
    except re.error:
        raise XComNotImportable(
            "Airflow cannot read its own list of allowed classes.\n"
            "Section [core] has a pattern that is no regular expression. Airflow compiles the globs of "
            "allowed_deserialization_classes as such, too: '*.models.*' fails, and 'acme.*' works.\n"
            "Begin no glob with '*'. Use allowed_deserialization_classes_regexp for '.*[.]models[.].*'."
        ) from None


def registered_module(name: str, table: str) -> Any:
    """Return the module that Airflow's serde registered for a class in `_serializers` or `_deserializers`."""
    return getattr(serde(), table, {}).get(name)


def load_class(name: object) -> type | None:
    """Import the class that a payload names. Return None for an allowed class that is gone.

    Raises:
        XComNotImportable: The class is not allowed, or its module fails, or its name stands for something else.
        ValueError: This is not the name of a class.
    """
    if not isinstance(name, str) or len(name) > _LONGEST_NAME or not _CLASS_NAME.fullmatch(name):
        raise ValueError("not a class name")
    if not is_allowed(name):
        raise XComNotImportable(
            f"The class {_last(name)} of the value is not allowed here.\n"
            f"{name} was not found in allow list for deserialization imports.\n"
            "Add it to allowed_deserialization_classes in [core] of Airflow's configuration on the pulling worker."
        )
    found = _find(name, _loaded if name in _gone else import_module)
    if found is None:
        _note_gone(name)
        return None
    # A module of an allowed package may re-export a class that is not allowed. So the class's own name is checked too.
    if qualified_name(found) != name and not is_allowed(qualified_name(found)):
        raise XComNotImportable(
            f"The class {_last(name)} of the value is not allowed here.\n"
            f"{name} is allowed for deserialization, but stands for {qualified_name(found)}, which is not.\n"
            "Add that class to allowed_deserialization_classes in section [core], too."
        )
    return found


def _note_gone(name: str) -> None:
    if name in _gone:
        return
    if len(_gone) >= _MOST_GONE:
        raise no_class(name)
    _gone.add(name)
    log.warning("%s cannot be imported here. What was pushed of it comes back as plain values.", name)


def no_class(name: str) -> XComNotImportable:
    """Return the error for a name that does not lead to a class."""
    return XComNotImportable(
        f"The class {_last(name)} of the value is not here.\n"
        f"{name} is allowed for deserialization, but cannot be imported as a class.\n"
        "Bring the pushing task's code to this worker, or clear the producing task."
    )


def _last(name: str) -> str:
    """Return the last part of a dotted name, for a first line."""
    return name.rpartition(".")[2][:40]


def _loaded(name: str) -> ModuleType:
    """Return a module that is loaded already."""
    try:
        return sys.modules[name]
    except KeyError:
        raise ImportError from None


def _find(name: str, module: Callable[[str], ModuleType]) -> type | None:
    """Import the class of a dotted name. Nested classes are found too; Airflow's `import_string` cannot find them.

    Below the module, every step must be a class. The attributes of a module lead to other modules, and from there to
    anything. The longest part of the name that is a module decides.
    """
    parts = name.split(".")
    try:
        for split in range(len(parts) - 1, 0, -1):
            try:
                found = module(".".join(parts[:split]))
            except ImportError:
                continue
            return _class_below(found, name, parts[split:])
    except XComNotImportable:
        raise
    except Exception as error:
        problem = type(error).__name__
        raise XComNotImportable(
            f"The module of the class {_last(name)} fails here ({problem}).\n"
            f"{name} is allowed for deserialization.\n"
            "Mend the module, or what it needs, on this worker."
        ) from None
    return None


def _class_below(module: ModuleType, name: str, steps: list[str]) -> type | None:
    found: Any = module
    for step in steps:
        try:
            found = getattr(found, step)
        except (AttributeError, ImportError):
            return None
        if not isinstance(found, type):
            raise no_class(name)
    return cast("type", found)


def package(name: str) -> Any:
    """Import a package that the value needs. The name comes from our own code, never from a payload."""
    try:
        return import_module(name)
    except ImportError:
        root = name.partition(".")[0]
        raise XComNotImportable(
            f"The value needs the Python package '{root}', which is not here.\nInstall it on this worker."
        ) from None
