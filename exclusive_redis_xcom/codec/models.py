"""Pydantic models. They are validated again when they are read, and nested values keep their own types.

Airflow's serde stores `model_dump(mode="json")`, which loses the types in a field of type `Any`. Here the fields are
stored as they are. A field that this package cannot carry (a URL, a pattern) is stored in its JSON form. The model's
own validation restores it.

A validator may make something else of what it has made: `Base64Bytes` decodes twice. So where a class has validators,
the push tries what the pull will do. A field that would change is stored in its JSON form, too, if validation restores
it.

The JSON form of a pattern has no flags, and that of a list of secrets has asterisks. So a field that is stored in
another form is validated at the push, too. If it would come back changed, it is refused.
"""

from __future__ import annotations

import sys
from functools import lru_cache, partial
from operator import is_
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.codec.allowlist import load_class, package
from exclusive_redis_xcom.codec.extras import extras_of, note_left_behind, set_extras
from exclusive_redis_xcom.codec.kinds import NotCarriedError, qualified_name
from exclusive_redis_xcom.codec.likeness import changed_names, is_same
from exclusive_redis_xcom.codec.objects import rebuilt

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_TRIES = 10  # until no other field has to change its form
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
    whole, made = _fields(value), None
    fields = _carried(value, whole, can_carry)
    cls: Any = type(value)
    if _has_validators(cls):
        fields, made = _settled(value, fields)
    if not all(map(is_, fields.values(), whole.values())):
        fields = _without_changes(value, fields, whole, made)
    return [qualified_name(type(value)), fields, set_fields, private, *([extras] if extras else [])]


def plain_model(value: Any, can_carry: Callable[[object], bool]) -> Any:
    """Return a dict of the fields; of a root model, its only field."""
    fields = _carried(value, _fields(value), can_carry)
    return fields["root"] if isinstance(value, package("pydantic").RootModel) else fields


def _carried(value: Any, whole: dict[str, Any], can_carry: Callable[[object], bool]) -> dict[str, Any]:
    return {name: _field(value, name, content, can_carry) for name, content in whole.items()}


def _fields(value: Any) -> dict[str, Any]:
    """Return the fields of a model, and what it has beside them."""
    known = type(value).model_fields
    fields = {name: content for name, content in value.__dict__.items() if name in known}
    fields.update(value.__pydantic_extra__ or {})
    return fields


def _field(model: Any, name: str, content: Any, can_carry: Callable[[object], bool]) -> Any:
    if can_carry(content):
        return content
    revealed = _revealed(content)
    if revealed is content:
        return _as_json(model, name, content)  # If this fails, the error about the content names the field.
    return revealed if can_carry(revealed) else content  # The JSON form would be asterisks.


def _revealed(content: Any) -> Any:
    """Return the content with the secrets in it shown; the content itself if it holds none."""
    try:
        return _with_secrets_shown(content)
    except RecursionError:
        return content


def _with_secrets_shown(content: Any) -> Any:
    pydantic = package("pydantic")
    if isinstance(content, (pydantic.SecretStr, pydantic.SecretBytes, pydantic.Secret)):
        return _with_secrets_shown(content.get_secret_value())
    if type(content) is dict:
        shown = {key: _with_secrets_shown(item) for key, item in content.items()}
        return shown if any(shown[key] is not item for key, item in content.items()) else content
    if type(content) in (list, tuple, set, frozenset):
        items = list(map(_with_secrets_shown, content))
        changed = any(item is not old for item, old in zip(items, content, strict=True))
        return type(content)(items) if changed else content
    return content


def _as_json(model: Any, name: str, content: Any) -> Any:
    """Return the JSON form of a field that validation accepts; the content itself if there is none."""
    try:
        if isinstance(model, package("pydantic").RootModel):
            return model.model_dump(mode="json", round_trip=True)  # `include` would name keys of its content
        return model.model_dump(mode="json", include={name}, round_trip=True)[name]
    except Exception:  # The text may quote the value.
        return content


@lru_cache(maxsize=1024)
def _has_validators(cls: Any) -> bool:
    """Return whether validation runs code, which may make something else of what it has made before."""
    waiting: list[Any] = [cls.__pydantic_core_schema__]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            kind = part.get("type")
            if kind == "json" or (isinstance(kind, str) and kind.startswith("function-")):
                return True
            waiting.extend(content for key, content in part.items() if key not in ("serialization", "metadata"))
        elif isinstance(part, (list, tuple)):
            waiting.extend(part)
    return False


def _settled(value: Any, carried: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Return the fields in forms that validation makes these fields of, and what it makes of them if that is known.

    What validation refuses stays as it is: the pull says so.

    Raises:
        NotCarriedError: Validation makes something else of a field each time.
    """
    whole = _fields(value)
    known = {name for name, content in carried.items() if content is whole[name]}  # the others have a JSON form already
    fields = dict(carried)
    for _ in range(_MOST_TRIES):
        made, changed = _validated(value, fields, {name: whole[name] for name in known})
        if not changed:
            return fields, made
        as_json = {name: _as_json(value, name, whole[name]) for name in changed & known if fields[name] is whole[name]}
        if not as_json:
            break
        fields.update(as_json)
    found, _ = _validated(value, carried, {})
    if found is not None and _validated(value, found, found)[1]:
        raise NotCarriedError(
            "A validator makes something else of a field that it has made before.",
            "Let the validator leave alone what is complete, or push model_dump() of the model.",
        )
    return carried, None


def _without_changes(
    value: Any, fields: dict[str, Any], whole: dict[str, Any], made: dict[str, Any] | None
) -> dict[str, Any]:
    """Return the fields; those as they are in the model that their other form would change.

    Such a field is then refused, and the error names the part of it that is not carried.
    """
    others = {name: whole[name] for name, form in fields.items() if form is not whole[name]}
    refused: set[str] = set()
    if made is None:
        made, refused = _validated(value, fields, {})
    if made is None:
        changed = refused & others.keys()
    else:
        changed = {name for name, content in others.items() if name not in made or not is_same(made[name], content)}
    return {**fields, **{name: others[name] for name in changed}}


def _names(name: str, field: Any) -> set[Any]:
    """Return how an error may call a field."""
    return {name, field.alias, *([field.validation_alias] if isinstance(field.validation_alias, str) else [])}


def _validated(value: Any, fields: dict[str, Any], expected: dict[str, Any]) -> tuple[dict[str, Any] | None, set[str]]:
    """Return the fields that validation makes, and which are not as expected; or None, and which it refuses."""
    cls = type(value)
    try:
        made = _fields(_validate(cls, dict(fields)))
    except package("pydantic").ValidationError as problem:
        errors = problem.errors(include_url=False, include_context=False, include_input=False)
        places = {one["loc"][0] for one in errors if one["loc"]}
        return None, {
            name for name, field in cls.model_fields.items() if name == "root" or places & _names(name, field)
        }
    except Exception:  # the author's code
        return None, set()
    return made, set(changed_names(made, expected))


def build_model(children: list[Any]) -> Any:
    """Reverse `model_children`."""
    name, fields, fields_set, private, *extras = children
    cls: Any = load_class(name)
    if cls is None:
        return fields
    if not issubclass(cls, package("pydantic").BaseModel):
        raise TypeError("not a model")
    value = rebuilt(cls, lambda: _validate(cls, fields))
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
    if issubclass(cls, package("pydantic").RootModel):
        return cls.model_validate(fields["root"])
    aliased = any(f.validation_alias is not None for f in cls.model_fields.values())
    return cls.model_validate(fields, by_alias=False, by_name=True) if aliased else cls.model_validate(fields)
