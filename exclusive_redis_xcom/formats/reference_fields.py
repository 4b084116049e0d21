"""Strict readers for the fields of a reference. Each returns the value, or raises an error that names the field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from exclusive_redis_xcom.errors import InvalidReference
from exclusive_redis_xcom.formats.seal import Seal, parse_seal
from exclusive_redis_xcom.model import NOT_MAPPED, Coordinate

#: Bounds on what is believed. They are far above what Airflow allows for ids (250 characters).
MAX_TEXT = 2000
MAX_MAP_INDEX = 2**31 - 1
MAX_SIZE = 2**40
_MAX_DIMENSIONS = 32
_TIMES = " x "
_LENGTH = re.compile("0|[1-9][0-9]{0,12}")
#: One whole number as references of one text write it, and several with a space between two.
WHOLE = "(?:0|[1-9][0-9]{0,14})"
NUMBERS = re.compile(f"{WHOLE}(?: {WHOLE})*")

#: How many consumers are shown. An access list has no such bound.
SHOWN_CONSUMERS = 50

_COORDINATE_FIELDS = {"dag_id", "run_id", "task_id", "map_index", "key"}
_OF_INSTANCE_FIELDS = _COORDINATE_FIELDS | {"ti_id"}
_VERSION = re.compile(r"[0-9a-f]{32}")


#: JSON objects are dicts, and only the check of an abstract class takes its time.
OBJECT = (dict, Mapping)


def malformed(name: str) -> InvalidReference:
    """Make the error for a field that no push has written so."""
    return InvalidReference(
        "This XCom row was edited or forged: its reference is malformed.\n"
        f"Field '{name}' is not what exclusive-redis-xcom writes.\n"
        "Clear the producing task, so that it pushes again."
    )


def mapping(value: object, fields: set[str], name: str) -> Mapping[str, Any]:
    """Read an object that has exactly these fields."""
    if not isinstance(value, OBJECT) or value.keys() != fields:
        raise malformed(name)
    return value


def text(value: object, name: str, most: int = MAX_TEXT) -> str:
    """Read a text of at most `most` characters."""
    if not isinstance(value, str) or len(value) > most:
        raise malformed(name)
    return value


def printable(value: object, name: str, most: int) -> str:
    """Read a text for people: one line without characters that turn or hide text on a screen."""
    if not isinstance(value, str) or len(value) > most or not value.isprintable():
        raise malformed(name)
    return value


def integer(value: object, name: str, low: int, high: int) -> int:
    """Read a whole number from `low` to `high`."""
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise malformed(name)
    return value


def size(value: object, name: str) -> int:
    """Read a number of bytes."""
    return integer(value, name, 0, MAX_SIZE)


def map_index(value: object, name: str) -> int:
    """Read a map index; -1 is that of a task that is not mapped."""
    return integer(value, name, NOT_MAPPED, MAX_MAP_INDEX)


def shape(value: object, name: str) -> tuple[int, ...]:
    """Read what `shown_shape` returns."""
    return lengths(text(value, name).split(_TIMES), name)


def lengths(texts: list[str], name: str) -> tuple[int, ...]:
    """Read the length of each dimension."""
    if len(texts) > _MAX_DIMENSIONS or not all(_LENGTH.fullmatch(length) for length in texts):
        raise malformed(name)
    return tuple(integer(int(length), name, 0, MAX_SIZE) for length in texts)


def shown_shape(shape: tuple[int, ...]) -> str:
    """Return the length of each dimension, as "1000 x 3". A list would take a line of the XCom tab for each item."""
    return _TIMES.join(map(str, shape))


def time(value: object, name: str) -> datetime:
    """Read a time in ISO 8601 with its offset. The result is in UTC."""
    try:
        found = datetime.fromisoformat(text(value, name))
    except ValueError:
        raise malformed(name) from None
    if found.tzinfo is None:
        raise malformed(name)
    if found.tzinfo is timezone.utc:
        return found  # as pushes write it
    try:
        return found.astimezone(timezone.utc)
    except OverflowError:
        raise malformed(name) from None


def version(value: object, name: str) -> str:
    """Read the version id of a push."""
    if not isinstance(value, str) or not _VERSION.fullmatch(value):
        raise malformed(name)
    return value


def coordinate(value: object) -> Coordinate:
    """Read a coordinate."""
    of_instance = isinstance(value, OBJECT) and "ti_id" in value
    body = mapping(value, _OF_INSTANCE_FIELDS if of_instance else _COORDINATE_FIELDS, "coordinate")
    return Coordinate(
        text(body["dag_id"], "coordinate.dag_id"),
        text(body["run_id"], "coordinate.run_id"),
        text(body["task_id"], "coordinate.task_id"),
        text(body["key"], "coordinate.key"),
        map_index(body["map_index"], "coordinate.map_index"),
        text(body["ti_id"], "coordinate.ti_id") if of_instance else None,
    )


def coordinate_json(at: Coordinate) -> dict[str, Any]:
    """Return what `coordinate` reads."""
    instance = {} if at.ti_id is None else {"ti_id": at.ti_id}
    return {
        "dag_id": at.dag_id,
        "run_id": at.run_id,
        "task_id": at.task_id,
        "map_index": at.map_index,
        "key": at.key,
        **instance,
    }


def consumers(value: object, name: str) -> list[object]:
    """Read the list that `shown_consumers` returns. Its items are not checked."""
    if not isinstance(value, list) or len(value) > SHOWN_CONSUMERS + 1:
        raise malformed(name)
    return value


def shown_consumers(names: tuple[str, ...]) -> list[str]:
    """Return the first consumers, and how many more there are."""
    hidden = len(names) - SHOWN_CONSUMERS
    return [*names[:SHOWN_CONSUMERS], f"... and {hidden} more"] if hidden > 0 else list(names)


def seal(value: object) -> Seal:
    """Read a seal of any form."""
    try:
        return parse_seal(value)
    except ValueError:
        raise malformed("seal") from None
