"""Plugs: how objects of other libraries are carried. `register` adds one.

A plug takes an object apart into values that are carried already, and puts it together again. Plugs are asked last:
they carry only what nothing else here carries. A payload holds the name of a plug. At the pull, that name alone counts.

Plugs are found by package, and only when an object of that package is pushed or pulled:

- the plugs of this package (`BUILT_IN`)
- the entry points of the group `exclusive_redis_xcom.codec`. The name of an entry point is the package.
- `register`, called by code that has run in this process, such as a DAG file
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from exclusive_redis_xcom.codec.kinds import NotCarriedError, is_found_by_name, qualified_name
from exclusive_redis_xcom.errors import ExclusiveXComError, XComNotImportable, XComNotRebuilt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from importlib.metadata import EntryPoint

T = TypeVar("T")

#: The group of entry points that name modules with plugs.
GROUP = "exclusive_redis_xcom.codec"
#: The packages whose plugs come with this package, and the modules that register them.
BUILT_IN = {
    "PIL": "exclusive_redis_xcom.codec.libraries.pillow",
    "geopandas": "exclusive_redis_xcom.codec.libraries.geopandas",
    "msgspec": "exclusive_redis_xcom.codec.libraries.msgspec",
    "scipy": "exclusive_redis_xcom.codec.libraries.scipy",
    "shapely": "exclusive_redis_xcom.codec.libraries.shapely",
    "xarray": "exclusive_redis_xcom.codec.libraries.xarray",
}

_NAME = r"[A-Za-z_]\w{0,99}(\.\w{1,100}){1,5}"


class Plug(NamedTuple):
    """How objects of one or several classes are carried; `register` describes the fields."""

    name: str
    types: tuple[str, ...]
    encode: Callable[[Any], Any]
    decode: Callable[[Any, int], Any]
    version: int
    subclasses: bool

    @property
    def package(self) -> str:
        """The package whose objects this plug carries."""
        return self.name.partition(".")[0]

    @property
    def origin(self) -> tuple[str, str]:
        """The module and name of `encode`. A module that runs again registers its plugs again."""
        return self.encode.__module__, self.encode.__qualname__


_by_name: dict[str, Plug] = {}
_by_type: dict[str, Plug] = {}
_looked_up: set[str] = set()


def register(
    name: str,
    types: type[T] | str | Iterable[type[T] | str],
    *,
    encode: Callable[[T], Any],
    decode: Callable[[Any, int], T],
    version: int = 1,
    subclasses: bool = False,
) -> None:
    """Let XComs carry objects of a class that they do not carry by themselves.

    Call it where both tasks get it: at the top of a module that the DAG file imports, or in an entry point's module.
    The entry point's group is `exclusive_redis_xcom.codec`, and its name is the package of the classes.

    Args:
        name: The plug's name: the package of the classes, a dot, and a word of yours: `acme.matrix`. Values in Redis
            hold this name, so keep it.
        types: The classes, or their names (`module.Class`). A name imports nothing.
        encode: Returns what an object is made of: any value that an XCom carries. It raises `NotCarriedError` for an
            object that would lose something.
        decode: Makes the object again. It gets what `encode` returned, and the version of the plug at the push. Anyone
            who can write to Redis chooses both: check them, and import nothing that they name.
        version: The version of what `encode` returns, from 1 up. Raise it when that changes. A pull by an older version
            raises `XComNotRebuilt`.
        subclasses: Whether objects of subclasses are carried, too. `encode` then sees to it that nothing of theirs is
            lost.

    Raises:
        ValueError: The name is not well-formed. Or another plug has it, or one of the classes. Or a class is always
            carried in another way.
    """
    classes = [types] if isinstance(types, (type, str)) else list(types)
    names = tuple(qualified_name(cls) if isinstance(cls, type) else cls for cls in classes)
    plug = Plug(name, names, encode, decode, version, subclasses)
    _require_well_formed(plug, [cls for cls in classes if isinstance(cls, type)])
    if encode.__module__ != BUILT_IN.get(plug.package):
        _load_built_in(plug.package)
    _require_free(plug)
    old = _by_name.get(name)
    for cls in old.types if old else ():
        del _by_type[cls]
    _by_name[name] = plug
    _by_type.update(dict.fromkeys(names, plug))


def _require_well_formed(plug: Plug, classes: list[type]) -> None:
    if not _is_name(plug.name):
        raise ValueError(f"{plug.name!r} is not the name of a plug. Write a package, a dot and a word: 'acme.matrix'.")
    if type(plug.version) is not int or plug.version < 1:
        raise ValueError(f"The version of plug '{plug.name}' is not a number from 1 up.")
    if not plug.types:
        raise ValueError(f"The plug '{plug.name}' has no types.")
    for cls in plug.types:
        if cls.partition(".")[0] != plug.package:
            raise ValueError(
                f"The plug '{plug.name}' carries {cls}.\n"
                "The first word of its name must be the package of its classes. "
                f"Name it '{cls.partition('.')[0]}.{plug.name.partition('.')[2]}'."
            )
    for known in classes:
        if issubclass(known, (int, float, str, list, dict)):
            raise ValueError(
                f"The plug '{plug.name}' would never be asked.\n"
                f"{qualified_name(known)} is a subclass of a builtin type, and is always carried as that type."
            )


def _is_name(text: str) -> bool:
    return re.fullmatch(_NAME, text, re.ASCII) is not None


def _require_free(plug: Plug) -> None:
    others = [_by_name.get(plug.name), *map(_by_type.get, plug.types)]
    for other in others:
        if other is not None and (other.name, other.origin) != (plug.name, plug.origin):
            raise ValueError(
                f"The plug '{other.name}' is registered already.\nThe function {'.'.join(other.origin)} belongs to it. "
                "Give your plug another name and other classes."
            )


def built_in_plug_of(value: object) -> Plug | None:
    """Return this package's own plug for the class of an object. No entry point is read."""
    cls = type(value)
    package = cls.__module__.partition(".")[0]
    if package not in BUILT_IN:
        return None
    _load_built_in(package)
    return _by_type.get(qualified_name(cls)) if is_found_by_name(cls) else None


