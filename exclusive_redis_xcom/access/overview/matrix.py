"""The matrix of one DAG: a row for each key, and a column for each consumer where these are few."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from exclusive_redis_xcom.access.answers import Verdict
from exclusive_redis_xcom.access.printable import printable

if TYPE_CHECKING:
    from exclusive_redis_xcom.access.overview.graph import Picture, Row

#: With more consumers than these, a row names its consumers, and there are no columns for them.
MOST_COLUMNS = 16


class Name(NamedTuple):
    """What a box is called, and the whole names."""

    label: str
    title: str


class Names(NamedTuple):
    """Who may pull one key: for certain, and perhaps."""

    certain: tuple[Name, ...]
    perhaps: tuple[Name, ...]


class MatrixRow(NamedTuple):
    """One key. `cells` has "yes", "maybe" or "" for each column."""

    producer: Name
    key: str
    rule: str
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
    consumers = tuple(Name(printable(box.label), printable(box.title)) for box in picture.consumers)
    columns = consumers if len(consumers) <= MOST_COLUMNS else ()
    rows = []
    for producer in picture.producers:
        name = Name(printable(producer.box.label), printable(producer.box.title))
        for row in producer.rows:
            cells = {line.target: line.verdict.value for line in row.lines}
            rows.append(
                MatrixRow(
                    name,
                    printable(row.key),
                    printable(row.rule),
                    row.further,
                    tuple(cells.get(number, "") for number in range(len(columns))),
                    Names(_named(row, consumers, Verdict.YES), _named(row, consumers, Verdict.MAYBE)),
                )
            )
    return Matrix(columns, tuple(rows))


def _named(row: Row, consumers: tuple[Name, ...], verdict: Verdict) -> tuple[Name, ...]:
    return tuple(consumers[line.target] for line in row.lines if line.verdict is verdict)
