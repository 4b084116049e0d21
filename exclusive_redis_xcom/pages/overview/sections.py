"""The sections of the page, as one user may see them. A DAG that the user may not read is in none of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from exclusive_redis_xcom.access.printable import cut
from exclusive_redis_xcom.pages.hidden_count import hidden
from exclusive_redis_xcom.pages.overview.chart import DAYS, Chart, chart
from exclusive_redis_xcom.reporting.quantities import in_bytes
from exclusive_redis_xcom.store.sums import Sum

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exclusive_redis_xcom.formats.observed import Day
    from exclusive_redis_xcom.pages.overview.dags import DagsRead
    from exclusive_redis_xcom.pages.overview.memory import MemoryRead
    from exclusive_redis_xcom.pages.overview.record import RecordRead
    from exclusive_redis_xcom.pages.overview.summary import Summary, WideGrant
    from exclusive_redis_xcom.pages.user import Readable

#: So many rows has a table.
ROWS = 10
_LONGEST_ID = 60
_WIDEST = 90


@dataclass(frozen=True, slots=True)
class DagName:
    """A DAG: its id for links, and the same as people read it."""

    dag_id: str
    shown: str


@dataclass(frozen=True, slots=True)
class Rules:
    """Keys without a rule, and wide grants.

    Attributes:
        dags: How many DAGs there are for this user.
        read: How many of them were read.
        without_rule: DAGs with keys that have no rule, most keys first.
        more_without_rule: How many further DAGs have such keys.
        wide: The widest grants.
        more_wide: How many further ones there are.
        unreadable: DAGs that cannot be read.
        more_unreadable: How many further ones there are.
    """

    dags: int
    read: int
    without_rule: Sequence[tuple[DagName, Summary]]
    more_without_rule: int
    wide: Sequence[tuple[DagName, WideGrant]]
    more_wide: int
    unreadable: Sequence[DagName]
    more_unreadable: int


@dataclass(frozen=True, slots=True)
class Refusals:
    """Refusals by day, and the DAGs that have most of them: `(DAG, refused, would be refused)`."""

    chart: Chart
    most: Sequence[tuple[DagName, int, int]]
    more: int


@dataclass(frozen=True, slots=True)
class MemoryRow:
    """What one DAG takes, or all of them.

    Attributes:
        dag: The DAG; None for the sum.
        xcoms: How many XComs.
        in_redis: Bytes in Redis, for people.
        elsewhere: Bytes in object storage.
        expiring: Bytes in Redis that expire within a day.
        width: How wide the DAG's bar is: its share of the widest one, in pixels.
    """

    dag: DagName | None
    xcoms: int
    in_redis: str
    elsewhere: str
    expiring: str
    width: int


@dataclass(frozen=True, slots=True)
class Memory:
    """What the largest DAGs take, and how many further DAGs there are. The last row is the sum of all of them."""

    rows: Sequence[MemoryRow]
    more: int

    @property
    def is_elsewhere(self) -> bool:
        """Whether anything lies in object storage."""
        return any(row.elsewhere for row in self.rows)


def named(dag_id: str, known: frozenset[str]) -> DagName:
    """Return a DAG's name. One that Airflow does not know has no page to link to."""
    return DagName(dag_id if dag_id in known else "", cut(dag_id, _LONGEST_ID))


def rules(found: DagsRead, readable: Readable) -> Rules:
    """Return what a user may know of all DAGs' rules."""
    mine = [dag_id for dag_id in found.dag_ids if dag_id in readable.dag_ids]
    read = [(named(dag_id, readable.dag_ids), found.summaries[dag_id]) for dag_id in mine if dag_id in found.summaries]
    without = sorted((each for each in read if each[1].without_rule), key=lambda each: -each[1].without_rule)
    grants = ((dag, _as_shown(grant, readable)) for dag, each in read for grant in each.wide)
    wide = sorted(grants, key=lambda each: each[1].rank)
    unreadable = [dag for dag, each in read if each.is_unreadable]
    return Rules(
        dags=len(mine),
        read=len(read),
        without_rule=without[:ROWS],
        more_without_rule=max(len(without) - ROWS, 0),
        wide=wide[:ROWS],
        more_wide=max(len(wide) - ROWS, 0) + sum(each.more_wide for _, each in read),
        unreadable=unreadable[:ROWS],
        more_unreadable=max(len(unreadable) - ROWS, 0),
    )


def _as_shown(grant: WideGrant, readable: Readable) -> WideGrant:
    """Return a grant without a pattern of DAGs' names, unless the user may read all DAGs."""
    return grant if readable.are_all or not grant.names_dags else replace(grant, consumer=hidden(0, 1))


def refusals(found: RecordRead, readable: Readable, today: int) -> Refusals:
    """Return what a user may know of refusals. What tasks wrote under a name that is no DAG is left out."""
    mine = {dag_id: _last(days, today) for dag_id, days in found.days.items() if dag_id in readable.dag_ids}
    totals = [
        (named(dag_id, readable.dag_ids), sum(day.refused for day in days), sum(day.would_refuse for day in days))
        for dag_id, days in mine.items()
        if days
    ]
    most = sorted(totals, key=lambda each: (-each[1] - each[2], each[0].dag_id))
    drawn = chart((day for days in mine.values() for day in days), today)
    return Refusals(drawn, most[:ROWS], max(len(most) - ROWS, 0))


def memory(found: MemoryRead, readable: Readable) -> Memory:
    """Return what a user may know of memory. XComs of deleted DAGs are for those who may read all DAGs."""

    def size(each: Sum) -> int:
        return each.bytes_in_redis + each.bytes_elsewhere

    mine = [(dag_id, each) for dag_id, each in found.by_dag.items() if readable.shows(dag_id)]
    mine.sort(key=lambda item: (-size(item[1]), item[0]))
    if not mine:
        return Memory((), 0)
    widest = max(size(mine[0][1]), 1)
    rows = [_row(named(dag_id, readable.dag_ids), each, size(each) * _WIDEST // widest) for dag_id, each in mine[:ROWS]]
    total = Sum()
    for _, each in mine:
        total.xcoms += each.xcoms
        total.bytes_in_redis += each.bytes_in_redis
        total.bytes_elsewhere += each.bytes_elsewhere
        total.expiring += each.expiring
    return Memory([*rows, _row(None, total, 0)], max(len(mine) - ROWS, 0))


def _row(dag: DagName | None, each: Sum, width: int) -> MemoryRow:
    return MemoryRow(
        dag,
        each.xcoms,
        in_bytes(each.bytes_in_redis),
        in_bytes(each.bytes_elsewhere) if each.bytes_elsewhere else "",
        in_bytes(each.expiring),
        width,
    )


def _last(days: Sequence[Day], today: int) -> list[Day]:
    return [day for day in days if today - DAYS < day.day <= today and (day.refused or day.would_refuse)]
