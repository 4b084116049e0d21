"""The reference: what Airflow's database holds instead of a value, a small JSON object that people can read.

Airflow's XCom tab shows the reference. It never holds a value or an open key. A reference that comes back is untrusted
input, because REST users and any task can write XCom rows. So it is parsed strictly, and its coordinate is compared
with the one asked for. The access list in Redis decides, not the one that is shown here. Nothing is decided by the
sentence `about`. Pages show people the readers in it once Redis has forgotten the rule.

Under `enforcement = server` the reference also carries the value's seal (`exclusive_redis_xcom.formats.seal`). Then the
access list in the seal decides. Nobody can change that list without breaking the seal.

Pushes write format 3 (`reference_v3.py`), or format 2 (`reference_v2.py`) where the setting `format` says so. Format 1
(`reference_v1.py`) is still read. The ring writes a pushed reference of format 3 as one text (`wrapped_text.py`). If
all workers can read texts, it also opens references for a task as texts. It does so one by one (`opened_text.py`), or
with one text for a slice (`opened_slice.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, overload

from exclusive_redis_xcom.errors import InvalidReference
from exclusive_redis_xcom.formats import (
    about,
    opened_slice,
    opened_text,
    reference_v1,
    reference_v2,
    reference_v3,
    short_rows,
    wrapped_text,
)
from exclusive_redis_xcom.formats.reference_facts import FORMAT, ReferenceFacts
from exclusive_redis_xcom.formats.reference_fields import OBJECT, malformed
from exclusive_redis_xcom.formats.seal import NO_KEY, Refused
from exclusive_redis_xcom.memory import paused_collector

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from exclusive_redis_xcom.formats.block import Block

#: The only key of the JSON object in Airflow's database.
MARK = "exclusive_redis_xcom"

_UNUSABLE = {"v": 1, "unusable": True}
_LAYOUTS: dict[int, Any] = {layout.FORMAT: layout for layout in (reference_v1, reference_v2, reference_v3)}


class Reference(ReferenceFacts):
    """A pointer to one pushed value. `ReferenceFacts` lists its attributes."""

    __slots__ = ()

    def wrapped(self, wrapped_key: bytes) -> Reference:
        """Return this reference with a wrapped key in place of the sealed key: what the ring makes of a push."""
        return self._with_seal(sealed_key=None, wrapped_key=wrapped_key)

    def opened(self, data_key: bytes) -> Reference:
        """Return this reference with its data key in place of the sealed key: the ring's answer to who may read."""
        return self._with_seal(sealed_key=None, wrapped_key=None, data_key=data_key, refused=None)

    def opened_text(self, data_key: bytes) -> str:
        """Return what stands below the mark if this reference is opened as one text."""
        return opened_text.dump(self, data_key)

    def refused(self, reason: str, by: str | None = None) -> Reference:
        """Return this reference, still sealed, with a reason (`seal.REASONS`): the ring's answer to everybody else."""
        sealed_key = NO_KEY if self.seal is None or self.seal.sealed_key is None else self.seal.sealed_key
        return self._with_seal(sealed_key=sealed_key, wrapped_key=None, refused=Refused(reason, by))

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object for Airflow's database, or for an answer of the ring."""
        if self.format == FORMAT and self.seal is not None and self.seal.wrapped_key is not None:
            return {MARK: wrapped_text.dump(self)}
        return {MARK: _LAYOUTS[self.format].dump(self)}

    def _with_seal(self, **parts: Any) -> Reference:
        if self.seal is None:
            msg = "a reference without a seal cannot be opened or refused"
            raise ValueError(msg)
        return replace(self, seal=replace(self.seal, **parts))


class References(Sequence[Reference]):
    """References to results of one mapped task. Each is made when it is asked for."""

    __slots__ = ("block",)

    def __init__(self, block: Block) -> None:
        self.block = block

    def __len__(self) -> int:
        return len(self.block.indexes)

    @overload
    def __getitem__(self, i: int) -> Reference: ...

    @overload
    def __getitem__(self, i: slice) -> References: ...

    def __getitem__(self, i: int | slice) -> Reference | References:
        return References(self.block.part(i)) if isinstance(i, slice) else Reference(*self.block.facts(i))

    def __iter__(self) -> Iterator[Reference]:
        return (Reference(*self.block.facts(i)) for i in range(len(self)))


def is_reference(value: object) -> bool:
    """Return whether a row's value claims to be a reference. `parse` tells whether it is well-formed."""
    return type(value) is Reference or _is_marked(value)


def parse(value: object) -> Reference:
    """Read the reference in a row. A reference that `expanded` has read is returned as it is.

    Raises:
        InvalidReference: The value is not exactly what `Reference.to_json` writes. The text names the field, never its
            content.
    """
    if type(value) is Reference:
        return value
    if not is_reference(value):
        raise InvalidReference("This XCom row holds no reference of exclusive_redis_xcom.")
    raw = value[MARK]  # type: ignore[index]
    if isinstance(raw, str):
        return Reference(**(wrapped_text if wrapped_text.is_one(raw) else opened_text).load(raw))
    if not isinstance(raw, OBJECT):
        raise malformed("reference")
    _require_known(raw)
    return Reference(**_layout_of(raw).load(raw))


