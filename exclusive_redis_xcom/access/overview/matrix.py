"""The matrix of one DAG: a row for each key, and a column for each consumer where these are few."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from exclusive_redis_xcom.access.answers import Verdict
from exclusive_redis_xcom.access.names import is_id
from exclusive_redis_xcom.access.printable import printable
from exclusive_redis_xcom.acl import source as sources

if TYPE_CHECKING:
    from exclusive_redis_xcom.access.overview.graph import Box, Picture, Row

#: With more consumers than these, a row names its consumers, and there are no columns for them.
MOST_COLUMNS = 16


class Name(NamedTuple):
    """What a box is called, and the whole names.

    Attributes:
        label: What it is called.
        title: All tasks in it.
        dag_id: The DAG of a single task, to link to; "" for others.
        task_id: The single task; "" for others.
        is_shared: Whether several tasks share it.
    """

    label: str
    title: str
    dag_id: str = ""
    task_id: str = ""
    is_shared: bool = False


class Names(NamedTuple):
    """Who may pull one key: for certain, and perhaps."""

    certain: tuple[Name, ...]
    perhaps: tuple[Name, ...]


class MatrixRow(NamedTuple):
    """One key. `cells` has "yes", "maybe" or "" for each column. `in_file` tells that the rule is in the DAG's file."""

    producer: Name
    key: str
    rule: str
    in_file: bool
    further: str
    cells: tuple[str, ...]
    names: Names


@dataclass(frozen=True, slots=True)
class Matrix:
    """The matrix. Without columns, the rows' names tell who may pull."""

    columns: tuple[Name, ...]
    rows: tuple[MatrixRow, ...]


def matrix(picture: Picture) -> Matrix:
    """Make the matrix of a picture."""
    consumers = tuple(map(_name, picture.consumers))
    columns = consumers if len(consumers) <= MOST_COLUMNS else ()
    rows = []
    for producer in picture.producers:
        name = _name(producer.box)
        for row in producer.rows:
            cells = {line.target: line.verdict.value for line in row.lines}
            rows.append(
                MatrixRow(
                    name,
                    printable(row.key),
                    printable(row.rule),
                    not row.rule.startswith(sources.BY_SETTING),
                    row.further,
                    tuple(cells.get(number, "") for number in range(len(columns))),
                    Names(_named(row, consumers, Verdict.YES), _named(row, consumers, Verdict.MAYBE)),
                )
            )
    return Matrix(columns, tuple(rows))


def _name(box: Box) -> Name:
    names = (printable(box.label), printable(box.title))
    if box.is_group or len(box.task_ids) > 1:
        return Name(*names, is_shared=not box.is_group)
    ids = (box.dag_id, box.task_ids[0])
    return Name(*names, *ids) if all(map(is_id, ids)) else Name(*names)


def _named(row: Row, consumers: tuple[Name, ...], verdict: Verdict) -> tuple[Name, ...]:
    return tuple(consumers[line.target] for line in row.lines if line.verdict is verdict)
