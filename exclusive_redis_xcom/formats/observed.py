"""The record of reads and refusals: which task asked for which XCom, how often, when last, and with which outcome.

One hash per producer's DAG holds it, and one more hash lists these DAGs (`redis_names.observed_name`). Any task that
has the workers' Redis password can write them. So they are evidence for people, and decide nothing. Whoever reads them
takes every text for hostile.

These are the fields of a hash:

- `since`: when the hash began, in milliseconds since 1970 by Redis' clock, as all times here.
- `reads`: when the first read was counted.
- `size`: the number of entries.
- `lost`: how often something was not recorded because the hash was full, or the name too long, and when last, as
  `<count> <time>`.
- `days`: how many pulls were refused, and how many only would have been, as `<day>:<refused>:<would be refused>` for
  each day, separated by spaces. Days are counted since 1970, in UTC. Earlier builds do not write this field.
- `#<n>`: the name of entry n, from 0.
- `=<name>`: what was counted under that name, as `<kind>:<count>:<time>` for each kind, separated by spaces.

The name of an entry is `<task_id>:<key>:<consumer's dag_id>:<consumer's task_id>`, each percent-encoded. The last two
parts are empty if it is not known who asked. In the list of DAGs, the name is the DAG's id, percent-encoded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from collections.abc import Mapping

#: A pull got a value.
READ: Final = "read"
#: A pull got a value that a rule, a claim or `report_consumers` would refuse.
WOULD_REFUSE: Final = "would_refuse"

#: Why a pull was refused. `rule`: the rule does not name the reader. `same_run`: only the same run may. `once`: another
#: task instance has the value. `no_acl`: no rule could be read. `nobody`: it is not known who asked. `sealed`: nobody
#: opened the seal. `not_running`: the task instance that asked does not run. `forged`: a row or its seal was forged.
RULE, SAME_RUN, ONCE, NO_ACL, NOBODY, SEALED, NOT_RUNNING, FORGED = (
    "rule",
    "same_run",
    "once",
    "no_acl",
    "nobody",
    "sealed",
    "not_running",
    "forged",
)
REFUSALS: Final = frozenset({RULE, SAME_RUN, ONCE, NO_ACL, NOBODY, SEALED, NOT_RUNNING, FORGED})
_KINDS: Final = REFUSALS | {READ, WOULD_REFUSE}

#: The kind under which the list of DAGs counts.
LISTED: Final = "listed"

MOST_ENTRIES: Final = 1_000
MOST_DAGS: Final = 10_000
#: Names of Airflow's own ids fit: each letter of an id takes up to 3 bytes if it is ASCII.
LONGEST_NAME: Final = 4_096
#: All kinds together take less.
LONGEST_COUNTS: Final = 1_024

#: So many days are kept, today included.
DAYS_KEPT: Final = 30
LONGEST_DAYS: Final = 1_024

_DAY = re.compile(r"([0-9]{1,6}):([0-9]{1,9}):([0-9]{1,9})")
_COUNTED = re.compile(r"([a-z_]{1,20}):([0-9]{1,15}):([0-9]{1,15})")
_LOST = re.compile(r"([0-9]{1,15}) ([0-9]{1,15})")
_LATEST_MS = 10**14  # this is in the year 5138; Python's dates end in 9999


class Event(NamedTuple):
    """Something to count.

    Attributes:
        dag_id: The producer's DAG.
        task_id: The producer.
        key: The XCom's key.
        reader: The DAG and the task that asked; None if that is not known.
        kind: `READ`, `WOULD_REFUSE` or one of `REFUSALS`.
        by: How many there were. A negative number takes back what was counted too early.
    """

    dag_id: str
    task_id: str
    key: str
    reader: tuple[str, str] | None
    kind: str
    by: int = 1

    @property
    def name(self) -> str:
        """The name of the entry in the hash of the producer's DAG."""
        return ":".join(map(encoded, (self.task_id, self.key, *(self.reader or ("", "")))))


