"""Objects of classes that a payload must name. They come back only where Airflow's allow list permits the class.

Each is a tree whose first child is the class name. Dataclasses and attrs classes keep their nested objects; Airflow's
serde turns those into dicts. The constructor runs, so the class's own checks hold against a forged payload. Only fields
that the constructor does not take are set afterwards.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import Any

from exclusive_redis_xcom.codec.allowlist import load_class, package, registered_module
from exclusive_redis_xcom.codec.kinds import NotCarriedError, qualified_name

#: Packages whose objects this package carries by itself. Airflow's deserializers for them parse Parquet or long
#: numbers.
_OURS = frozenset({"builtins", "datetime", "decimal", "numpy", "pandas", "pendulum", "pydantic", "uuid", "zoneinfo"})


def _check_version(cls: type, version: object) -> None:
    known = getattr(cls, "__version__", 0)
    if type(version) is not int or version > int(known):
        raise ValueError("written by a newer version of the class")


def _header(value: object) -> list[Any]:
    cls = type(value)
    return [qualified_name(cls), int(getattr(cls, "__version__", 0))]


def enum_children(value: enum.Enum) -> list[Any]:
    """Return class, name, value. A combination of flags has no name of its own."""
    is_flag = isinstance(value, enum.Flag)
    return [qualified_name(type(value)), None if is_flag else value.name, value.value if is_flag else None]


def build_enum(children: list[Any]) -> enum.Enum:
    """Reverse `enum_children`."""
    name, member, value = children
    cls = load_class(name)
    if not issubclass(cls, enum.Enum):
        raise TypeError("not an enum")
    return cls(value) if issubclass(cls, enum.Flag) else cls[member]


def namedtuple_children(value: tuple[Any, ...]) -> list[Any]:
    """Return class, items."""
    return [qualified_name(type(value)), *value]


def build_namedtuple(children: list[Any]) -> tuple[Any, ...]:
    """Reverse `namedtuple_children`."""
    cls = load_class(children[0])
    if not issubclass(cls, tuple):
        raise TypeError("not a namedtuple")
    made: tuple[Any, ...] = cls._make(children[1:])  # type: ignore[attr-defined]
    return made


def dataclass_children(value: Any) -> list[Any]:
    """Return class, version, {constructor argument: value}, {other field: value}."""
    fields = dataclasses.fields(value)
    arguments = {f.name: getattr(value, f.name) for f in fields if f.init}
    others = {f.name: getattr(value, f.name) for f in fields if not f.init and hasattr(value, f.name)}
    return [*_header(value), arguments, others]


def build_dataclass(children: list[Any]) -> Any:
    """Reverse `dataclass_children`."""
    name, version, arguments, others = children
    cls = load_class(name)
    if not dataclasses.is_dataclass(cls):
        raise TypeError("not a dataclass")
    _check_version(cls, version)
    return _with_fields(cls(**arguments), others, {f.name for f in dataclasses.fields(cls) if not f.init})


def attrs_children(value: Any) -> list[Any]:
    """Return class, version, {constructor argument: value}, {other field: value}."""
    fields = package("attr").fields(type(value))
    arguments = {f.alias: getattr(value, f.name) for f in fields if f.init}
    others = {f.name: getattr(value, f.name) for f in fields if not f.init and hasattr(value, f.name)}
    return [*_header(value), arguments, others]


def build_attrs(children: list[Any]) -> Any:
    """Reverse `attrs_children`."""
    name, version, arguments, others = children
    cls = load_class(name)
    attr = package("attr")
    if not attr.has(cls):  # checked before anything is called: the allow list permits all of Airflow's classes
        raise TypeError("not an attrs class")
    _check_version(cls, version)
    return _with_fields(cls(**arguments), others, {f.name for f in attr.fields(cls) if not f.init})


def _with_fields(value: Any, fields: dict[str, Any], known: set[str]) -> Any:
    if not fields.keys() <= known:
        raise ValueError("no such field")
    for name, content in fields.items():
        object.__setattr__(value, name, content)  # The __init__ of a frozen class does the same.
    return value


def own_protocol_children(value: Any) -> list[Any]:
    """Return class, version, and what the object's own `serialize()` returns (Airflow's protocol for classes)."""
    return [*_header(value), value.serialize()]


def registered_children(value: Any) -> list[Any]:
    """Return class, version, and data from the serializer that Airflow registered (for Delta Lake, Iceberg...)."""
    module = registered_module(qualified_name(type(value)), "_serializers")
    data, name, version, done = module.serialize(value)
    if not done:
        raise NotCarriedError
    return [name, version, data]


def has_registered_serializer(value: object) -> bool:
    """Return whether Airflow has a serializer for the class that this package does not replace."""
    name = qualified_name(type(value))
    return name.partition(".")[0] not in _OURS and registered_module(name, "_serializers") is not None


def build_by_airflow(children: list[Any]) -> Any:
    """Reverse `own_protocol_children` and `registered_children`."""
    name, version, data = children
    cls = load_class(name)
    if name.partition(".")[0] in _OURS:
        raise ValueError("carried by this package in another form")
    registered = registered_module(name, "_deserializers")
    if registered is not None:
        return registered.deserialize(cls, version, data)
    return cls.deserialize(data, version)  # type: ignore[attr-defined]
