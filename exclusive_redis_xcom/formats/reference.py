"""The reference: what Airflow's database holds instead of a value, a small JSON object that people can read.

Airflow's XCom tab shows the reference. It never holds a value or an open key. A reference that comes back is untrusted
input, because REST users and any task can write XCom rows. So it is parsed strictly, and its coordinate is compared
with the one asked for. The access list in Redis decides, not the one that is shown here.

Under `enforcement = server` the reference also carries the value's seal (`exclusive_redis_xcom.formats.seal`). Then the
access list in the seal decides. Nobody can change that list without breaking the seal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any

from exclusive_redis_xcom.errors import InvalidReference
from exclusive_redis_xcom.formats.seal import Refused, Seal, parse_seal
from exclusive_redis_xcom.model import Coordinate

#: The only key of the JSON object in Airflow's database.
MARK = "exclusive_redis_xcom"

FORMAT = 1

_FIELDS = {
    "v",
    "coordinate",
    "version",
    "type",
    "size",
    "consumers",
    "rule",
    "pushed_at",
    "expires_at",
}
_COORDINATE_FIELDS = {"dag_id", "run_id", "task_id", "map_index", "key"}
_VERSION = re.compile(r"[0-9a-f]{32}")

#: Bounds on what is believed. They are far above what Airflow allows for ids (250 characters).
_MAX_TEXT = 2000
_MAX_MAP_INDEX = 2**31 - 1
_MAX_SIZE = 2**40

#: How many consumers are shown. An access list has no such bound.
_SHOWN_CONSUMERS = 50


@dataclass(frozen=True, slots=True)
class Reference:
    """A pointer to one pushed value.

    `size` is the encoded size in bytes, before compression. `consumers` and `rule` are for human readers.
    """

    coordinate: Coordinate
    version: str
    type_name: str
    size: int
    consumers: tuple[str, ...]
    rule: str
    pushed_at: datetime
    expires_at: datetime
    seal: Seal | None = None

    @property
    def ttl(self) -> timedelta:
        """The time between push and expiry."""
        return self.expires_at - self.pushed_at

    def opened(self, data_key: bytes) -> Reference:
        """Return this reference with its data key in place of the sealed key: the ring's answer to who may read."""
        return self._with_seal(sealed_key=None, data_key=data_key, refused=None)

    def refused(self, reason: str, by: str | None = None) -> Reference:
        """Return this reference, still sealed, with a reason (`seal.REASONS`): the ring's answer to everybody else."""
        return self._with_seal(refused=Refused(reason, by))

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object for Airflow's database, or for an answer of the ring."""
        seal = {} if self.seal is None else {"seal": self.seal.to_json()}
        return {
            MARK: {
                "v": FORMAT,
                "coordinate": {
                    "dag_id": self.coordinate.dag_id,
                    "run_id": self.coordinate.run_id,
                    "task_id": self.coordinate.task_id,
                    "map_index": self.coordinate.map_index,
                    "key": self.coordinate.key,
                },
                "version": self.version,
                "type": self.type_name,
                "size": self.size,
                "consumers": _shown(self.consumers),
                "rule": self.rule,
                "pushed_at": self.pushed_at.isoformat(),
                "expires_at": self.expires_at.isoformat(),
                **seal,
            }
        }

    def _with_seal(self, **parts: Any) -> Reference:
        if self.seal is None:
            msg = "a reference without a seal cannot be opened or refused"
            raise ValueError(msg)
        return replace(self, seal=replace(self.seal, **parts))


def is_reference(value: object) -> bool:
    """Return whether a row's value claims to be a reference. `parse` tells whether it is well-formed."""
    return isinstance(value, Mapping) and len(value) == 1 and MARK in value


def parse(value: object) -> Reference:
    """Read the reference in a row.

    Raises:
        InvalidReference: The value is not exactly what `Reference.to_json` writes. The text names the field, never its
            content.
    """
    if not is_reference(value):
        raise InvalidReference("This XCom row holds no reference of exclusive_redis_xcom.")
    raw = value[MARK]  # type: ignore[index]
    sealed = isinstance(raw, Mapping) and "seal" in raw
    body = _object(raw, _FIELDS | {"seal"} if sealed else _FIELDS, "reference")
    if body["v"] != FORMAT:
        raise InvalidReference(
            f"This XCom row holds a reference of a format other than {FORMAT}: another release of "
            "exclusive-redis-xcom wrote it, or a person did. Clear the producing task."
        )
    version = _text(body["version"], "version")
    if not _VERSION.fullmatch(version):
        raise _malformed("version")
    pushed_at, expires_at = (_time(body[name], name) for name in ("pushed_at", "expires_at"))
    return Reference(
        coordinate=_coordinate(body["coordinate"]),
        version=version,
        type_name=_text(body["type"], "type"),
        size=_integer(body["size"], "size", 0, _MAX_SIZE),
        consumers=_consumers(body["consumers"]),
        rule=_text(body["rule"], "rule"),
        pushed_at=pushed_at,
        expires_at=expires_at,
        seal=_seal(body["seal"]) if sealed else None,
    )


def parse_stored(value: object) -> Reference:
    """Read the reference in a row as the database holds it. There it has no open key and no refusal.

    Raises:
        InvalidReference: As for `parse`.
    """
    reference = parse(value)
    if reference.seal is not None and not reference.seal.is_as_pushed:
        raise _malformed("seal")
    return reference


def unusable() -> dict[str, Any]:
    """Return what the ring answers in place of a row that only looks like a reference. `parse` refuses it."""
    return {MARK: {"v": FORMAT, "unusable": True}}


def _seal(value: object) -> Seal:
    try:
        return parse_seal(value)
    except ValueError:
        raise _malformed("seal") from None


def _shown(consumers: tuple[str, ...]) -> list[str]:
    hidden = len(consumers) - _SHOWN_CONSUMERS
    return [*consumers[:_SHOWN_CONSUMERS], f"... and {hidden} more"] if hidden > 0 else list(consumers)


def _coordinate(value: object) -> Coordinate:
    body = _object(value, _COORDINATE_FIELDS, "coordinate")
    dag_id, run_id, task_id, key = (
        _text(body[name], f"coordinate.{name}") for name in ("dag_id", "run_id", "task_id", "key")
    )
    map_index = _integer(body["map_index"], "coordinate.map_index", -1, _MAX_MAP_INDEX)
    return Coordinate(dag_id, run_id, task_id, key, map_index)


def _object(value: object, fields: set[str], name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or set(value) != fields:
        raise _malformed(name)
    return value


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or len(value) > _MAX_TEXT:
        raise _malformed(name)
    return value


def _integer(value: object, name: str, low: int, high: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise _malformed(name)
    return value


def _time(value: object, name: str) -> datetime:
    try:
        time = datetime.fromisoformat(_text(value, name))
    except ValueError:
        raise _malformed(name) from None
    if time.tzinfo is None:
        raise _malformed(name)
    try:
        return time.astimezone(timezone.utc)
    except OverflowError:
        raise _malformed(name) from None


def _consumers(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > _SHOWN_CONSUMERS + 1:
        raise _malformed("consumers")
    return tuple(_text(consumer, "consumers") for consumer in value)


def _malformed(name: str) -> InvalidReference:
    return InvalidReference(
        f"This XCom row holds a malformed reference of exclusive_redis_xcom (field '{name}'): it was edited or "
        "forged. Clear the producing task so that it pushes again."
    )
