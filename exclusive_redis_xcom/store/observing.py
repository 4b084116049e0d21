"""Write and read the record of reads and refusals (`formats/observed.py`). Nothing decides by it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.errors import StoreUnavailable
from exclusive_redis_xcom.formats import observed, redis_names
from exclusive_redis_xcom.store import scripts
from exclusive_redis_xcom.store.keyspace import slices

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from exclusive_redis_xcom.connection.session import Command
    from exclusive_redis_xcom.formats.observed import Day, Event, Observed
    from exclusive_redis_xcom.store.keyspace import Keyspace

#: A record ends so long after its last change.
KEPT_MS = timedelta(days=30) // timedelta(milliseconds=1)
#: The list of DAGs is renewed so often.
_PAUSE_MS = timedelta(days=1) // timedelta(milliseconds=1)
#: One command counts at most so many events.
_MOST_EVENTS = 100
#: One command reads so many entries.
_BATCH = 250


def counting(keyspace: Keyspace, events: Iterable[Event]) -> list[tuple[str, Command]]:
    """See `Store.counting`."""
    by_dag: dict[str, list[Event]] = {}
    for event in events:
        by_dag.setdefault(event.dag_id, []).append(event)
    return [call for dag_id, of_dag in by_dag.items() for call in _of_dag(keyspace, dag_id, of_dag)]


def count(keyspace: Keyspace, events: Iterable[Event]) -> None:
    """See `Store.count`."""
    calls = counting(keyspace, events)
    if calls:
        keyspace.client.run("Recording reads and refusals", lambda session: session.call_many(calls), once=True)


def observed_dags(keyspace: Keyspace) -> list[str]:
    """See `Store.observed_dags`."""
    name = redis_names.observed_name(keyspace.prefix)
    found: dict[str, None] = {}
    for _, entries in _parts(keyspace, name, observed.MOST_DAGS):
        for encoded, _ in entries:
            dag_id = observed.decoded(encoded.decode("latin-1"))
            if dag_id:
                found[dag_id] = None
    return sorted(found)


def observed_of(keyspace: Keyspace, dag_id: str) -> Observed | None:
    """See `Store.observed`."""
    name = redis_names.observed_name(keyspace.prefix, dag_id)
    head: tuple[Any, ...] = ()
    found, unreadable = {}, 0
    for head, entries in _parts(keyspace, name, observed.MOST_ENTRIES):
        unreadable += head[4]
        for encoded, counts in entries:
            entry = observed.entry(encoded, counts)
            if entry is None:
                unreadable += 1
            else:
                found[encoded] = entry
    since, reads, _, lost, _ = head
    if not (found or unreadable or lost):
        return None
    return observed.Observed(
        dag_id,
        observed.time_of(since),
        observed.time_of(reads),
        tuple(found.values()),
        observed.lost_of(lost),
        unreadable,
    )


def refusals_by_day(keyspace: Keyspace, dag_ids: Iterable[str]) -> dict[str, tuple[Day, ...]]:
    """See `Store.refusals_by_day`."""
    found: dict[str, tuple[Day, ...]] = {}
    for some in slices(sorted(set(dag_ids)), _BATCH):
        calls: list[tuple[str, tuple[scripts.Argument, ...]]] = [
            (redis_names.observed_name(keyspace.prefix, dag_id), (observed.LONGEST_DAYS,)) for dag_id in some
        ]
        replies = keyspace.client.run(
            "Reading the record of reads and refusals",
            lambda session, calls=calls: scripts.OBSERVED_DAYS.run_many(session, calls),  # type: ignore[misc]
        )
        for dag_id, reply in zip(some, replies, strict=True):
            days = observed.days_of(reply if isinstance(reply, bytes) else None)
            if days:
                found[dag_id] = days
    return found


def _of_dag(keyspace: Keyspace, dag_id: str, events: Sequence[Event]) -> Iterator[tuple[str, Command]]:
    name = redis_names.observed_name(keyspace.prefix, dag_id)
    for some in slices(events, _MOST_EVENTS):
        arguments = [part for event in some for part in (event.name, event.kind, event.by)]
        # The source is always sent: the answer NOSCRIPT would be one too late.
        yield name, scripts.OBSERVE.command(name, KEPT_MS, observed.MOST_ENTRIES, observed.LONGEST_NAME, 0, *arguments)
    listed = redis_names.observed_name(keyspace.prefix)
    limits = (KEPT_MS + _PAUSE_MS, observed.MOST_DAGS, observed.LONGEST_NAME, _PAUSE_MS)
    yield listed, scripts.OBSERVE.command(listed, *limits, observed.encoded(dag_id), observed.LISTED, 1)


def _parts(keyspace: Keyspace, name: str, most: int) -> Iterator[tuple[tuple[Any, ...], list[tuple[bytes, bytes]]]]:
    """Yield the head of a record and some of its entries, until there are no more."""
    for start in range(0, most, _BATCH):
        arguments = (start, start + _BATCH, observed.LONGEST_NAME, observed.LONGEST_COUNTS)
        reply = keyspace.client.run(
            "Reading the record of reads and refusals",
            lambda session, arguments=arguments: scripts.OBSERVED.run(session, name, *arguments),  # type: ignore[misc]
        )
        if not isinstance(reply, list) or len(reply) < 5 or not isinstance(reply[4], int):
            keyspace.client.drop()
            raise StoreUnavailable("Reading the record of reads and refusals failed: Redis answered something else.")
        yield tuple(reply[:5]), list(zip(reply[5::2], reply[6::2], strict=True))
        size = observed.time_of(reply[2]) or 0
        if start + _BATCH >= size:
            return
