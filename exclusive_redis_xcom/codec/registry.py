"""The one table of kinds. `kind_of` finds the kind that carries an object.

| code | kind                          | code | kind                                |
|------|-------------------------------|------|-------------------------------------|
| 1    | step of the flat form         | 40   | enum member                         |
| 10   | tuple                         | 41   | namedtuple                          |
| 11   | set                           | 42   | dataclass                           |
| 12   | frozenset                     | 43   | attrs object                        |
| 13   | dict with other keys than str | 44   | pydantic model                      |
| 14   | OrderedDict                   | 45   | object with `serialize()`           |
| 15   | Counter                       | 46   | object Airflow has a serializer for |
| 16   | deque                         | 50   | NumPy scalar                        |
| 17   | defaultdict                   | 51   | NumPy array                         |
| 18   | list (flat form only)         | 52   | NumPy array of objects              |
| 19   | list of tuples                | 53   | NumPy array, its dtype has metadata |
|      |                               | 60   | pandas array                        |
| 20   | int beyond 64 bits            | 61   | pandas Index                        |
| 21   | str with lone surrogates      | 62   | pandas Series                       |
| 22   | bytearray                     | 63   | pandas DataFrame                    |
| 23   | Decimal                       | 64   | pandas Timestamp                    |
| 24   | UUID                          | 65   | pandas Timedelta                    |
| 25   | large bytes                   | 66   | pandas NaT, NA                      |
| 26   | path                          |      |                                     |
| 27   | IP address, network, interface|      |                                     |
| 28   | class as a dict key           | 47   | object of a plug (`plugs.py`)       |
| 30   | datetime                      |      |                                     |
| 31   | date                          |      |                                     |
| 32   | time                          |      |                                     |
| 33   | timedelta                     | 70   | pyarrow Table                       |
| 34   | time zone                     | 71   | pyarrow RecordBatch                 |
|      |                               | 72   | pyarrow ChunkedArray                |
|      |                               | 73   | pyarrow Array                       |
|      |                               | 74   | polars DataFrame                    |
|      |                               | 75   | polars Series                       |

None, bool, int, float, str, bytes, list and dict are msgpack's own types. Redis holds codes: add new ones, but never
renumber or reuse one.
"""

from __future__ import annotations

import enum
from collections import Counter, OrderedDict, defaultdict, deque
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from exclusive_redis_xcom.codec import containers, library_kinds, models, moments, objects, plugs, scalars, stand_ins
from exclusive_redis_xcom.codec.allowlist import is_allowed
from exclusive_redis_xcom.codec.extras import without_extras
from exclusive_redis_xcom.codec.kinds import (
    Bulk,
    Kind,
    Leaf,
    NotCarriedError,
    Substitute,
    Tree,
    is_found_by_name,
    qualified_name,
)
from exclusive_redis_xcom.codec.library_kinds import library_kind
from exclusive_redis_xcom.codec.object_forms import form_of, is_kept
from exclusive_redis_xcom.codec.objects import ClassKey
from exclusive_redis_xcom.codec.stand_ins import LargeBytes, Rows

if TYPE_CHECKING:
    from collections.abc import Callable

#: The extension type of a step of the flat form (`flat.py`).
STEP = 1


def _can_carry(value: object, *, objects_too: bool = True) -> bool:
    """Return whether everything in a value is carried. Nested models are not searched: they ask this themselves."""
    if type(value) in PLAIN:
        return True
    seen: dict[int, object] = {}  # holds the objects, so that no other object gets the same id
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if type(value) in PLAIN or id(value) in seen:
            continue
        kind = kind_of(value)
        if kind is None or (not objects_too and kind in _WITH_FIELDS):
            return False
        try:
            if isinstance(kind, Substitute):
                waiting.append(kind.plain(value))
            if isinstance(kind, Tree) and kind is not MODEL:
                seen[id(value)] = value
                waiting.extend(kind.children(value))
        except NotCarriedError:
            return False
    return True


def _is_plain_data(value: object) -> bool:
    """Return whether a value is carried, and holds no object that has fields. So it does not lead back to its owner."""
    return _can_carry(value, objects_too=False)


def _pairs(value: Any) -> list[Any]:
    if _ALWAYS_CARRIED.issuperset(map(type, value)):
        return containers.pairs(value)
    return containers.pairs_as(value, as_key)


