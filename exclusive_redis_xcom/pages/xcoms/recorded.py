"""What the record of reads and refusals says of one key: who has read it, and why the last pull was refused.

The record is about all runs. Tasks may have written any of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Final, NamedTuple

from exclusive_redis_xcom.access.denials import WHY
from exclusive_redis_xcom.formats.observed import READ, WOULD_REFUSE
from exclusive_redis_xcom.pages.hidden_count import hidden
from exclusive_redis_xcom.pages.xcoms import names

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exclusive_redis_xcom.formats.observed import Entry, Observed
    from exclusive_redis_xcom.model import Coordinate
    from exclusive_redis_xcom.pages.user import Readable

_MOST_READERS: Final = 10


class Reads(NamedTuple):
    """How often a task has read a key, and when last."""

    reader: str
    number: int
    last: datetime


class Refusal(NamedTuple):
    """The last refusal of a pull. `only_reported` says that the pull got the value nevertheless."""

    reader: str
    why: str
    number: int
    last: datetime
    only_reported: bool


@dataclass(frozen=True, slots=True)
class Recorded:
    """What is on record of one key.

    Attributes:
        reads: The readers whose names the user may see, the latest first, at most ten.
        more: How many further readers there are.
        hidden: How many readers are not the user's to see.
        refusal: The last refusal; None if none is on record.
    """

    reads: tuple[Reads, ...] = ()
    more: int = 0
    hidden: int = 0
    refusal: Refusal | None = None

    @property
    def hidden_text(self) -> str:
        """Count the readers whose names are not shown."""
        return hidden(self.hidden)


def by_key(observed: Observed | None) -> dict[tuple[str, str], list[Entry]]:
    """Sort a DAG's record by task and key."""
    found: dict[tuple[str, str], list[Entry]] = {}
    for entry in () if observed is None else observed.entries:
        found.setdefault((entry.task_id, entry.key), []).append(entry)
    return found


def recorded(entries: Iterable[Entry], at: Coordinate, readable: Readable) -> Recorded:
    """Tell what is on record of an XCom, as far as a user may know it."""
    reads: list[Reads] = []
    refusals: list[Refusal] = []
    hidden = 0
    for entry in entries:
        name = names.task(entry.reader, at.dag_id, readable)
        for kind, (number, last_ms) in entry.counts.items():
            if not number:
                continue
            last = datetime.fromtimestamp(last_ms / 1000, tz=timezone.utc)
            if kind != READ:
                who = name or "a task of a DAG that you may not see"
                refusals.append(Refusal(who, WHY[kind], number, last, kind == WOULD_REFUSE))
            elif name is None:
                hidden += 1
            else:
                reads.append(Reads(name, number, last))
    reads.sort(key=lambda each: each.last, reverse=True)
    return Recorded(
        tuple(reads[:_MOST_READERS]),
        max(0, len(reads) - _MOST_READERS),
        hidden,
        max(refusals, key=lambda each: each.last, default=None),
    )
