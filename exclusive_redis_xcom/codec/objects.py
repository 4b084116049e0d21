"""Objects of classes that a payload must name. They come back only where Airflow's allow list permits the class.

A class is named at the push only if its name leads to that very class. Otherwise the object travels as a plain value: a
tuple, the value of an enum member, or a dict. It also comes back like this where the class is gone at the pull.

Each is a tree whose first child is the class name. Dataclasses and attrs classes keep their nested objects; Airflow's
serde turns those into dicts. The constructor runs, so the class's own checks hold against a forged payload. Only fields
that the constructor does not take are set afterwards.
"""

from __future__ import annotations

import builtins
import dataclasses
import enum
import inspect
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.codec.allowlist import is_allowed, load_class, no_class, package, registered_module
from exclusive_redis_xcom.codec.extras import extras_of, set_extras, without_extras
from exclusive_redis_xcom.codec.kinds import NotCarriedError, is_found_by_name, qualified_name
from exclusive_redis_xcom.codec.likeness import changed_names
from exclusive_redis_xcom.errors import ExclusiveXComError, XComNotRebuilt

if TYPE_CHECKING:
    from collections.abc import Callable

#: Packages whose objects this package carries by itself. Airflow's deserializers for them parse Parquet or long
#: numbers.
_OURS = frozenset({"builtins", "datetime", "decimal", "numpy", "pandas", "pendulum", "pydantic", "uuid", "zoneinfo"})

#: Where attrs keeps a hash (`cache_hash=True`). It holds in one process: in another, texts have other hashes.
_HASH_OF_ATTRS = "_attrs_cached_hash"


def rebuilt(cls: type, make: Callable[[], Any]) -> Any:
    """Run the code of a class that makes its object again.

    Raises:
        XComNotRebuilt: That code failed. Its own text may quote the value, so only the type of its error is shown.
    """
    try:
        return make()
    except (ExclusiveXComError, MemoryError):
        raise
    except Exception as problem:
        raise XComNotRebuilt(
            f"{cls.__name__} does not accept what was pushed of it ({type(problem).__name__}).\n"
            f"The value in Redis is whole. The class {qualified_name(cls)} may differ from the pushing task's, or its "
            "own code fails.\n"
            "Let the class accept what was pushed, or clear the producing task."
        ) from None


def _check_version(cls: type, version: object) -> None:
    known = getattr(cls, "__version__", 0)
    if type(version) is not int:
        raise TypeError("not a version")
    if version > int(known):
        raise XComNotRebuilt(
            f"{cls.__name__} is older here ({int(known)}) than where it was pushed ({version}).\n"
            f"These are the versions of {qualified_name(cls)}.\n"
            "Bring the same code to both workers, then clear the pulling task."
        )


def _header(value: object) -> list[Any]:
    cls = type(value)
    return [qualified_name(cls), int(getattr(cls, "__version__", 0))]


def enum_children(value: enum.Enum, can_carry: Callable[[object], bool]) -> list[Any]:
    """Return class, name, [value]; for flags, whose combinations have no names, class, None, value.

    The value is for a pull where the class is gone. None stands for a value that is not carried. Older revisions wrote
    None for every value.
    """
    if isinstance(value, enum.Flag):
        return [qualified_name(type(value)), None, value.value]
    return [qualified_name(type(value)), value.name, [value.value] if can_carry(value.value) else None]


def build_enum(children: list[Any]) -> Any:
    """Reverse `enum_children`."""
    name, member, value = children
    cls = load_class(name)
    if cls is None:
        return _value_of_gone_enum(name, value)
    if not issubclass(cls, enum.Enum):
        raise TypeError("not an enum")
    return rebuilt(cls, lambda: cls(value) if issubclass(cls, enum.Flag) else cls[member])


def _value_of_gone_enum(name: str, value: Any) -> Any:
    if value is None:
        raise no_class(name)
    return value[0] if type(value) is list else value


def namedtuple_children(value: tuple[Any, ...]) -> list[Any]:
    """Return class, items."""
    without_extras(value, "named tuple")
    return [qualified_name(type(value)), *value]


