"""Values that Airflow's database provably refers to, without asking it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from exclusive_redis_xcom import keys
from exclusive_redis_xcom.errors import CorruptValue
from exclusive_redis_xcom.store.place import misanswered, moment, slices, what
from exclusive_redis_xcom.store.reading import batches, by_hash, in_the_order_of, read, reading_command
from exclusive_redis_xcom.store.values import Current
from exclusive_redis_xcom.store.watching import asking_who_watches, watch_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exclusive_redis_xcom.connection.session import Command
    from exclusive_redis_xcom.model import Coordinate
    from exclusive_redis_xcom.store.place import Place
    from exclusive_redis_xcom.store.values import Stored
    from exclusive_redis_xcom.store.watching import Watch

_BATCH_MARKS = 1_024
_LATEST_MS = 10**14  # in the year 5138; Python's end in 9999


class _Mark(NamedTuple):
    """A completed mark: of which version, how many bytes its field has; times in milliseconds since 1970."""

    version: str
    size: int
    pushed_ms: int
    committed_ms: int


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


def _fetch_one(place: Place, at: Coordinate, *, alone: bool) -> Current | None:
    name = place.hash_of(at)
    calls = [(name, reading_command(name, [at], keys.committed_name(at.map_index))), *asking_who_watches(place)]
    if alone:
        calls.insert(0, (name, ("HLEN", name)))
    *lengths, reply, held, time = place.ask_once(f"Fetching {at}", calls)
    if not isinstance(reply, list) or len(reply) != 4:
        raise misanswered(at)
    fields = len(reply) - reply.count(None)
    watch, mark = watch_of(held, time), _mark(reply.pop())
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
    held: Any = None
    time: Any = None
    for start, end in batches(mark.size for mark in marks):
        hashes = by_hash(place, unique[start:end])
        calls = [(name, reading_command(name, members)) for name, members in hashes]
        asked = [*calls, *asking_who_watches(place)]
        *replies, held, time = place.ask_once(what("Fetching", unique[start:end]), asked)
        for (_, members), reply in zip(hashes, replies, strict=True):
            stored += read(members, reply)
    watch = watch_of(held, time)
    found = None if watch is None else _current(marks, stored, watch)
    if found is None or len(unique) == len(coordinates):
        return found
    return Current(
        tuple(in_the_order_of(coordinates, unique, list(found.stored))),
        found.pushed_at,
        found.ahead,
    )


def _marks(place: Place, coordinates: Sequence[Coordinate]) -> list[_Mark] | None:
    """Those of all coordinates; None if one is missing or not completed, or nobody watches."""
    marks: list[_Mark] = []
    for batch in slices(coordinates, _BATCH_MARKS):
        hashes = by_hash(place, batch)
        calls = [(name, _asking_for_marks(name, members)) for name, members in hashes]
        *replies, held, time = place.ask_once(what("Asking for", batch), [*calls, *asking_who_watches(place)])
        if watch_of(held, time) is None:
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


def _mark(text: Any) -> _Mark | None:
    """None where it is not completed, or nothing that was written here.

    Nor where the commit is the older one: the clock of Redis has gone back, and which of the two is right nobody knows.
    """
    try:
        version, size, pushed_ms, committed_ms = str(text, "ascii").split(" ")
        mark = _Mark(version, int(size), int(pushed_ms), int(committed_ms))
    except (TypeError, ValueError):
        return None
    return mark if mark.size >= 0 and 0 <= mark.pushed_ms <= mark.committed_ms < _LATEST_MS else None


def _current(marks: list[_Mark], stored: list[Stored], watch: Watch) -> Current | None:
    """None unless every value is of the version that its mark names, and the marks count."""
    for one, mark in zip(stored, marks, strict=True):
        envelope = one.envelope
        if envelope is None or envelope.version != mark.version or not watch.covers(mark.pushed_ms):
            return None
    return Current(
        tuple(stored),
        moment(min([mark.pushed_ms for mark in marks])),
        timedelta(milliseconds=watch.ahead_ms),
    )
