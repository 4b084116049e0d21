"""Read values ahead of the time at which the task asks for them. Nothing is raised or claimed ahead.

Reading stops before the first value that is special. A rule refuses such a value, it must be claimed, it is gone, or it
cannot be read. The task may never ask for that value. If it does, the value is pulled alone, and that pull raises the
error. Values are decoded, counted and masked when the task gets them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.errors import ExclusiveXComError, StoreUnavailable, XComExpired
from exclusive_redis_xcom.process import identity
from exclusive_redis_xcom.reporting import metrics
from exclusive_redis_xcom.store.reading import trips
from exclusive_redis_xcom.task import observing, stricter
from exclusive_redis_xcom.task.may_read import may_read
from exclusive_redis_xcom.task.open_seals import opened_or_sealed
from exclusive_redis_xcom.task.value import decoded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exclusive_redis_xcom.acl import Acl
    from exclusive_redis_xcom.formats.envelope import Envelope
    from exclusive_redis_xcom.formats.reference import Reference
    from exclusive_redis_xcom.formats.seal import Seal
    from exclusive_redis_xcom.store import Stored
    from exclusive_redis_xcom.task.access import Access
    from exclusive_redis_xcom.task.may_read import Permission, RuleTexts


@dataclass(slots=True)
class Ahead:
    """A value that the task may have, and has not asked for yet.

    `seconds` is the time that Redis took. The first value of a batch has it, and the others have none. `direct` tells
    whether Redis alone was asked.
    """

    stored: Stored = field(repr=False)
    envelope: Envelope = field(repr=False)
    acl: Acl | None
    direct: bool
    seal: Seal | None = field(default=None, repr=False)
    seconds: float | None = None

    @property
    def map_index(self) -> int:
        """Which result it is."""
        return self.envelope.coordinate.map_index


def fetch(access: Access, references: Sequence[Reference], most_bytes: int) -> list[Ahead]:
    """Return the values of the first references that are in no way special; see the module.

    Args:
        access: The access of this process.
        references: What Airflow's database holds, for results of one mapped task in one run.
        most_bytes: How many bytes the values may have, as far as their references tell. A larger first one is alone.

    Raises:
        StoreUnavailable: Redis could not be asked.
    """
    bound = _within(references, most_bytes)
    found = _fetched(access, references[:bound])
    # A value that is no value spoils the whole batch.
    return found if found is not None else (_fetched(access, references[:1]) or [] if bound > 1 else [])


def value_of(access: Access, ahead: Ahead) -> Any:
    """Return a value to the task that asks for it now.

    Raises:
        XComExpired: The value has been replaced or removed since, and its parts or its object with it.
        ExclusiveXComError: As for `task.value.decoded`.
    """
    whole = access.store.with_payload(ahead.stored)
    if whole is None or whole.envelope is None:
        raise XComExpired("The value was replaced while it was read.")
    reader = identity.current_principal()
    stricter.report(access, [(ahead.envelope.coordinate, ahead.acl)], reader)
    size = whole.envelope.payload_size  # decoding may use up the payload
    value = decoded(whole.envelope, ahead.seal, ahead.acl, access.settings)
    if access.settings.records == "reads":
        observing.got()
    if metrics.is_on():
        at = ahead.envelope.coordinate
        metrics.pulled([(at, size)], seconds=ahead.seconds)
        if ahead.direct:
            metrics.count(metrics.PULL_DIRECT, dag_id=at.dag_id, task_id=at.task_id)
    return value


def _within(references: Sequence[Reference], most_bytes: int) -> int:
    """Return how many of the first references to read at once."""
    size = 0
    first_batch = next((trip[0][1] for trip in trips(reference.size for reference in references)), 0)
    for count, reference in enumerate(references[:first_batch]):
        size += reference.size
        if count and size > most_bytes:
            return count
    return first_batch


def _fetched(access: Access, references: Sequence[Reference]) -> list[Ahead] | None:
    """Return the first values that are in no way special; None if one of them cannot be read."""
    principal, settings = identity.current_principal(), access.settings
    opened = [opened_or_sealed(reference, principal, settings) for reference in references]
    usable = next((i for i, one in enumerate(opened) if one.is_sealed), len(opened))
    del opened[usable:]
    if not opened:
        return []
    start = time.perf_counter()
    coordinates = [one.reference.coordinate for one in opened]
    asides = observing.reads(access, coordinates, principal) if settings.records == "reads" else ()
    try:
        everything = access.store.fetch_many(coordinates, [one.reference.size for one in opened], asides)
    except StoreUnavailable:
        raise
    except ExclusiveXComError:
        return None
    known: dict[RuleTexts, Permission] = {}
    values: list[Ahead] = []
    for one, stored in zip(opened, everything, strict=True):
        at, version = one.reference.coordinate, one.reference.version
        permission = may_read(stored, at, principal, version=version, reports_only=settings.reports_only, known=known)
        is_claimed = permission.obstacle == "unclaimed" and one.by_server
        if stored.envelope is None or permission.denials or not (permission.obstacle is None or is_claimed):
            break
        values.append(Ahead(stored, stored.envelope, permission.acl, direct=False, seal=one.reference.seal))
    if values:
        values[0].seconds = time.perf_counter() - start
    return values
