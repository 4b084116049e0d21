"""An opened reference as one text: the ring's answer to a task that may read.

A slice of a mapped task holds thousands of them. Each JSON object, list and text on the way to the task costs time, so
an opened reference is a single text. Its first line is the value's own. Its second line is JSON, and the same for all
results of a mapped task, so it is read once. The sentence `about` and other words for the XCom tab are left out.

    <version>|<data key>|<map_index>|<size>|<shape>|<pushed at>|<expires at>
    {"coordinate": {...}, "type": "...", "consumers": [...], "rule": "...", "key_id": "...", "acl": "..."}

Airflow's database never holds this form.
"""

from __future__ import annotations

import functools
import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from exclusive_redis_xcom.formats import reference_fields as fields
from exclusive_redis_xcom.formats.reference_facts import FORMAT
from exclusive_redis_xcom.formats.reference_v2 import shown, shown_consumers
from exclusive_redis_xcom.formats.seal import DATA_KEY_BYTES, Seal, decode_key, encode_key, parse_seal
from exclusive_redis_xcom.model import Coordinate

if TYPE_CHECKING:
    from exclusive_redis_xcom.formats.reference_facts import ReferenceFacts

#: It stands where a value has no shape.
NO_SHAPE = "-"
_OWN_PARTS = 7
_SHARED = {"coordinate", "type", "consumers", "rule", "key_id", "acl"}
#: Longer texts are read each time, so that little memory is needed.
_REMEMBERED = 16 * 1024
_NUMBER = re.compile("0|[1-9][0-9]{0,12}")

#: It stands where the data key is not known yet.
_ANY_KEY = encode_key(bytes(DATA_KEY_BYTES))


class Shared(NamedTuple):
    """What all results of a mapped task share."""

    at: Coordinate
    type_name: str
    consumers: tuple[str, ...]
    rule: str
    key_id: str
    acl: bytes


def dump(reference: ReferenceFacts, data_key: bytes) -> str:
    """Return the text for a reference with this data key."""
    at = reference.coordinate
    own = (
        reference.version,
        encode_key(data_key),
        str(at.map_index),
        str(reference.size),
        NO_SHAPE if reference.shape is None else fields.shown_shape(reference.shape),
        reference.pushed_at.isoformat(),
        reference.expires_at.isoformat(),
    )
    return "|".join(own) + "\n" + dump_shared(reference)


def dump_shared(reference: ReferenceFacts) -> str:
    """Return the line that all results of a mapped task share. The reference has a seal."""
    at, seal = reference.coordinate, _seal_of(reference)
    shared = (
        (at.dag_id, at.run_id, at.task_id, at.key, at.ti_id),
        shown(reference.type_name),
        shown_consumers(reference.consumers),
        shown(reference.rule),
        seal.key_id,
        seal.acl,
    )
    return (_dump_shared if len(seal.acl) <= _REMEMBERED else _dump_shared.__wrapped__)(*shared)


def _seal_of(reference: ReferenceFacts) -> Seal:
    if reference.seal is None:
        msg = "a reference without a seal has no data key"
        raise ValueError(msg)
    return reference.seal


def load_shared(text: str) -> Shared:
    """Read what `dump_shared` returns.

    Raises:
        InvalidReference: It is not exactly that.
    """
    return (_load_shared if len(text) <= _REMEMBERED else _load_shared.__wrapped__)(text)


def load(text: str) -> dict[str, Any]:
    """Read such a text, and return the fields of `ReferenceFacts`.

    Raises:
        InvalidReference: The text is not exactly what `dump` returns.
    """
    first, _, second = text.partition("\n")
    own = first.split("|")
    if len(own) != _OWN_PARTS:
        raise fields.malformed("reference")
    version, key, map_index, size, shape, pushed_at, expires_at = own
    shared = load_shared(second)
    try:
        data_key = decode_key(key, DATA_KEY_BYTES)
    except ValueError:
        raise fields.malformed("seal") from None
    at = shared.at
    return {
        "format": FORMAT,
        "coordinate": Coordinate(at.dag_id, at.run_id, at.task_id, at.key, _map_index(map_index), at.ti_id),
        "version": fields.version(version, "version"),
        "type_name": shared.type_name,
        "size": fields.size(_number(size, "size"), "size"),
        "consumers": shared.consumers,
        "rule": shared.rule,
        "pushed_at": fields.time(pushed_at, "pushed_at"),
        "expires_at": fields.time(expires_at, "expires"),
        "seal": Seal(shared.key_id, shared.acl, data_key=data_key),
        "shape": None if shape == NO_SHAPE else fields.shape(shape, "shape"),
    }


def map_index_of(text: str) -> int | None:
    """Return the map_index that such a text names; None if it names none. Nothing else of it is read."""
    own = text.partition("\n")[0].split("|")
    if len(own) != _OWN_PARTS or not (own[2] == "-1" or _NUMBER.fullmatch(own[2])):
        return None
    return int(own[2])


@functools.lru_cache(maxsize=64)
def _dump_shared(
    ids: tuple[str | None, ...], type_name: str, consumers: tuple[str, ...], rule: str, key_id: str, acl: bytes
) -> str:
    dag_id, run_id, task_id, key, ti_id = ids
    shared = {
        "coordinate": {"dag_id": dag_id, "run_id": run_id, "task_id": task_id, "key": key, "ti_id": ti_id},
        "type": type_name,
        "consumers": consumers,
        "rule": rule,
        "key_id": key_id,
        "acl": acl.decode("ascii"),
    }
    return json.dumps(shared, separators=(",", ":"))


@functools.lru_cache(maxsize=64)
def _load_shared(text: str) -> Shared:
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError):
        raise fields.malformed("reference") from None
    body = fields.mapping(raw, _SHARED, "reference")
    at = fields.mapping(body["coordinate"], {"dag_id", "run_id", "task_id", "key", "ti_id"}, "coordinate")
    dag_id, run_id, task_id, key = (
        fields.text(at[name], f"coordinate.{name}") for name in ("dag_id", "run_id", "task_id", "key")
    )
    ti_id = None if at["ti_id"] is None else fields.text(at["ti_id"], "coordinate.ti_id")
    consumers = fields.consumers(body["consumers"], "consumers")
    try:
        seal = parse_seal({"key_id": body["key_id"], "acl": body["acl"], "data_key": _ANY_KEY})
    except ValueError:
        raise fields.malformed("seal") from None
    shared = Shared(
        Coordinate(dag_id, run_id, task_id, key, ti_id=ti_id),
        fields.text(body["type"], "type"),
        tuple(fields.text(name, "consumers") for name in consumers),
        fields.text(body["rule"], "rule"),
        seal.key_id,
        seal.acl,
    )
    if _dump_shared.__wrapped__((dag_id, run_id, task_id, key, ti_id), *shared[1:]) != text:
        raise fields.malformed("reference")
    return shared


def _map_index(text: str) -> int:
    name = "coordinate.map_index"
    return -1 if text == "-1" else fields.integer(_number(text, name), name, 0, fields.MAX_MAP_INDEX)


def _number(text: str, name: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise fields.malformed(name)
    return int(text)
