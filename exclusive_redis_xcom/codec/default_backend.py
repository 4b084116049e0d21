"""What comes back otherwise than from Airflow's default backend, which makes plainer values of some types.

A DAG that relies on the plainer value may break: `{{ ti.xcom_pull('a')['1'] }}` finds nothing in `{1: "x"}`. This
search says so, without the value. It looks at a bounded number of items. What the default backend refuses is no change.
"""

from __future__ import annotations

import dataclasses
import enum
from collections import Counter, OrderedDict, defaultdict
from datetime import timedelta
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.codec import models
from exclusive_redis_xcom.codec.extras import state_beside
from exclusive_redis_xcom.codec.kinds import Substitute
from exclusive_redis_xcom.codec.paths import field_step, key_step
from exclusive_redis_xcom.codec.registry import PLAIN, as_key, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: How much the search looks at.
MOST_ITEMS = 100  # of one container
MOST_OBJECTS = 2000
#: How many differences are named. Of each kind of difference, only the first is.
MOST_NAMED = 5

_CARRIED_AS_DICT = (OrderedDict, Counter, defaultdict)
_JSON = frozenset({type(None), bool, int, float, str, list, dict})
_SEQUENCES = frozenset({list, tuple, set, frozenset})

Found = tuple[str, str]
Waiting = tuple[str, Any, bool]


def differences(value: object) -> list[str]:
    """Return lines such as `['a'][1]: an int key; the default gives text`.

    Args:
        value: A value that is pushed. It is not changed, and no part of it is in the lines but names of its fields.
    """
    named: dict[str, str] = {}
    waiting: list[Waiting] = [("", value, False)]
    looked_at = 0
    while waiting and looked_at < MOST_OBJECTS and len(named) < MOST_NAMED:
        path, part, in_dataclass = waiting.pop()
        looked_at += 1
        if type(part) in PLAIN:
            continue
        for where, what in _of_itself(path, part, in_dataclass):
            named.setdefault(what, where)
        inner = islice(_parts(path, part, in_dataclass), MOST_ITEMS)
        waiting.extend(reversed([one for one in inner if type(one[1]) not in PLAIN]))
    return [f"{path or 'The value'}: {what}" for what, path in list(named.items())[:MOST_NAMED]]


def _becomes(value: object, plain: str) -> str:
    return f"of type {type(value).__name__}; the default gives {plain}"


def _of_itself(path: str, value: Any, in_dataclass: bool) -> Iterator[Found]:
    """Find how a value itself would come back from the default backend, without its parts."""
    if isinstance(value, dict):
        yield from _of_dict(path, value)
    elif isinstance(value, enum.Enum):
        if isinstance(value, (str, int, float)) and not isinstance(kind_of(value), Substitute):
            yield path, _becomes(value, "its value")
    elif isinstance(value, tuple):
        if type(value) is not tuple and not isinstance(kind_of(value), Substitute):
            yield path, _becomes(value, "a tuple")
    elif dataclasses.is_dataclass(value):
        if in_dataclass:
            yield path, "a dataclass in a dataclass; the default gives a dict"
        yield from _beside(path, value, value.__dataclass_fields__.keys())
    else:
        for cls, find in _BY_TYPE:
            if cls(value):
                yield from find(path, value)
                break


def _of_dict(path: str, value: dict[Any, Any]) -> Iterator[Found]:
    if type(value) in _CARRIED_AS_DICT and not isinstance(kind_of(value), Substitute):
        yield path, _becomes(value, "a dict")
    for key in islice(value, MOST_ITEMS):
        if type(key) is not str and as_key(key) is key:
            article = "an" if type(key).__name__[0] in "aeiouAEIOU" else "a"
            yield path + key_step(key), f"{article} {type(key).__name__} key; the default gives text"


def _beside(path: str, value: Any, fields: Any) -> Iterator[Found]:
    for name in state_beside(value, fields):
        yield path + field_step(name), "no field of its class; the default drops it"