def plug_of(value: object) -> Plug | None:
    """Return the plug that carries an object.

    Raises:
        XComNotImportable: A module with plugs of that package fails.
    """
    classes = type(value).__mro__[:-1]
    for package in dict.fromkeys(cls.__module__.partition(".")[0] for cls in classes):
        _load(package)
    for cls in classes:
        plug = _by_type.get(qualified_name(cls))
        if plug is not None and is_found_by_name(cls):
            return plug if cls is type(value) or plug.subclasses else None
    return None


def children(value: object) -> list[Any]:
    """Return the name of the plug, its version, and what its `encode` returns."""
    plug = plug_of(value)
    if plug is None:
        raise NotCarriedError
    return [plug.name, plug.version, plug.encode(value)]


def build(parts: list[Any]) -> Any:
    """Reverse `children`.

    Raises:
        XComNotImportable: This process has no such plug.
        XComNotRebuilt: The plug is older than what was pushed, or its `decode` failed.
    """
    name, version, data = parts
    plug = _by_name_of_payload(name)
    if type(version) is not int or version < 1:
        raise ValueError("not a version")
    if version > plug.version:
        raise XComNotRebuilt(
            f"The plug '{name}' is older here ({plug.version}) than where it pushed ({version}).\n"
            "Bring the same code to both workers, then clear the pulling task."
        )
    try:
        return plug.decode(data, version)
    except (ExclusiveXComError, MemoryError):
        raise
    except Exception as problem:  # Its own text may quote the value.
        raise XComNotRebuilt(
            f"The plug '{name}' cannot rebuild the value ({type(problem).__name__}).\n"
            f"Its function {'.'.join((plug.decode.__module__, plug.decode.__qualname__))} fails with what was pushed.\n"
            "Bring the same code and the same library to both workers, or clear the producing task."
        ) from None


def _by_name_of_payload(name: object) -> Plug:
    if not isinstance(name, str) or not _is_name(name):
        raise ValueError("not the name of a plug")
    _load(name.partition(".")[0])
    plug = _by_name.get(name)
    if plug is None:
        raise XComNotImportable(
            f"The value needs the codec plug '{name}', which is not here.\n"
            f"No entry point of group {GROUP} and no imported module has registered it.\n"
            "Install the package that registers it on this worker, or register it in the pulling task's DAG file."
        )
    return plug


def _load(package: str) -> None:
    """Load the plugs of a package. Only names of `BUILT_IN` and of installed entry points lead to an import."""
    if package in _looked_up:
        return
    _load_built_in(package)
    for point in _entry_points():
        if point.name == package:
            _load_entry_point(point)
    if len(_looked_up) < 10_000:  # a payload may name any number of packages
        _looked_up.add(package)


def _load_built_in(package: str) -> None:
    if package in BUILT_IN:
        import_module(BUILT_IN[package])


@lru_cache(maxsize=1)
def _entry_points() -> tuple[EntryPoint, ...]:
    from importlib import metadata  # 60 ms, and 60 ms for the search: only for a type that nothing else here carries

    return tuple(metadata.entry_points(group=GROUP))


def _load_entry_point(point: EntryPoint) -> None:
    try:
        point.load()
    except Exception as problem:
        raise XComNotImportable(
            f"The codec plugs of {point.name} cannot be loaded ({type(problem).__name__}).\n"
            f"The entry point {point.value} of group {GROUP} fails here.\n"
            "Mend or reinstall the package that has it."
        ) from None
