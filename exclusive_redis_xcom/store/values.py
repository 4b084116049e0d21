"""What the store answers with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from exclusive_redis_xcom.formats.envelope import Envelope


@dataclass(slots=True)  # as of envelopes, a pull makes a thousand
class Stored:
    """What Redis holds for a coordinate. Not to be changed.

    `found` says whether the hash exists; with it and no `envelope`, another map_index was pushed or this one
    purged. `acl` is the rule of the latest push to the hash, `own_acl` that of this value's push, which only the
    values of mapped tasks have. The envelope holds its payload, unless that was spilled.
    """

    acl: bytes | None
    envelope: Envelope | None = field(repr=False)
    found: bool
    own_acl: bytes | None = None


@dataclass(frozen=True, slots=True)
class Current:
    """Values that Airflow's database is known to refer to, for as long as API servers watch over its rows.

    `pushed_at` is when the first of them was pushed, by Redis' clock. `ahead` is how far the API servers' clocks
    are ahead of that one, at least; negative where they are behind.
    """

    stored: tuple[Stored, ...]
    pushed_at: datetime
    ahead: timedelta
