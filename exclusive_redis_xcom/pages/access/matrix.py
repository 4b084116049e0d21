"""Who may read a DAG's XComs, as far as a user may know it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from exclusive_redis_xcom.access import Access, Verdict
from exclusive_redis_xcom.access.overview.entries import Consumer, entries
from exclusive_redis_xcom.access.overview.graph import pictures
from exclusive_redis_xcom.access.overview.layout import Placed, place
from exclusive_redis_xcom.access.overview.matrix import Matrix, matrix

if TYPE_CHECKING:
    from exclusive_redis_xcom.access import DagFacts
    from exclusive_redis_xcom.access.overview.entries import Entry
    from exclusive_redis_xcom.pages.user import Readable


@dataclass(frozen=True, slots=True)
class Shown:
    """A DAG's access: the picture, the matrix, and how many XComs it has."""

    placed: Placed
    matrix: Matrix
    xcoms: int


def shown(facts: DagFacts, readable: Readable) -> Shown | None:
    """Return what a user may see of a DAG's access; None if the DAG has no XCom."""
    found = [_without_names(entry, readable) for entry in entries(Access([facts]), dag_ids={facts.dag_id})]
    for picture in pictures(found):
        return Shown(place(picture), matrix(picture), picture.xcoms)
    return None


def _without_names(entry: Entry, readable: Readable) -> Entry:
    """Replace the tasks of DAGs that the user may not read by their number."""
    own = entry.xcom.dag_id
    named = [each for each in entry.consumers if each.dag_id == own or readable.shows(each.dag_id)]
    hidden = len(entry.consumers) - len(named)
    if hidden:
        tasks = "1 task" if hidden == 1 else f"{hidden} tasks"
        named.append(Consumer(own, f"{tasks} of DAGs that you may not see", Verdict.MAYBE, True))
    return replace(entry, consumers=tuple(named))
