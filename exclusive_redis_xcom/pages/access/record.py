"""What tasks recorded of a DAG's XComs: who has read, who was refused, and which grants nobody has used."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from exclusive_redis_xcom.access import Verdict
from exclusive_redis_xcom.access.denials import WHY, denials_of
from exclusive_redis_xcom.access.printable import cut
from exclusive_redis_xcom.access.usage import uses
from exclusive_redis_xcom.errors import ExclusiveXComError
from exclusive_redis_xcom.formats import observed
from exclusive_redis_xcom.pages import here
from exclusive_redis_xcom.pages.access.hidden import counted
from exclusive_redis_xcom.pages.hidden_count import hidden
from exclusive_redis_xcom.pages.moments import Moment, moment_of_ms

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exclusive_redis_xcom.access.usage import Use
    from exclusive_redis_xcom.formats.observed import Count, Observed
    from exclusive_redis_xcom.pages.access.hidden import Names
    from exclusive_redis_xcom.pages.access.known import Known

#: Refusals of so many days are listed.
DAYS: Final = 7
#: So many rows of each table are shown.
MOST_ROWS: Final = 100
_LONGEST: Final = 120
_NOBODY: Final = "not known"


class Event(NamedTuple):
    """Reads or refusals of one reader and one XCom.

    Attributes:
        reader: Who asked.
        dag_id: The reader's DAG; "" where the reader has no page.
        task_id: The reader; "" as above.
        producer: The task that pushed the XCom.
        key: The XCom's key.
        why: Why it was refused; "" for reads.
        number: How often.
        last: When last.
        last_ms: The same in milliseconds since 1970.
    """

    reader: str
    dag_id: str
    task_id: str
    producer: str
    key: str
    why: str
    number: int
    last: Moment | None
    last_ms: int


class Unused(NamedTuple):
    """A consumer of a rule that has read nothing."""

    rule: str
    consumer: str


@dataclass(frozen=True)
class Record:
    """The record of a DAG.

    Attributes:
        problem: Why there is none.
        refusals: The refusals of the last days, the latest first.
        older: How many refusals are older than these.
        reads: Who has read what, the latest first.
        unused: Consumers that have read nothing; None if the record cannot tell.
        mode: What is recorded: "reads", "refusals" or "off", as the settings of this API server say.
        since: When the record began.
        reads_since: When the first read was recorded; None if none was.
        lost: How many events were not recorded.
    """

    problem: str | None = None
    refusals: tuple[Event, ...] = ()
    older: int = 0
    reads: tuple[Event, ...] = ()
    unused: tuple[Unused, ...] | None = None
    mode: str = "off"
    since: Moment | None = None
    reads_since: Moment | None = None
    lost: int = 0


def record(known: Known) -> Record:
    """Read the record of a DAG from Redis, in bounded steps. It may block."""
    mode = here.settings().records
    try:
        found = here.store().observed(known.dag_id)
    except ExclusiveXComError:
        return Record("Redis cannot be reached now, so reads and refusals are not shown.", mode=mode)
    return read(known, found, mode=mode, now_ms=int(time.time() * 1000))


def read(known: Known, found: Observed | None, *, mode: str, now_ms: int) -> Record:
    """Show a record as far as a user may see it.

    Args:
        known: The DAG.
        found: The record; None if nothing was recorded.
        mode: What is recorded.
        now_ms: The time, in milliseconds since 1970.
    """
    if found is None:
        return Record(mode=mode)
    refused = [
        _event(known.names, each.reader, each.xcom[1:], WHY[each.kind], each.times) for each in denials_of(found)
    ]
    earliest = now_ms - DAYS * 86_400_000
    return Record(
        None,
        _joined(each for each in refused if each.last_ms >= earliest),
        sum(each.last_ms < earliest for each in refused),
        _joined(_reads(known.names, found)),
        _unused(known, found),
        mode,
        moment_of_ms(found.since_ms),
        moment_of_ms(found.reads_since_ms),
        (found.lost.number if found.lost else 0) + found.unreadable,
    )


def _reads(names: Names, found: Observed) -> Iterable[Event]:
    for entry in found.entries:
        count = entry.counts.get(observed.READ)
        if count is not None and count.number:
            yield _event(names, entry.reader, (entry.task_id, entry.key), "", count)


def _event(names: Names, reader: tuple[str, str] | None, xcom: tuple[str, ...], why: str, count: Count) -> Event:
    producer, key = xcom
    dag_id, task_id, label = "", "", _NOBODY
    if reader is not None and not names.shows(reader[0]):
        label = counted(["/".join(reader)])
    elif reader is not None:
        dag_id, task_id = reader
        label = names.short("/".join(reader))
    return Event(cut(label, _LONGEST), dag_id, task_id, producer, key, why, *count[:1], None, count.last_ms)


def _joined(events: Iterable[Event]) -> tuple[Event, ...]:
    """Sum the events of readers whose names stay hidden. The latest come first."""
    alike: dict[tuple[str, ...], list[Event]] = defaultdict(list)
    for each in events:
        alike[(each.reader, each.producer, each.key, each.why) if not each.dag_id else each[:6]].append(each)
    joined = []
    for some in alike.values():
        last_ms = max(each.last_ms for each in some)
        first = some[0]
        reader = first.reader
        if not first.dag_id and reader != _NOBODY:
            reader = hidden(len(some))
        joined.append(
            first._replace(
                reader=reader,
                producer=cut(first.producer, _LONGEST),
                key=cut(first.key, _LONGEST),
                number=sum(each.number for each in some),
                last=moment_of_ms(last_ms),
                last_ms=last_ms,
            )
        )
    return tuple(sorted(joined, key=lambda each: -each.last_ms))


def _unused(known: Known, found: Observed) -> tuple[Unused, ...] | None:
    listed = list(uses(known.facts, found))
    if found.reads_since_ms is None or any(use.verdict is Verdict.MAYBE for use in listed):
        return None
    shown = [use for use in listed if use.verdict is Verdict.NO]
    return tuple(_without_names(known.names, shown))


def _without_names(names: Names, unused: Iterable[Use]) -> Iterable[Unused]:
    by_rule: dict[str, list[str]] = defaultdict(list)
    for use in unused:
        if isinstance(use.rule.consumers, str):
            yield Unused(cut(use.rule.source, 2 * _LONGEST), use.consumer)
        else:
            by_rule[use.rule.source].append(use.consumer)
    for source, consumers in by_rule.items():
        for consumer in names.consumers(consumers):
            yield Unused(cut(source, 2 * _LONGEST), cut(consumer, _LONGEST))