def _of_decimal(path: str, value: Decimal) -> Iterator[Found]:
    exponent = value.as_tuple().exponent
    plain = Decimal(int(value)) if isinstance(exponent, int) and exponent >= 0 else Decimal(str(float(value)))
    if str(plain) != str(value):
        yield path, "a Decimal; the default gives one with other digits"


def _of_timedelta(path: str, value: timedelta) -> Iterator[Found]:
    if timedelta(seconds=value.total_seconds()) != value:
        yield path, "a long timedelta; the default rounds it"


def _of_attrs(path: str, value: Any) -> Iterator[Found]:
    yield from _beside(path, value, {field.name for field in type(value).__attrs_attrs__})


def _of_model(path: str, value: Any) -> Iterator[Found]:
    for name, content in value.__dict__.items():
        field = type(value).model_fields.get(name)
        if type(content).__name__ in ("SecretStr", "SecretBytes"):
            yield path + field_step(name), f"of type {type(content).__name__}; the default gives asterisks"
        elif field is not None and field.annotation is Any and type(content) not in _JSON:
            yield (
                path + field_step(name),
                f"of type {type(content).__name__} in a field of type Any; the default gives JSON",
            )
    for name, content in (value.__pydantic_private__ or {}).items():
        if content != value.__private_attributes__[name].get_default():
            yield path + field_step(name), "a private attribute; the default drops it"


def _of_frame(path: str, frame: Any) -> Iterator[Found]:
    if getattr(frame.index, "freq", None) is not None:
        yield f"{path}.index", "an index with a frequency; the default drops the frequency"
    for position in range(min(frame.shape[1], MOST_ITEMS)):
        column = frame.iloc[:MOST_ITEMS, position]
        if column.dtype != object:
            continue
        types = set(map(type, column))
        where = path + key_step(frame.columns[position])
        if types & {list, tuple}:
            yield where, "lists or tuples in a column; the default gives arrays"
        elif types & {set, frozenset}:
            yield where, "sets in a column; the default gives arrays"
        elif dict in types:
            yield where, "dicts in a column; the default gives each of them all keys"
        elif types <= {int, float, type(None)} and types & {int, float}:
            yield where, "numbers in a column of objects; the default gives a column of numbers"


def _is(name: str) -> Callable[[object], bool]:
    package, _, last = name.partition(".")
    return lambda value: type(value).__name__ == last and type(value).__module__.partition(".")[0] == package


_BY_TYPE: tuple[tuple[Callable[[object], bool], Callable[[str, Any], Iterator[Found]]], ...] = (
    (lambda value: type(value) is Decimal, _of_decimal),
    (lambda value: type(value) is timedelta, _of_timedelta),
    (_is("numpy.str_"), lambda path, value: iter([(path, _becomes(value, "a str"))])),
    (models.is_model, _of_model),
    (_is("pandas.DataFrame"), _of_frame),
    (lambda value: hasattr(type(value), "__attrs_attrs__"), _of_attrs),
)


def _parts(path: str, value: Any, in_dataclass: bool) -> Iterator[Waiting]:
    """Yield the values that a value holds, each with its path, and whether it lies in the field of a dataclass."""
    if isinstance(value, dict):
        for key, content in value.items():
            yield path + key_step(key), content, in_dataclass
    elif type(value) in _SEQUENCES or isinstance(value, list):
        for position, item in enumerate(value):
            yield path + (f"[{position}]" if isinstance(value, (list, tuple)) else "{...}"), item, in_dataclass
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        for name, item in zip(value._fields, value, strict=False):
            yield path + field_step(name), item, in_dataclass
    elif not isinstance(value, type) and not hasattr(value, "serialize"):
        is_dataclass = dataclasses.is_dataclass(value)
        for name in _fields(value):
            yield path + field_step(name), getattr(value, name, None), is_dataclass


def _fields(value: Any) -> list[str]:
    """Return the names of an object's fields that hold more to look at."""
    if dataclasses.is_dataclass(value):
        return [field.name for field in dataclasses.fields(value)]
    if models.is_model(value):
        # Only models in it: the default carries other fields in the form that their annotations ask for.
        return [name for name, content in value.__dict__.items() if models.is_model(content)]
    return [field.name for field in getattr(type(value), "__attrs_attrs__", ())]