def _pairs_alone(value: Any) -> list[Any]:
    without_extras(value, type(value).__name__)
    return _pairs(value)


def _items_of_set(value: Any) -> list[Any]:
    if not _ALWAYS_CARRIED.issuperset(map(type, value)) and any(map(_becomes_dict, value)):
        raise NotCarriedError(
            "A class in it was made at run time. Its objects come back as dicts, and no set holds dicts.",
            "Push a list, or define the class in a module.",
        )
    return list(value)


def _becomes_dict(value: object) -> bool:
    kind = kind_of(value)
    return isinstance(kind, Substitute) and kind in _AS_FIELDS.values()


PLAIN = frozenset({type(None), bool, int, float, str, bytes})

TUPLE = Tree(10, list, tuple)
DICT = Tree(13, _pairs, containers.build_dict)
LIST = Tree(18, list, list)
BIG_INT = Leaf(20, scalars.dump_int, scalars.load_int)
TEXT = Leaf(21, scalars.dump_text, scalars.load_text)
LARGE_BYTES = Bulk(25, stand_ins.dump_large_bytes, stand_ins.load_bytes)
_ENUM = Tree(40, lambda value: objects.enum_children(value, _can_carry), objects.build_enum)
_NAMEDTUPLE = Tree(41, objects.namedtuple_children, objects.build_namedtuple)
_DATACLASS = Tree(42, lambda value: objects.dataclass_children(value, _is_plain_data), objects.build_dataclass)
_ATTRS = Tree(43, lambda value: objects.attrs_children(value, _is_plain_data), objects.build_attrs)
MODEL = Tree(44, lambda value: models.model_children(value, _can_carry, _is_plain_data), models.build_model)
_OWN_PROTOCOL = Tree(45, objects.own_protocol_children, objects.build_by_airflow)
_REGISTERED = Tree(46, objects.registered_children, objects.build_by_airflow)
_PLUGGED = Tree(47, plugs.children, plugs.build)
_DEFAULTDICT = Tree(17, lambda value: containers.defaultdict_children(value, _pairs), containers.build_defaultdict)

_BY_TYPE: dict[type, Kind] = {
    list: LIST,
    dict: DICT,
    tuple: TUPLE,
    set: Tree(11, _items_of_set, set),
    frozenset: Tree(12, _items_of_set, frozenset),
    OrderedDict: Tree(14, _pairs_alone, containers.build_ordered_dict),
    Counter: Tree(15, _pairs_alone, containers.build_counter),
    deque: Tree(16, containers.deque_children, containers.build_deque),
    int: BIG_INT,
    str: TEXT,
    Rows: Tree(19, stand_ins.rows_children, stand_ins.build_rows),
    LargeBytes: LARGE_BYTES,
    ClassKey: Leaf(28, objects.dump_class_key, objects.load_class_key),
    bytearray: Bulk(22, scalars.dump_bytearray, scalars.load_bytearray),
    Decimal: Leaf(23, scalars.dump_decimal, scalars.load_decimal),
    UUID: Leaf(24, scalars.dump_uuid, scalars.load_uuid),
    datetime: library_kinds.DATETIME,
    date: library_kinds.DATE,
    time: library_kinds.TIME,
    timedelta: Leaf(33, moments.dump_timedelta, moments.load_timedelta),
    timezone: library_kinds.ZONE,
    ZoneInfo: library_kinds.ZONE,
}

#: Types of dict keys and of a set's items that need no second look.
_ALWAYS_CARRIED = PLAIN | {cls for cls, kind in _BY_TYPE.items() if isinstance(kind, Leaf)}

#: The kinds of objects, by their forms.
_BY_FORM: dict[str, Kind] = {
    "model": MODEL,
    "registered": _REGISTERED,
    "own protocol": _OWN_PROTOCOL,
    "dataclass": _DATACLASS,
    "attrs": _ATTRS,
    "zone": library_kinds.ZONE,
}
_OBJECTS = (_ENUM, _NAMEDTUPLE, _DATACLASS, _ATTRS, MODEL, _OWN_PROTOCOL, _REGISTERED)

#: Every kind by its code.
BY_CODE: dict[int, Leaf | Bulk | Tree] = {
    kind.code: kind
    for kind in (
        *_BY_TYPE.values(),
        *library_kinds.KINDS,
        *_OBJECTS,
        _DEFAULTDICT,
        _PLUGGED,
    )
    if not isinstance(kind, Substitute)
}


