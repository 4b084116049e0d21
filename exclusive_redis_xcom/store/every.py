"""All results of a mapped task that Airflow's database refers to, without asking it.

That each of them is current, their marks say (``current.py``). That there are no others, the field ``complete`` says:
since the time it names, the hash has had a mark, completed or not, for every row of the key, see ``commit``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from exclusive_redis_xcom import keys
from exclusive_redis_xcom.errors import CorruptValue
from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.store.current import fetch_current
from exclusive_redis_xcom.store.watching import asking_who_watches, watch_of

if TYPE_CHECKING:
    from exclusive_redis_xcom.store.place import Place
    from exclusive_redis_xcom.store.values import Current

#: Fields of a hash besides those of values, ``acl`` and ``complete``; and of each value: itself, its rule and its mark.
_OF_HASH, _OF_VALUE = 2, 3


class _Extent(NamedTuple):
    """How many fields there are, and what ``complete`` holds. While it stays the same, no result came or went."""

    fields: int
    complete: bytes


def fetch_every(place: Place, first: Coordinate) -> Current | None:
    """As `Store.fetch_every` says."""
    name = place.hash_of(first)
    asking = [(name, ("HLEN", name)), (name, ("HMGET", name, keys.COMPLETE_FIELD))]
    *replies, held, time = place.ask_once(f"Asking for {first}", [*asking, *asking_who_watches(place)])
    watch, extent = watch_of(held, time), _extent(replies)
    if watch is None or extent is None or not watch.covers(int(extent.complete)):
        return None
    # Nothing but results, whose map_indexes have no gap, and which lie in one field each: else Airflow has to be asked.
    count, more = divmod(extent.fields - _OF_HASH, _OF_VALUE)
    if more or count < 1:
        return None
    ids = first.dag_id, first.run_id, first.task_id, first.key
    found = fetch_current(place, [Coordinate(*ids, index) for index in range(count)], alone=False)
    # Each has its three fields, or is refused: these are all the fields, if there are as many as before.
    return found if found is not None and _extent(place.ask_once(f"Asking for {first}", asking)) == extent else None


def _extent(replies: list[Any]) -> _Extent | None:
    fields, held = replies
    if not isinstance(fields, int) or not isinstance(held, list) or len(held) != 1:
        raise CorruptValue("Redis answered something else than was asked. Clear the pulling task.")
    complete = held[0]
    # With a question mark after it, an API server is finding out.
    return _Extent(fields, complete) if complete is not None and complete.isdigit() and len(complete) < 15 else None