def map_indexes_of(rows: Sequence[Any]) -> Sequence[int | None]:
    """Return for each row what `map_index_of` returns."""
    return rows.block.indexes if isinstance(rows, References) else [map_index_of(row) for row in rows]


def map_index_of(value: object) -> int | None:
    """Return the map_index that the reference in a row names; None without one. Nothing else of it is read."""
    if type(value) is Reference:
        return value.coordinate.map_index
    raw = value[MARK] if is_reference(value) else None  # type: ignore[index]
    if isinstance(raw, str):
        return wrapped_text.map_index_of(raw) if wrapped_text.is_one(raw) else opened_text.map_index_of(raw)
    machine = raw.get(reference_v2.MACHINE, raw) if isinstance(raw, OBJECT) else None
    if isinstance(machine, OBJECT) and reference_v3.TO in machine:
        return reference_v3.map_index_of(machine[reference_v3.TO])
    coordinate = machine.get("coordinate") if isinstance(machine, OBJECT) else None
    map_index = coordinate.get("map_index") if isinstance(coordinate, OBJECT) else None
    return map_index if type(map_index) is int else None


def shortened(texts: Sequence[str]) -> dict[str, Any] | None:
    """Return the one row that stands for rows of format 3 with these texts; None if they have no short form."""
    raw = short_rows.dump(texts)
    return None if raw is None else {MARK: raw}


def expanded(rows: Sequence[Any]) -> Sequence[Any]:
    """Return the rows of an answer. If one row stands for all, each of them is a reference that has been read.

    Raises:
        InvalidReference: The one row is not what `shortened` returns, nor what the ring writes (`opened_slice.py`).
    """
    raw = rows[0][MARK] if len(rows) == 1 and _is_marked(rows[0]) else None
    if not isinstance(raw, list) and not opened_slice.is_one(raw):
        return rows
    with paused_collector():
        blocks = [short_rows.load(raw)] if isinstance(raw, list) else opened_slice.load(raw)
        found = [References(block) for block in blocks]
        return found[0] if len(found) == 1 else [reference for some in found for reference in some]


def came_in_short(rows: Sequence[Any]) -> bool:
    """Return whether `expanded` has read these rows of one that stood for all."""
    return isinstance(rows, References) or (bool(rows) and type(rows[0]) is Reference)


def sizes_of(rows: Sequence[Reference]) -> Sequence[int]:
    """Return the encoded size of each value that rows point to."""
    return rows.block.sizes if isinstance(rows, References) else [row.size for row in rows]


def parse_stored(value: object) -> Reference:
    """Read the reference in a row as the database holds it. There it has no open key and no refusal.

    Raises:
        InvalidReference: As for `parse`.
    """
    reference = parse(value)
    if reference.seal is not None and not reference.seal.is_stored:
        raise malformed("seal")
    return reference


def shown_consumers(reference: Reference) -> tuple[str, ...]:
    """Return who may read, for people, as far as the row tells it.

    Of values that are not sealed, format 3 has only the sentence. It names up to two consumers, else how many more
    there are.
    """
    return reference.consumers or about.readers_in(reference.about)


def unusable() -> dict[str, Any]:
    """Return what the ring answers in place of a row that only looks like a reference. `parse` refuses it."""
    return {MARK: dict(_UNUSABLE)}


def _is_marked(value: object) -> bool:
    return isinstance(value, OBJECT) and len(value) == 1 and MARK in value


def _layout_of(raw: Mapping[str, Any]) -> Any:
    """Return the format of an object: the first is flat, and the second has details for people."""
    if reference_v2.MACHINE not in raw:
        return reference_v1
    return reference_v2 if reference_v2.DETAILS in raw else reference_v3


def _require_known(raw: Mapping[str, Any]) -> None:
    """Refuse what a newer release wrote, and what the ring found unusable, each in words of its own."""
    if raw == _UNUSABLE:
        raise InvalidReference(
            "The API server cannot use this XCom row's reference.\n"
            "The row was edited or forged, or a release newer than the API server's wrote it.\n"
            "Clear the producing task, so that it pushes again. Upgrade API servers before workers."
        )
    machine = raw.get(reference_v2.MACHINE, raw)
    version = machine.get("v") if isinstance(machine, OBJECT) else None
    if isinstance(version, int) and version > FORMAT:
        raise InvalidReference(
            "A newer release of exclusive-redis-xcom than this process's pushed this XCom.\n"
            f"Its reference has a later format than {FORMAT}, the latest that this process can read.\n"
            "Upgrade the package here, then run this task again."
        )
