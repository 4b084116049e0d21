"""The form of an object that no exact type and no library claims: a model, a dataclass, an object with `serialize()`...

The order is that of Airflow's serde (`serialize`).
"""

from __future__ import annotations

import dataclasses
import sys
from datetime import tzinfo
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.codec import library_kinds, models, objects
from exclusive_redis_xcom.codec.allowlist import is_allowed
from exclusive_redis_xcom.codec.kinds import is_found_by_name, qualified_name

if TYPE_CHECKING:
    from collections.abc import Callable


def is_kept(cls: type) -> bool:
    """Return whether a pull on this machine would give this very class."""
    return is_allowed(qualified_name(cls)) and is_found_by_name(cls)


def form_of(value: object) -> str | None:
    """Return the form of an object; None for a class, and for an object of no form that is known."""
    if isinstance(value, type):
        return None
    return next((form for form, applies in _FORMS if applies(value)), None)


def _is_registered(value: object) -> bool:
    return objects.has_registered_serializer(value) and is_found_by_name(type(value))


def _has_own_protocol(value: object) -> bool:
    """Return whether a class has Airflow's `serialize()`. In many libraries that name means something else."""
    cls: Any = type(value)
    bases = {base.__module__.partition(".")[0] for base in cls.__mro__}
    # A column of a frame may have this name, too.
    if not callable(getattr(value, "serialize", None)) or bases & library_kinds.WITH_OTHER_PROTOCOLS:
        return False
    return not is_found_by_name(cls) or objects.can_be_made_again(cls)


def _is_attrs(value: object) -> bool:
    attr = sys.modules.get("attr")
    return attr is not None and bool(attr.has(type(value)))


_FORMS: tuple[tuple[str, Callable[[Any], bool]], ...] = (
    ("model", models.is_model),
    ("registered", _is_registered),
    ("own protocol", _has_own_protocol),
    ("dataclass", dataclasses.is_dataclass),
    ("attrs", _is_attrs),
    ("zone", lambda value: isinstance(value, tzinfo)),
)
