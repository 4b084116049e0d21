"""Rows of Airflow's table `xcom`, a page of them at a time.

A row of another backend may hold a value of any size. It is not read, and not shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.errors import InvalidReference
from exclusive_redis_xcom.formats.reference import Reference, is_reference, parse_stored
from exclusive_redis_xcom.model import Coordinate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

#: So many rows are on one page.
PAGE = 100
#: No reference is longer, as JSON.
_LONGEST = 256 * 1024


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    Attributes:
        at: The coordinate, from the row's own columns.
        reference: The reference in it; None if it holds something else.
        is_malformed: Whether it looks like a reference and is none.
        pushed_at: When Airflow wrote it.
    """

    at: Coordinate
    reference: Reference | None
    is_malformed: bool
    pushed_at: datetime

    @property
    def is_of_another_xcom(self) -> bool:
        """Whether the reference names another XCom: somebody has copied it."""
        named = None if self.reference is None else self.reference.coordinate
        return named is not None and (
            (named.dag_id, named.run_id, named.task_id, named.map_index, named.key)
            != (self.at.dag_id, self.at.run_id, self.at.task_id, self.at.map_index, self.at.key)
        )


def rows(
    dag_id: str, run_id: str, task_id: str | None = None, map_index: int | None = None, *, start: int = 0
) -> tuple[Sequence[Row], int]:
    """Return one page of the rows of a run, a task or a task instance, and how many rows there are in all."""
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import String, case, cast, func, select

    columns = (XComModel.dag_id, XComModel.run_id, XComModel.task_id, XComModel.map_index, XComModel.key)
    wanted = [XComModel.dag_id == dag_id, XComModel.run_id == run_id]
    if task_id is not None:
        wanted.append(XComModel.task_id == task_id)
    if map_index is not None:
        wanted.append(XComModel.map_index == map_index)
    short = func.length(cast(XComModel.value, String)) <= _LONGEST
    query = (
        select(*columns, XComModel.timestamp, case((short, XComModel.value), else_=None).label("value"))
        .where(*wanted)
        .order_by(XComModel.task_id, XComModel.key, XComModel.map_index)
        .offset(start)
        .limit(PAGE)
    )
    with create_session(scoped=False) as session:
        total = session.scalar(select(func.count()).select_from(XComModel).where(*wanted))
        return [_row(*found) for found in session.execute(query)], int(total or 0)


def _row(dag_id: str, run_id: str, task_id: str, map_index: int, key: str, pushed_at: datetime, value: Any) -> Row:
    at = Coordinate(dag_id, run_id, task_id, key, map_index)
    if not is_reference(value):
        return Row(at, None, False, pushed_at)
    try:
        return Row(at, parse_stored(value), False, pushed_at)
    except InvalidReference:
        return Row(at, None, True, pushed_at)