def build_namedtuple(children: list[Any]) -> tuple[Any, ...]:
    """Reverse `namedtuple_children`."""
    cls: Any = load_class(children[0])
    if cls is None:
        return tuple(children[1:])
    if not issubclass(cls, tuple):
        raise TypeError("not a namedtuple")
    made: tuple[Any, ...] = rebuilt(cls, lambda: cls._make(children[1:]))
    return made


def dataclass_children(value: Any, is_plain_data: Callable[[object], bool]) -> list[Any]:
    """Return class, version, {constructor argument: value}, {other field: value}; then {attribute: value} if any."""
    fields = dataclasses.fields(value)
    arguments = {f.name: getattr(value, f.name) for f in fields if f.init}
    others = {f.name: getattr(value, f.name) for f in fields if not f.init and hasattr(value, f.name)}
    extras = extras_of(value, type(value).__dataclass_fields__.keys(), is_plain_data)
    return [*_header(value), arguments, others, *([extras] if extras else [])]


def build_dataclass(children: list[Any]) -> Any:
    """Reverse `dataclass_children`."""
    name, version, arguments, others, *extras = children
    cls = load_class(name)
    if cls is None:
        return fields_of(children)
    if not dataclasses.is_dataclass(cls):
        raise TypeError("not a dataclass")
    _check_version(cls, version)
    all_fields = cls.__dataclass_fields__.keys()  # those of InitVar and ClassVar, too
    settable = {f.name for f in dataclasses.fields(cls) if not f.init}
    stored = {f.name for f in dataclasses.fields(cls) if f.init}

    def make() -> Any:
        made = cls(**arguments)
        require_kept(cls, {name: getattr(made, name) for name in arguments if name in stored}, arguments)
        value = _with_fields(made, others, settable)
        for attributes in extras:
            set_extras(value, attributes, all_fields)
        return value

    return rebuilt(cls, make)


def fields_of(children: list[Any]) -> dict[str, Any]:
    """Return what `dataclass_children` or `attrs_children` returned as one dict of the fields."""
    _, _, *parts = children
    return {name: content for part in parts for name, content in part.items()}


def attrs_children(value: Any, is_plain_data: Callable[[object], bool]) -> list[Any]:
    """Return class, version, {constructor argument: value}, {other field: value}; then {attribute: value} if any."""
    fields = package("attr").fields(type(value))
    arguments = {f.alias: getattr(value, f.name) for f in fields if f.init}
    others = {f.name: getattr(value, f.name) for f in fields if not f.init and hasattr(value, f.name)}
    extras = extras_of(value, {_HASH_OF_ATTRS, *(f.name for f in fields)}, is_plain_data)
    return [*_header(value), arguments, others, *([extras] if extras else [])]


def build_attrs(children: list[Any]) -> Any:
    """Reverse `attrs_children`."""
    name, version, arguments, others, *extras = children
    cls = load_class(name)
    if cls is None:
        return fields_of(children)
    attr = package("attr")
    if not attr.has(cls):  # checked before anything is called: the allow list permits all of Airflow's classes
        raise TypeError("not an attrs class")
    _check_version(cls, version)
    fields = attr.fields(cls)
    settable = {f.name for f in fields if not f.init}

    def make() -> Any:
        made = cls(**arguments)
        require_kept(cls, {f.alias: getattr(made, f.name) for f in fields if f.alias in arguments}, arguments)
        value = _with_fields(made, others, settable)
        for attributes in extras:
            attributes.pop(_HASH_OF_ATTRS, None)  # Earlier revisions wrote it.
            set_extras(value, attributes, {f.name for f in fields})
        return value

    return rebuilt(cls, make)


def require_kept(cls: type, kept: dict[str, Any], arguments: dict[str, Any]) -> None:
    """Raise XComNotRebuilt if a constructor has changed what it was given. It was given what an object had."""
    changed = changed_names(kept, {name: arguments[name] for name in kept})
    if changed:
        raise XComNotRebuilt(
            f"{cls.__name__} changes what was pushed of it (field {changed[0]}).\n"
            f"The value in Redis is whole. The constructor of {qualified_name(cls)} gets what an object has, and makes "
            "something else of it.\n"
            "Let its __post_init__ or converter leave alone what is complete, or give it serialize() and "
            "deserialize(data, version)."
        )


