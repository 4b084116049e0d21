"""What the store writes, and what it answers with."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from exclusive_redis_xcom.model import Coordinate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from exclusive_redis_xcom.formats.envelope import Envelope


def at_index(at: Coordinate, map_index: int) -> Coordinate:
    """Return the coordinate of another result of the same key."""
    return Coordinate(at.dag_id, at.run_id, at.task_id, at.key, map_index, at.ti_id)


@dataclass(frozen=True, slots=True)
class Push:
    """What one push writes: a value, its rules and how long they stay.

    Args:
        envelope: The value with its coordinate. A spilled value comes without its payload.
        acl: The rule in force for the key, as canonical JSON. It replaces the rule of the hash.
        ttl: How long they stay from now on, by the server's clock. It is at least a millisecond.
        own_acl: The rule in force for this value alone, where the task is mapped.
        once: Whether the value must be claimed before it is read; see `Store.claim`.
        watched: Whether API servers may `Store.commit` the value, so that `Store.fetch_current` finds it.
        description: What the value is like, for operators (`formats/description.py`); empty if nothing is told.
    """

    envelope: Envelope
    _: KW_ONLY
    acl: bytes
    ttl: timedelta
    own_acl: bytes | None = None
    once: bool = False
    watched: bool = False
    description: bytes = b""

    @property
    def ttl_ms(self) -> int:
        """The ttl in whole milliseconds, as Redis takes it."""
        return self.ttl // timedelta(milliseconds=1)


@dataclass(slots=True)  # not frozen: a pull may make a thousand, as of envelopes
class Stored:
    """What Redis holds for a coordinate. Nobody changes it.

    `found` says whether the hash exists. If it does and there is no `envelope`, another map_index was pushed, or this
    one was purged. `acl` is the rule of the latest push to the hash. `own_acl` is the rule of this value's own push;
    only the values of mapped tasks have one. The envelope holds its payload, unless that was spilled.
    """

    acl: bytes | None
    envelope: Envelope | None = field(repr=False)
    found: bool
    own_acl: bytes | None = None


class Alike(NamedTuple):
    """Results of a mapped task that are all there, and differ in nothing but the columns.

    What `oldest` says holds for each of them, apart from what the columns say.

    Attributes:
        at: The XCom, with any map_index.
        indexes: The map indexes.
        oldest: The result that was pushed first.
        envelope: Its envelope, of format 4. It holds its payload.
        versions: The versions, 16 bytes each.
        hows: The codecs, each with the compression.
        decoded_sizes: The sizes in bytes before compression.
        payloads: The payloads, as Redis has them.
    """

    at: Coordinate
    indexes: Sequence[int]
    oldest: Stored
    envelope: Envelope
    versions: list[bytes]
    hows: list[tuple[str, str]]
    decoded_sizes: list[int]
    payloads: list[bytes]

    def __repr__(self) -> str:
        return f"<{len(self.indexes)} results of {self.at}>"

    def coordinate(self, i: int) -> Coordinate:
        """Return where one of the results is."""
        return at_index(self.at, self.indexes[i])


class Results(NamedTuple):
    """What Redis holds for results of a mapped task, in their order; and the same as columns if all are alike."""

    stored: Sequence[Stored]
    alike: tuple[Alike, ...] | None = None

    def __repr__(self) -> str:
        return f"<{len(self.stored)} results>"


@dataclass(frozen=True, slots=True)
class Current:
    """Values that Airflow's database is known to refer to, for as long as API servers watch over its rows.

    `pushed_at` is when the first of them was pushed, by Redis' clock. The API servers' clocks are ahead of that clock
    by at least `ahead`, which is negative if they are behind. `alike` is as in `Results`.
    """

    stored: Sequence[Stored]
    pushed_at: datetime
    ahead: timedelta
    alike: tuple[Alike, ...] | None = None
