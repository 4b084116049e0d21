"""Read results of a mapped task ahead from Redis alone; see `ahead.py` and `direct_pull.py`."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from exclusive_redis_xcom.task import direct_pull, observing
from exclusive_redis_xcom.task.ahead import Ahead
from exclusive_redis_xcom.task.may_read import may_read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exclusive_redis_xcom.task.access import Access
    from exclusive_redis_xcom.task.eligible import EligiblePull
    from exclusive_redis_xcom.task.may_read import Permission, RuleTexts


def eligible_loop(request: Mapping[str, str]) -> EligiblePull | None:
    """Find out what to read directly for a loop over a mapped task's results; return None if Airflow must answer.

    Args:
        request: The keyword arguments of Airflow's `get_all` for these results.
    """
    found = direct_pull.eligible_pull(request, everything=True)
    return found if found is not None and found.every_index else None


class DirectChunk(NamedTuple):
    """Values that Redis alone answered with, and whether no other follows."""

    values: list[Ahead]
    is_last: bool


def fetch(access: Access, eligible: EligiblePull, map_index: int, most: int, most_bytes: int) -> DirectChunk | None:
    """Return the results of a mapped task from a map_index on; None where Airflow must be asked.

    Args:
        access: The access of this process.
        eligible: What `eligible_loop` returned.
        map_index: The first that is wanted.
        most: How many are wanted at most.
        most_bytes: How many bytes they may have; see `Store.fetch_chunk`.
    """
    try:
        return _fetched(access, eligible, map_index, most, most_bytes)
    except Exception as error:
        direct_pull.require_a_miss(error)
        return None


def _fetched(access: Access, eligible: EligiblePull, map_index: int, most: int, most_bytes: int) -> DirectChunk | None:
    at = replace(eligible.first, map_index=map_index)
    start = time.perf_counter()
    asides = observing.reads(access, [at], eligible.reader) if access.settings.records == "reads" else ()
    chunk = access.store.fetch_chunk(at, most, most_bytes, asides=asides)
    if chunk is None:
        return None
    current, seconds = chunk.current, time.perf_counter() - start
    if current is None:
        return DirectChunk([], chunk.is_last)
    if not direct_pull.is_of_this_run(current, eligible):
        return None
    known: dict[RuleTexts, Permission] = {}
    values: list[Ahead] = []
    for stored in current.stored:
        envelope = stored.envelope
        if envelope is None:
            return None
        permission = may_read(stored, envelope.coordinate, eligible.reader, known=known)
        if permission.obstacle is not None:
            return DirectChunk(values, is_last=False) if values else None
        values.append(Ahead(stored, envelope, permission.acl, direct=True))
    values[0].seconds = seconds
    return DirectChunk(values, chunk.is_last)
