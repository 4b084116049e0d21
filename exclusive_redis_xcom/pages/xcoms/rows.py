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


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows of a run are meant. An empty text and None select all.

    Attributes:
        dag_id: The DAG.
        run_id: The run.
        task_id: The task.
        map_index: The map index.
        key: The whole key.
        in_task: A part of the task's id.
        in_key: A part of the key.
    """

    dag_id: str
    run_id: str
    task_id: str = ""
    map_index: int | None = None
    key: str = ""
    in_task: str = ""
    in_key: str = ""

    def conditions(self) -> list[Any]:
        """Return the conditions of a query on Airflow's table."""
        from airflow.models.xcom import XComModel

        found = [XComModel.dag_id == self.dag_id, XComModel.run_id == self.run_id]
        if self.task_id:
            found.append(XComModel.task_id == self.task_id)
        if self.map_index is not None:
            found.append(XComModel.map_index == self.map_index)
        if self.key:
            found.append(XComModel.key == self.key)
        if self.in_task:
            found.append(XComModel.task_id.contains(self.in_task, autoescape=True))
        if self.in_key:
            found.append(XComModel.key.contains(self.in_key, autoescape=True))
        return found


def rows(selection: Selection, *, start: int = 0) -> tuple[Sequence[Row], int]:
    """Return one page of rows, and how many rows there are in all."""
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import String, case, cast, func, select

    columns = (XComModel.dag_id, XComModel.run_id, XComModel.task_id, XComModel.map_index, XComModel.key)
    wanted = selection.conditions()
    short = func.length(cast(XComModel.value, String)) <= _LONGEST
    query = (
        select(*columns, XComModel.timestamp, case((short, XComModel.value), else_=None).label("value"))
        .where(*wanted)
        .order_by(XComModel.task_id, XComModel.key, XComModel.map_index)
        .offset(start)
        .limit(PAGE)
    )
    with create_session(scoped=False) as session:
        found = [_row(*each) for each in session.execute(query)]
        if len(found) < PAGE and (found or not start):
            return found, start + len(found)
        total = session.scalar(select(func.count()).select_from(XComModel).where(*wanted))
        return found, int(total or 0)


def _row(dag_id: str, run_id: str, task_id: str, map_index: int, key: str, pushed_at: datetime, value: Any) -> Row:
    at = Coordinate(dag_id, run_id, task_id, key, map_index)
    if not is_reference(value):
        return Row(at, None, False, pushed_at)
    try:
        return Row(at, parse_stored(value), False, pushed_at)
    except InvalidReference:
        return Row(at, None, True, pushed_at)
