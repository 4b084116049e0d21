"""Values that Airflow's database provably refers to, without asking it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from exclusive_redis_xcom import keys, scripts
from exclusive_redis_xcom.errors import CorruptValue
from exclusive_redis_xcom.store.marks import FRESH_MS
from exclusive_redis_xcom.store.place import misanswered, moment, slices, what
from exclusive_redis_xcom.store.reading import batches, by_hash, in_the_order_of, read, reading_command
from exclusive_redis_xcom.store.values import Current

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from exclusive_redis_xcom.connection.session import Command
    from exclusive_redis_xcom.model import Coordinate
    from exclusive_redis_xcom.store.place import Place
    from exclusive_redis_xcom.store.values import Stored

#: Marks and epoch come from the clocks of two nodes, in a cluster: what these may differ by.
_SLACK_MS = 1_000
_BATCH_MARKS = 1_024
_LATEST_MS = 10**14  # in the year 5138; Python's end in 9999

#: A completed mark: of which version, how many bytes its field has, and since when (milliseconds since 1970).
_Mark: TypeAlias = tuple[str, int, int]


class _Watch(NamedTuple):
    """What ``lua/live.lua`` tells."""

    epoch_ms: int
    ahead_ms: int


def fetch_current(place: Place, coordinates: Sequence[Coordinate], *, alone: bool) -> Current | None:
    """As `Store.fetch_current` says.

    Marks and values are read before it is asked whether the API servers watch: a server that stopped watching, and
    whose changes nobody hears of, is then noticed, whenever it stopped.
    """
    if not coordinates:
        return None
    try:
        if len(coordinates) == 1:
            return _fetch_one(place, coordinates[0], alone=alone)
        return None if alone else _fetch_many(place, coordinates)
    except CorruptValue:
        # Maybe a connection that is one reply behind: it must not answer the next question.
        place.client.drop()
        raise


def current_at(place: Place, at: Coordinate) -> datetime | None:
    """As `Store.current_at` says."""
    name = place.hash_of(at)
    calls = [(name, _asking_for_marks(name, [at])), _asking_who_watches(place), (name, ("TIME",))]
    marks, watching, now = place.ask_once(f"Asking for {at}", calls)
    watch, mark = _watch(watching), _mark(marks[0]) if isinstance(marks, list) and len(marks) == 1 else None
    if watch is None or mark is None or mark[2] <= watch.epoch_ms + _SLACK_MS:
        return None
    seconds, microseconds = now
    return moment(int(seconds) * 1000 + int(microseconds) // 1000)


def _fetch_one(place: Place, at: Coordinate, *, alone: bool) -> Current | None:
    name = place.hash_of(at)
    calls = [(name, reading_command(name, [at], keys.committed_name(at.map_index))), _asking_who_watches(place)]
    if alone:
        calls.insert(0, (name, ("HLEN", name)))
    *lengths, reply, watching = place.ask_once(f"Fetching {at}", calls)
    if not isinstance(reply, list) or len(reply) != 4:
        raise misanswered(at)
    fields = len(reply) - reply.count(None)
    watch, mark = _watch(watching), _mark(reply.pop())
    if watch is None or mark is None:
        return None
    stored = read([at], reply)
    if alone and lengths != [fields + _further_fields(stored[0])]:
        return None
    return _current([mark], stored, watch)


def _further_fields(stored: Stored) -> int:
    """How many fields a value has apart from itself, its rules and its mark, see ``keys.py``; without a claim."""
    envelope = stored.envelope
    if envelope is None:
        return 0
    return (envelope.parts and envelope.parts + 1) + (envelope.spilled is not None)


def _fetch_many(place: Place, coordinates: Sequence[Coordinate]) -> Current | None:
    unique = list(dict.fromkeys(coordinates))
    marks = _marks(place, unique)
    if marks is None:
        return None
    stored: list[Stored] = []
    watching: Any = None
    for start, end in batches(size for _, size, _ in marks):
        hashes = by_hash(place, unique[start:end])
        calls = [(name, reading_command(name, members)) for name, members in hashes]
        *replies, watching = place.ask_once(what("Fetching", unique[start:end]), [*calls, _asking_who_watches(place)])
        for (_, members), reply in zip(hashes, replies, strict=True):
            stored += read(members, reply)
    watch = _watch(watching)
    found = None if watch is None else _current(marks, stored, watch)
    if found is None or len(unique) == len(coordinates):
        return found
    return Current(
        tuple(in_the_order_of(coordinates, unique, list(found.stored))),
        tuple(in_the_order_of(coordinates, unique, list(found.committed_at))),
        found.ahead,
    )


def _marks(place: Place, coordinates: Sequence[Coordinate]) -> list[_Mark] | None:
    """Those of all coordinates; None if one is missing or not completed, or nobody watches."""
    marks: list[_Mark] = []
    for batch in slices(coordinates, _BATCH_MARKS):
        hashes = by_hash(place, batch)
        calls = [(name, _asking_for_marks(name, members)) for name, members in hashes]
        *replies, watching = place.ask_once(what("Asking for", batch), [*calls, _asking_who_watches(place)])
        if _watch(watching) is None:
            return None
        for (_, members), reply in zip(hashes, replies, strict=True):
            if not isinstance(reply, list) or len(reply) != len(members):
                raise misanswered(members[0])
            for text in reply:
                mark = _mark(text)
                if mark is None:
                    return None
                marks.append(mark)
    return marks


def _asking_for_marks(name: str, members: Sequence[Coordinate]) -> Command:
    return ("HMGET", name, *(keys.committed_name(at.map_index) for at in members))


def _asking_who_watches(place: Place) -> tuple[str, Command]:
    # With its source: by its digest alone it could be unknown, which would spoil the pipeline.
    name = keys.servers_name(place.prefix)
    return name, scripts.LIVE.command(name, keys.EPOCH_FIELD, keys.SERVERS_FIELD, FRESH_MS)


def _mark(text: Any) -> _Mark | None:
    try:
        version, size, at_ms = str(text, "ascii").split(" ")
        mark = version, int(size), int(at_ms)
    except (TypeError, ValueError):  # None; not completed; nothing that was written here
        return None
    return mark if mark[1] >= 0 and 0 <= mark[2] < _LATEST_MS else None


def _watch(reply: Any) -> _Watch | None:
    return _Watch(int(reply[0]), int(reply[1])) if isinstance(reply, list) and len(reply) == 2 else None


def _current(marks: list[_Mark], stored: list[Stored], watch: _Watch) -> Current | None:
    """None unless every value is of the version that its mark names, and the marks count."""
    oldest = watch.epoch_ms + _SLACK_MS
    for one, (version, _, at_ms) in zip(stored, marks, strict=True):
        envelope = one.envelope
        if envelope is None or envelope.version != version or at_ms <= oldest:
            return None
    since = tuple([moment(at_ms) for _, _, at_ms in marks])
    return Current(tuple(stored), since, timedelta(milliseconds=watch.ahead_ms))
