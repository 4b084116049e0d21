"""Who may read a DAG's XComs, as far as a user may know it: the matrix and the picture, drawn once per version."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from exclusive_redis_xcom.access import Verdict
from exclusive_redis_xcom.access.overview.entries import Consumer, entries
from exclusive_redis_xcom.access.overview.graph import pictures
from exclusive_redis_xcom.access.overview.layout import place
from exclusive_redis_xcom.access.overview.matrix import matrix
from exclusive_redis_xcom.access.printable import printable
from exclusive_redis_xcom.access.telling import note_of_more
from exclusive_redis_xcom.access.unknown_keys import unlisted
from exclusive_redis_xcom.pages.access.hidden import counted
from exclusive_redis_xcom.pages.kept import Kept
from exclusive_redis_xcom.pages.rendering import environment

if TYPE_CHECKING:
    from exclusive_redis_xcom.access.overview.entries import Entry
    from exclusive_redis_xcom.access.overview.graph import Picture
    from exclusive_redis_xcom.pages.access.hidden import Names
    from exclusive_redis_xcom.pages.access.known import Known

#: A picture with more keys and consumers than these is drawn on request.
_MOST_DRAWN: Final = 80
#: So many tasks and keys are proposed in the form.
_MOST_PROPOSED: Final = 1000
#: All that is kept takes so many bytes. A DAG of 10,000 rules may take 60 MB.
_MOST_BYTES: Final = 64 * 1024 * 1024


@dataclass(frozen=True)
class Drawn:
    """A DAG's access.

    Attributes:
        xcoms: How many XComs it has.
        without_rule: How many of them have no rule.
        table: The matrix as HTML; None without XComs.
        picture: The picture as HTML; None without XComs, or if it is large.
        proposals: What the form proposes, as HTML.
        note: What is not known.
    """

    xcoms: int
    without_rule: int
    table: Any
    picture: Any
    proposals: Any
    note: str | None

    @property
    def bytes(self) -> int:
        """How many bytes its HTML takes in memory."""
        return sum(map(sys.getsizeof, (self.table, self.picture, self.proposals)))


_kept: Final[Kept[Drawn]] = Kept(64, weigh=lambda each: each.bytes, most_bytes=_MOST_BYTES)


def drawn(known: Known, airflow: str, *, whole: bool) -> Drawn:
    """Draw a DAG's access.

    Args:
        known: The DAG.
        airflow: What the paths of Airflow's pages begin with.
        whole: Whether a large picture is wanted, too.
    """
    return _kept.get((known.dag_id, known.identity, airflow, whole), lambda: _draw(known, airflow, whole=whole))


def _draw(known: Known, airflow: str, *, whole: bool) -> Drawn:
    access = known.access
    found = [_without_names(entry, known.names) for entry in entries(access, dag_ids={known.dag_id})]
    picture = next(pictures(found), None)
    note = note_of_more(unlisted(access, {known.dag_id}), of="other tasks")
    keys = sorted({printable(entry.xcom.key) for entry in found})
    return Drawn(
        len(found),
        sum(not entry.rule.restricted for entry in found),
        None if picture is None else _macros("matrix.html.j2").matrix_table(matrix(picture), airflow, known.dag_id),
        _picture(picture, whole=whole),
        _macros("proposals.html.j2").proposals(sorted(known.facts.tasks)[:_MOST_PROPOSED], keys[:_MOST_PROPOSED]),
        None if note is None else printable(note),
    )


def _picture(picture: Picture | None, *, whole: bool) -> Any:
    if picture is None:
        return None
    size = len(picture.consumers) + sum(len(producer.rows) for producer in picture.producers)
    return _macros("picture_of_dag.html.j2").picture_of_dag(place(picture)) if whole or size <= _MOST_DRAWN else None


def _macros(template: str) -> Any:
    return environment().get_template(template).module


def _without_names(entry: Entry, names: Names) -> Entry:
    """Replace the tasks of DAGs that the user may not read by their number."""
    shown = [each for each in entry.consumers if names.shows(each.dag_id)]
    hidden = [str(each) for each in entry.consumers if not names.shows(each.dag_id)]
    if hidden:
        shown.append(Consumer(entry.xcom.dag_id, counted(hidden), Verdict.MAYBE, True))
    return replace(entry, consumers=tuple(shown))