def _with_fields(value: Any, fields: dict[str, Any], known: set[str]) -> Any:
    if not fields.keys() <= known:
        raise AttributeError("no such field")
    for name, content in fields.items():
        object.__setattr__(value, name, content)  # The __init__ of a frozen class does the same.
    return value


def own_protocol_children(value: Any) -> list[Any]:
    """Return class, version, and what the object's own `serialize()` returns (Airflow's protocol for classes)."""
    return [*_header(value), plain_by_protocol(value)]


@lru_cache(maxsize=1024)
def can_be_made_again(cls: Any) -> bool:
    """Return whether a class takes back what its `serialize()` returns, as Airflow's serde would give it."""
    make = getattr(cls, "deserialize", None)
    if make is None:
        return _has_fields(cls)
    try:
        inspect.signature(make).bind({}, 0)
    except TypeError:
        return False  # a `deserialize` of another protocol, which takes no version
    except ValueError:
        pass  # C code that does not tell
    return True


def plain_by_protocol(value: Any) -> Any:
    """Return what `serialize()` returns, with the keys of its dicts as text. Airflow's serde makes text of them."""
    return _with_text_keys(value.serialize())


def _with_text_keys(data: Any) -> Any:
    if isinstance(data, dict):
        return {str(key): _with_text_keys(content) for key, content in data.items()}
    if type(data) in (list, tuple) and any(isinstance(item, (dict, list, tuple)) for item in data):
        return type(data)(map(_with_text_keys, data))
    return data


def registered_children(value: Any) -> list[Any]:
    """Return class, version, and data from the serializer that Airflow registered (for Delta Lake, Iceberg...)."""
    module = registered_module(qualified_name(type(value)), "_serializers")
    data, name, version, done = module.serialize(value)
    if not done:
        raise NotCarriedError
    return [name, version, _with_text_keys(data)]


def has_registered_serializer(value: object) -> bool:
    """Return whether Airflow has a serializer for the class that this package does not replace."""
    name = qualified_name(type(value))
    return name.partition(".")[0] not in _OURS and registered_module(name, "_serializers") is not None


def build_by_airflow(children: list[Any]) -> Any:
    """Reverse `own_protocol_children` and `registered_children`."""
    name, version, data = children
    cls: Any = load_class(name)
    if name.partition(".")[0] in _OURS:
        raise ValueError("carried by this package in another form")
    registered = registered_module(name, "_deserializers")
    if cls is None:
        if registered is not None:  # The data is of Airflow's making, and no plain value.
            raise no_class(name)
        return data
    if registered is not None:
        return rebuilt(cls, lambda: registered.deserialize(cls, version, data))
    if not hasattr(cls, "deserialize") and _has_fields(cls):
        _check_version(cls, version)
        return rebuilt(cls, lambda: cls(**data))
    return rebuilt(cls, lambda: cls.deserialize(data, version))


def _has_fields(cls: type) -> bool:
    return dataclasses.is_dataclass(cls) or package("attr").has(cls)


class ClassKey:
    """Stands for a class that is a key of a dict. Such classes are carried; a class as a value is not."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


def class_key(cls: type) -> ClassKey | str:
    """Return what a class is carried as in the place of a key: as itself, or as text."""
    name = qualified_name(cls)
    return ClassKey(name) if is_found_by_name(cls) and (_is_builtin(name) or is_allowed(name)) else str(cls)


def _is_builtin(name: str) -> bool:
    return "." not in name


def dump_class_key(value: ClassKey) -> bytes:
    """Write the name."""
    return value.name.encode()


def load_class_key(data: bytes) -> type | str:
    """Reverse `dump_class_key`."""
    name = data.decode()
    cls = getattr(builtins, name) if _is_builtin(name) else load_class(name)
    if cls is not None and not isinstance(cls, type):
        raise TypeError("not a class")
    return cls or f"<class '{name}'>"
