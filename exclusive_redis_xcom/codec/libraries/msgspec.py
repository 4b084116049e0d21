"""Objects of `msgspec.Struct`. Their class is named, so it must be allowed at the pull. Its constructor runs there."""

from __future__ import annotations

from typing import Any

from exclusive_redis_xcom.codec.allowlist import load_class, package
from exclusive_redis_xcom.codec.extras import note_left_behind, state_beside
from exclusive_redis_xcom.codec.kinds import NotCarriedError, is_found_by_name, qualified_name
from exclusive_redis_xcom.codec.objects import rebuilt, require_kept
from exclusive_redis_xcom.codec.plugs import register


def _encode(value: Any) -> dict[str, Any]:
    if not is_found_by_name(type(value)):
        raise NotCarriedError(
            "Its class was made at run time, so no other task can find it.",
            "Push msgspec.to_builtins(value), or define the class in a module.",
        )
    unset = package("msgspec").UNSET
    fields = {name: getattr(value, name) for name in value.__struct_fields__ if hasattr(value, name)}
    note_left_behind(type(value), state_beside(value, fields.keys()).keys(), "Only fields of a Struct are carried.")
    return {
        "class": qualified_name(type(value)),
        "fields": {name: content for name, content in fields.items() if content is not unset},
        "unset": [name for name, content in fields.items() if content is unset],
    }


def _decode(parts: dict[str, Any], _version: int) -> Any:
    fields = parts["fields"]
    msgspec = package("msgspec")
    cls = load_class(parts["class"])
    if cls is None:
        return fields
    if not issubclass(cls, msgspec.Struct):
        raise TypeError("not a Struct")

    def make() -> Any:
        made = cls(**fields, **dict.fromkeys(parts["unset"], msgspec.UNSET))
        require_kept(cls, {name: getattr(made, name) for name in fields}, fields)
        return made

    return rebuilt(cls, make)


register("msgspec.struct", "msgspec.Struct", encode=_encode, decode=_decode, subclasses=True)
