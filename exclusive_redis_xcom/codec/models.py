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
from exclusive_redis_xcom.codec.extras import extras_of, note_left_behind, set_extras
from exclusive_redis_xcom.codec.kinds import qualified_name
from exclusive_redis_xcom.codec.objects import rebuilt

if TYPE_CHECKING:
    from collections.abc import Callable

#: Where pydantic keeps what is no field.
_OWN_SLOTS = ("__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__")


def is_model(value: object) -> bool:
    """Return whether this is an instance of a pydantic v2 model. Pydantic is not imported for that."""
    pydantic: Any = sys.modules.get("pydantic")
    return pydantic is not None and isinstance(value, pydantic.BaseModel)


def model_children(
    value: Any, can_carry: Callable[[object], bool], is_plain_data: Callable[[object], bool]
) -> list[Any]:
    """Return class, {field: value}, the names of the fields that were set, and {private attribute: value}.

    Then comes {attribute: value} if the object has attributes that its class does not list.
    """
    private = {name: v for name, v in (value.__pydantic_private__ or {}).items() if can_carry(v)}
    note_left_behind(type(value), (value.__pydantic_private__ or {}).keys() - private.keys())
    extras = extras_of(value, {*type(value).model_fields, *_OWN_SLOTS}, is_plain_data)
    set_fields = sorted(value.__pydantic_fields_set__)
    return [qualified_name(type(value)), _carried(value, can_carry), set_fields, private, *([extras] if extras else [])]


def plain_model(value: Any, can_carry: Callable[[object], bool]) -> Any:
    """Return a dict of the fields; of a root model, its only field."""
    fields = _carried(value, can_carry)
    return fields["root"] if isinstance(value, package("pydantic").RootModel) else fields


def _carried(value: Any, can_carry: Callable[[object], bool]) -> dict[str, Any]:
    known = type(value).model_fields
    fields = {name: content for name, content in value.__dict__.items() if name in known}
    fields.update(value.__pydantic_extra__ or {})
    return {name: _field(value, name, content, can_carry) for name, content in fields.items()}


def _field(model: Any, name: str, content: Any, can_carry: Callable[[object], bool]) -> Any:
    if can_carry(content):
        return content
    secrets = package("pydantic")
    if isinstance(content, (secrets.SecretStr, secrets.SecretBytes)):
        return content.get_secret_value()  # The JSON form would be asterisks.
    try:
        dumped = model.model_dump(mode="json", include={name}, round_trip=True)
    except Exception:  # The text may quote the value.
        return content  # The error about it names the field.
    return dumped[name] if isinstance(dumped, dict) else dumped


def build_model(children: list[Any]) -> Any:
    """Reverse `model_children`."""
    name, fields, fields_set, private, *extras = children
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
    for attributes in extras:
        rebuilt(cls, partial(set_extras, value, attributes, {*cls.model_fields, *_OWN_SLOTS}))
    return value


def _set_private(value: Any, name: str, content: Any) -> None:
    if name not in type(value).__private_attributes__:
        raise AttributeError("no such private attribute")
    setattr(value, name, content)


def _validate(cls: Any, fields: dict[str, Any]) -> Any:
    aliased = any(f.validation_alias is not None for f in cls.model_fields.values())
    return cls.model_validate(fields, by_alias=False, by_name=True) if aliased else cls.model_validate(fields)
