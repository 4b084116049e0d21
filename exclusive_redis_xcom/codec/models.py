"""Pydantic models. They are validated again when they are read, and nested values keep their own types.

Airflow's serde stores `model_dump(mode="json")`, which loses the types in a field of type `Any`. Here the fields are
stored as they are. A field that this package cannot carry (a URL, a pattern) is stored in its JSON form. The model's
own validation restores it.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.codec.allowlist import load_class, package
from exclusive_redis_xcom.codec.kinds import qualified_name
from exclusive_redis_xcom.codec.objects import rebuilt

if TYPE_CHECKING:
    from collections.abc import Callable


def is_model(value: object) -> bool:
    """Return whether this is an instance of a pydantic v2 model. Pydantic is not imported for that."""
    pydantic: Any = sys.modules.get("pydantic")
    return pydantic is not None and isinstance(value, pydantic.BaseModel)


def model_children(value: Any, can_carry: Callable[[object], bool]) -> list[Any]:
    """Return class, {field: value}, the names of the fields that were set, and {private attribute: value}."""
    fields = {**value.__dict__, **(value.__pydantic_extra__ or {})}
    fields = {name: content for name, content in fields.items() if name not in _cached(value)}
    carried = {name: _field(value, name, content, can_carry) for name, content in fields.items()}
    private = {name: v for name, v in (value.__pydantic_private__ or {}).items() if can_carry(v)}
    return [qualified_name(type(value)), carried, sorted(value.__pydantic_fields_set__), private]


def plain_model(value: Any, can_carry: Callable[[object], bool]) -> Any:
    """Return a dict of the fields; of a root model, its only field."""
    fields = model_children(value, can_carry)[1]
    return fields["root"] if isinstance(value, package("pydantic").RootModel) else fields


def _cached(value: Any) -> set[str]:
    """Return the names of cached properties. Pydantic keeps them next to the fields."""
    return set(value.__dict__) - set(type(value).model_fields)


def _field(model: Any, name: str, content: Any, can_carry: Callable[[object], bool]) -> Any:
    if can_carry(content):
        return content
    secrets = package("pydantic")
    if isinstance(content, (secrets.SecretStr, secrets.SecretBytes)):
        return content.get_secret_value()  # The JSON form would be asterisks.
    dumped = model.model_dump(mode="json", include={name}, round_trip=True)
    return dumped[name] if isinstance(dumped, dict) else dumped


def build_model(children: list[Any]) -> Any:
    """Reverse `model_children`."""
    name, fields, fields_set, private = children
    cls: Any = load_class(name)
    if cls is None:
        return fields
    if not issubclass(cls, package("pydantic").BaseModel):
        raise TypeError("not a model")
    is_root = issubclass(cls, package("pydantic").RootModel)
    root = fields["root"] if is_root else None
    value = rebuilt(cls, lambda: cls.model_validate(root) if is_root else _validate(cls, fields))
    object.__setattr__(value, "__pydantic_fields_set__", set(fields_set) & fields.keys())
    for attribute, content in private.items():
        rebuilt(cls, partial(_set_private, value, attribute, content))
    return value


def _set_private(value: Any, name: str, content: Any) -> None:
    if name not in type(value).__private_attributes__:
        raise AttributeError("no such private attribute")
    setattr(value, name, content)


def _validate(cls: Any, fields: dict[str, Any]) -> Any:
    aliased = any(f.validation_alias is not None for f in cls.model_fields.values())
    return cls.model_validate(fields, by_alias=False, by_name=True) if aliased else cls.model_validate(fields)