def _as_base(base: Any, make: Callable[[Any], Any]) -> Substitute:
    def plain(value: Any) -> Any:
        without_extras(value, base.__name__)
        return make(value)

    return Substitute(plain)


_AS_LIST = _as_base(list, list)
_AS_DICT = _as_base(dict, containers.plain_dict)
_AS_TUPLE = _as_base(tuple, tuple)
_AS_ENUM_VALUE = Substitute(lambda member: member.value)
#: How objects travel whose class cannot be named.
_AS_FIELDS: dict[Kind, Substitute] = {
    _DATACLASS: Substitute(lambda value: objects.fields_of(_DATACLASS.children(value))),
    _ATTRS: Substitute(lambda value: objects.fields_of(_ATTRS.children(value))),
    MODEL: Substitute(lambda value: models.plain_model(value, _can_carry)),
    _OWN_PROTOCOL: Substitute(objects.plain_by_protocol),
}
#: Kinds of objects that have fields, and may have more state beside them.
_WITH_FIELDS = frozenset({_DATACLASS, _ATTRS, MODEL, _OWN_PROTOCOL, _REGISTERED, _PLUGGED, *_AS_FIELDS.values()})
# These are methods of the base class: a subclass may change what int(), float() and str() return.
_AS_INT = _as_base(int, int.__int__)
_AS_FLOAT = _as_base(float, float.__float__)
_AS_STR = _as_base(str, str.__str__)


def kind_of(value: object) -> Kind | None:
    """Return the kind that carries an object; None if no kind does.

    Exact types come first. Then the order is that of Airflow's serde (`serialize`): list and dict, registered
    serializers, primitives, the object's own `serialize`, dataclass, attrs. Plugs come last.

    Raises:
        XComNotImportable: The plugs of its package cannot be loaded.
    """
    exact = _BY_TYPE.get(type(value))
    if exact is not None:
        return exact
    if type(value).__module__.partition(".")[0] in library_kinds.WITH_OTHER_PROTOCOLS:
        return library_kind(value)
    return (
        library_kind(value)
        or _builtin_subclass_kind(value)
        or _object_kind(value)
        or (_PLUGGED if plugs.plug_of(value) else None)
    )


def _builtin_subclass_kind(value: object) -> Kind | None:
    if isinstance(value, list):
        return _AS_LIST
    if isinstance(value, dict):
        return _dict_kind(value)
    if isinstance(value, enum.Enum):
        as_airflow = isinstance(value, (int, float, str)) and not is_allowed(qualified_name(type(value)))
        return _AS_ENUM_VALUE if as_airflow or not is_found_by_name(type(value)) else _ENUM
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return _NAMEDTUPLE if hasattr(value, "_make") and is_kept(type(value)) else _AS_TUPLE
    for base, kind in ((int, _AS_INT), (float, _AS_FLOAT), (str, _AS_STR)):
        if isinstance(value, base):
            return kind
    return None


def _dict_kind(value: dict[Any, Any]) -> Kind:
    if plugs.built_in_plug_of(value):  # scipy's dictionaries of keys
        return _PLUGGED
    named = isinstance(value, defaultdict) and type(value) is defaultdict and containers.has_named_factory(value)
    return _DEFAULTDICT if named else _AS_DICT


def _object_kind(value: object) -> Kind | None:
    kind = _BY_FORM.get(form_of(value) or "")
    if kind is None or is_found_by_name(type(value)):
        return kind
    return _AS_FIELDS.get(kind, kind)


def as_key(key: Any) -> Any:
    """Return what a dict key is carried as: itself, or its text, which Airflow's default backend makes of all keys."""
    if isinstance(key, type):
        return objects.class_key(key)
    return key if _is_carried_as_key(key) else str(key)


def _is_carried_as_key(key: Any) -> bool:
    """Return whether a key comes back here, and as something that can be a key. A plain dict cannot be one."""
    waiting = [key]
    while waiting:
        item = waiting.pop()
        if type(item) in PLAIN:
            continue
        kind = kind_of(item)
        if isinstance(kind, Substitute):
            waiting.append(kind.plain(item))
        elif kind in (TUPLE, _BY_TYPE[frozenset]):
            waiting.extend(item)
        elif kind in _OBJECTS:
            if not (is_kept(type(item)) and _can_carry(item)):
                return False
        elif not isinstance(kind, Leaf):
            return False
    return True