class Count(NamedTuple):
    """How often something happened, and when last, in milliseconds since 1970."""

    number: int
    last_ms: int


class Day(NamedTuple):
    """How many pulls were refused on one day, and how many only would have been.

    Attributes:
        day: The number of the day since 1970, in UTC.
        refused: Refused pulls.
        would_refuse: Pulls that got a value, and would not get it with the stricter rule.
    """

    day: int
    refused: int
    would_refuse: int


@dataclass(frozen=True, slots=True)
class Entry:
    """What was recorded of one reader and one XCom. Tasks may have written any of it.

    Attributes:
        task_id: The producer.
        key: The XCom's key.
        reader: The DAG and the task that asked; None if that is not known.
        counts: How often and when last, by kind.
    """

    task_id: str
    key: str
    reader: tuple[str, str] | None
    counts: Mapping[str, Count]


@dataclass(frozen=True, slots=True)
class Observed:
    """What was recorded of one DAG's XComs. Times are milliseconds since 1970, and None where nothing tells them.

    Attributes:
        dag_id: The producers' DAG.
        since_ms: When the record began.
        reads_since_ms: When the first read was counted.
        entries: What was counted.
        lost: How often something was not recorded.
        unreadable: How many entries are not in the form that this package writes.
    """

    dag_id: str
    since_ms: int | None
    reads_since_ms: int | None
    entries: tuple[Entry, ...]
    lost: Count | None = None
    unreadable: int = 0


def encoded(text: str) -> str:
    """Percent-encode one part of a name, as the names of hashes are."""
    return quote(text, safe="", encoding="utf-8", errors="surrogatepass")


def decoded(part: str) -> str | None:
    """Return what `encoded` took; None if it has not made this text."""
    try:
        text = unquote(part, encoding="utf-8", errors="surrogatepass")
        return text if encoded(text) == part else None
    except UnicodeError:
        return None


def entry(name: bytes, counts: bytes) -> Entry | None:
    """Read one entry; return None if it is not in the form that this package writes.

    Args:
        name: The name of the entry.
        counts: What the hash holds under that name.
    """
    parts = [decoded(part) for part in name.decode("latin-1").split(":")]
    found = counts_of(counts)
    if len(parts) != 4 or found is None:
        return None
    task_id, key, dag_id, reader = parts
    if not task_id or not key or dag_id is None or reader is None or bool(dag_id) != bool(reader):
        return None
    return Entry(task_id, key, (dag_id, reader) if dag_id else None, found)


def counts_of(text: bytes) -> dict[str, Count] | None:
    """Read what was counted under one name; return None if it is not in the form that this package writes."""
    counts: dict[str, Count] = {}
    for word in text.decode("latin-1").split():
        matched = _COUNTED.fullmatch(word)
        if matched is None or matched[1] not in _KINDS or matched[1] in counts or int(matched[3]) >= _LATEST_MS:
            return None
        counts[matched[1]] = Count(int(matched[2]), int(matched[3]))
    return counts


def lost_of(text: bytes | None) -> Count | None:
    """Read the field `lost`; return None if nothing was lost, or if the field has another form."""
    matched = _LOST.fullmatch((text or b"").decode("latin-1"))
    if matched is None or int(matched[2]) >= _LATEST_MS:
        return None
    return Count(int(matched[1]), int(matched[2]))


def days_of(text: bytes | None) -> tuple[Day, ...]:
    """Read the field `days`, and leave out what is not in the form that this package writes."""
    words = b"" if text is None or len(text) > LONGEST_DAYS else text
    matched = (_DAY.fullmatch(word) for word in words.decode("latin-1").split())
    found = {int(each[1]): Day(int(each[1]), int(each[2]), int(each[3])) for each in matched if each is not None}
    return tuple(found[day] for day in sorted(found))


def time_of(text: bytes | None) -> int | None:
    """Read the field `since` or `reads`; return None if it is missing or has another form."""
    return int(text) if text is not None and text.isdigit() and len(text) <= 15 and int(text) < _LATEST_MS else None
