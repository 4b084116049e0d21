"""The names of a store's hashes, and what its operations share."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from exclusive_redis_xcom.errors import CorruptValue
from exclusive_redis_xcom.formats import redis_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from exclusive_redis_xcom.connection import RedisClient
    from exclusive_redis_xcom.connection.session import Command
    from exclusive_redis_xcom.model import Coordinate

T = TypeVar("T")

#: This is more than any value that can be pushed (`settings.LARGEST_VALUE_BYTES`).
DEFAULT_MAX_PAYLOAD_BYTES = 2**31
#: One command asks for or removes at most so many fields.
BATCH_FIELDS = 256


class Keyspace(NamedTuple):
    """How to reach Redis, the first part of every name, and the largest payload that is put together of parts."""

    client: RedisClient
    prefix: str
    max_payload_bytes: int = DEFAULT_MAX_PAYLOAD_BYTES

    def hash_of(self, at: Coordinate) -> str:
        """Return the name of the coordinate's hash."""
        return redis_names.hash_name(self.prefix, at)

    def ask(
        self, doing: str, calls: Sequence[tuple[str, Command]], asides: Sequence[tuple[str, Command]] = ()
    ) -> list[Any]:
        """Send commands that may be sent again, in as few round trips as possible; return their replies in order."""
        return self.client.run(doing, lambda session: session.call_many(calls, asides))


def slices(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield the items in order, so many at a time."""
    return (items[start : start + size] for start in range(0, len(items), size))


def what(verb: str, batch: Sequence[Coordinate]) -> str:
    """Return the beginning of an error's text."""
    return what_of(verb, batch[0], len(batch))


def what_of(verb: str, first: Coordinate, count: int) -> str:
    """Return the same for so many XComs, of which only the first is at hand."""
    more = f" and {count - 1} more" if count > 1 else ""
    return f"{verb} {first}{more}"


def moment(milliseconds: int) -> datetime:
    """Turn Redis' time into a UTC datetime."""
    return datetime.fromtimestamp(milliseconds / 1000, timezone.utc)


def misanswered(at: Coordinate) -> CorruptValue:
    """Make the error for a reply of a wrong form. The connection may be one reply behind."""
    return CorruptValue(
        f"Redis answered something else than was asked.\nThe question was about {at}.\nClear the pulling task."
    )
