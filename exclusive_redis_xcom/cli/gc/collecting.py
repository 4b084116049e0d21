"""Find objects that nobody refers to any more, and remove them. Memory is bounded, however many objects there are.

All objects are looked at before the first one is removed. If Redis names none of many objects, it is likely not the
Redis that they belong to. Objects to remove are noted in a file meanwhile. Redis is asked again right before each
removal.
"""

from __future__ import annotations

import itertools
import json
import tempfile
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, TypeVar

from exclusive_redis_xcom.errors import CorruptValue
from exclusive_redis_xcom.formats.envelope import MAX_HEAD_BYTES, Envelope
from exclusive_redis_xcom.formats.object_names import object_name, parse
from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.object_storage import NoSuchObject

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from exclusive_redis_xcom.object_storage import Listed, ObjectStorage
    from exclusive_redis_xcom.store import Store

#: If Redis names none of so many objects, they are removed only with `force`.
SUSPICIOUSLY_MANY = 100

_T = TypeVar("_T")
_BATCH = 256
_IN_MEMORY = 1024 * 1024
_MOST_NAMES = 20


class NoneInUse(Exception):  # noqa: N818 - says what is
    """Redis names none of many objects, so nothing was removed."""


@dataclass(slots=True)
class Tally:
    """A number of objects, and their bytes together."""

    objects: int = 0
    bytes: int = 0

    def add(self, size: int) -> None:
        """Count one more object."""
        self.objects += 1
        self.bytes += size


@dataclass(slots=True)
class Outcome:
    """What `collect` found.

    `young` counts objects that Redis does not name, or not yet. In a dry run, `removed` counts what would be removed.
    `foreign` counts what this package did not write, or cannot read. `foreign_names` has the first of those names.
    """

    in_use: Tally = field(default_factory=Tally)
    young: Tally = field(default_factory=Tally)
    removed: Tally = field(default_factory=Tally)
    foreign: Tally = field(default_factory=Tally)
    foreign_names: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Orphan:
    coordinate: Coordinate
    name: str
    size: int


def collect(
    store: Store, storage: ObjectStorage, *, written_before: datetime, dry_run: bool = False, force: bool = False
) -> Outcome:
    """Remove the objects that no hash in Redis names, if they are old enough.

    Args:
        store: The Redis that the objects belong to.
        storage: Where they are.
        written_before: Younger objects stay. A push writes the whole object first, and tells Redis afterwards.
        dry_run: Remove nothing.
        force: Remove objects even if Redis names none of `SUSPICIOUSLY_MANY`.

    Raises:
        NoneInUse: Redis names none of many objects, and `force` is not set.
        StoreUnavailable, ConfigurationError: Redis or the object storage cannot be asked, or refuses. Nobody referred
            to what was removed until then. It is safe to run again.
    """
    outcome = Outcome()
    with tempfile.SpooledTemporaryFile(_IN_MEMORY, mode="w+", encoding="ascii") as noted:
        count = 0
        for batch in _batches(storage.listing()):
            for orphan in _orphans(batch, store, storage, written_before, outcome):
                _note(noted, orphan)
                count += 1
        if count >= SUSPICIOUSLY_MANY and not outcome.in_use.objects and not force:
            raise NoneInUse
        noted.seek(0)
        for orphans in _batches(map(_noted, noted)):
            _remove(orphans, store, storage, outcome, dry_run=dry_run)
    return outcome


def _orphans(
    batch: Sequence[Listed], store: Store, storage: ObjectStorage, written_before: datetime, outcome: Outcome
) -> Iterator[_Orphan]:
    """Yield the objects of a batch that are to be removed, and count the others."""
    found = [(listed, _coordinate(listed, storage)) for listed in batch]
    asked = [coordinate for _, coordinate in found if coordinate is not None]
    named = dict(zip(asked, store.spilled(asked), strict=True)) if asked else {}
    for listed, coordinate in found:
        if coordinate is None:
            _leave(listed, outcome)
        elif named[coordinate] == listed.name:
            outcome.in_use.add(listed.size)
        elif listed.written_at is not None and listed.written_at >= written_before:
            outcome.young.add(listed.size)  # its head may not be there yet
        else:
            head = _head(listed, storage)
            if head is None:
                _leave(listed, outcome)
            elif (listed.written_at or head.pushed_at) >= written_before:
                outcome.young.add(listed.size)
            else:
                yield _Orphan(coordinate, listed.name, listed.size)


def _remove(
    orphans: Sequence[_Orphan], store: Store, storage: ObjectStorage, outcome: Outcome, *, dry_run: bool
) -> None:
    named = store.spilled([orphan.coordinate for orphan in orphans])
    for orphan, name in zip(orphans, named, strict=True):
        if name == orphan.name:
            outcome.in_use.add(orphan.size)
            continue
        if not dry_run:
            try:
                storage.remove(orphan.name)
            except NoSuchObject:  # a push or purge was quicker
                continue
        outcome.removed.add(orphan.size)


def _coordinate(listed: Listed, storage: ObjectStorage) -> Coordinate | None:
    """Tell whose object this is by its name, or by its head if an id is too long for a name; None if not ours."""
    parsed = parse(listed.name)
    if parsed is None or parsed.coordinate is not None:
        return None if parsed is None else parsed.coordinate
    head = _head(listed, storage)
    return None if head is None else head.coordinate


def _head(listed: Listed, storage: ObjectStorage) -> Envelope | None:
    """Return the head of the object, if it fits the object's name."""
    data = bytearray(min(listed.size, MAX_HEAD_BYTES))
    try:
        size = storage.read(listed.name, memoryview(data))
        head = Envelope.unpack_head(bytes(data[:size]))
    except (NoSuchObject, CorruptValue):
        return None
    return head if head.spilled == listed.name == object_name(head.coordinate, head.version) else None


def _leave(listed: Listed, outcome: Outcome) -> None:
    outcome.foreign.add(listed.size)
    if len(outcome.foreign_names) < _MOST_NAMES:
        outcome.foreign_names.append(listed.name)


def _note(noted: IO[str], orphan: _Orphan) -> None:
    at = orphan.coordinate
    line = json.dumps([orphan.name, orphan.size, at.dag_id, at.run_id, at.task_id, at.key, at.map_index, at.ti_id])
    noted.write(f"{line}\n")


def _noted(line: str) -> _Orphan:
    name, size, *coordinate = json.loads(line)
    return _Orphan(Coordinate(*coordinate), name, size)


def _batches(items: Iterable[_T]) -> Iterator[list[_T]]:
    iterator = iter(items)
    while batch := list(itertools.islice(iterator, _BATCH)):
        yield batch
