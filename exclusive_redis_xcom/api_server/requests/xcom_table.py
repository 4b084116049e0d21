"""Rows of Airflow's table `xcom`: which rows there are, which are gone, and which hold our reference.

All functions block, so call them in worker threads. Coordinates come from a row's own columns, never from the reference
in the row.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.api_server.requests import rows
from exclusive_redis_xcom.formats.reference import MARK
from exclusive_redis_xcom.model import Coordinate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_FETCHED_AT_ONCE = 1000
# Few at once, because plain values may be large.
_VALUES_AT_ONCE = 20
# Airflow 3.1 encodes an edited value twice.
_MAX_ENCODINGS = 4


def carries_reference(value: object) -> bool:
    """Return whether a value is our reference or could be taken for it, also as JSON text or with further keys."""
    for _ in range(_MAX_ENCODINGS):
        if isinstance(value, Mapping):
            return MARK in value
        if not isinstance(value, str) or not value.lstrip().startswith(("{", '"')):
            return False
        try:
            value = json.loads(value)
        except ValueError:
            return False
        except RecursionError:
            return True
    return True


def holds_reference(scope: Sequence[str]) -> bool:
    """Return whether a row of (dag_id, run_id, task_id, key) holds our reference, at any map_index."""
    from airflow.models.xcom import XComModel

    with rows.session() as session:
        values = session.execute(
            rows.select(XComModel.value).where(rows.among(_columns(whole=True), [tuple(scope)])),
            execution_options={"yield_per": _VALUES_AT_ONCE},
        )
        return any(carries_reference(value) for (value,) in values)


def value_at(at: Coordinate) -> tuple[Any] | None:
    """Return the value in the row of a coordinate, alone in a tuple; None where there is no row."""
    from airflow.models.xcom import XComModel

    with rows.session() as session:
        asked = rows.select(XComModel.value).where(rows.among(_columns(whole=False), [_ids(at)])).limit(1)
        row = session.execute(asked).first()
    return None if row is None else (_decoded(row[0]),)


def texts(names: Mapping[str, str], start: int, stop: int) -> list[str]:
    """Return the JSON of a key's rows from one number to another, in the order of their map indexes.

    The statement is the one of Airflow's own route for slices. Only the JSON is not read.

    Args:
        names: The dag_id, run_id, task_id and key.
        start: The number of the first row, from 0.
        stop: The number after the last row.
    """
    from airflow.models.xcom import XComModel
    from sqlalchemy import Text, cast

    asked = XComModel.get_many(
        run_id=names["run_id"], key=names["key"], task_ids=names["task_id"], dag_ids=names["dag_id"]
    )
    asked = asked.order_by(None).order_by(XComModel.map_index.asc()).slice(start, stop)
    with rows.session() as session:
        found = session.scalars(asked.with_only_columns(cast(XComModel.value, Text)))
        return ["null" if text is None else text for text in found]


def _decoded(value: Any) -> Any:
    """Return a value that may have been encoded more than once, as `carries_reference` looks at it."""
    for _ in range(_MAX_ENCODINGS):
        if not isinstance(value, str) or not value.lstrip().startswith(("{", '"')):
            break
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            break
    return value


def addresses(scopes: Sequence[tuple[str, ...]], *, whole: bool, map_index: int | None = None) -> Iterator[Coordinate]:
    """Return the coordinates of all rows in some scopes.

    Values are not read: a value without its row is unreachable, whether the row held a reference or not.

    Args:
        scopes: One to four of the first ids of (dag_id, run_id, task_id, key); all scopes have the same length.
        whole: Whether to return one coordinate per (dag_id, run_id, task_id, key), not one per map_index.
        map_index: The only one whose rows count; all rows count if it is None.
    """
    columns = _columns(whole=whole)
    with rows.session() as session:
        for part in rows.batches(scopes):
            found = session.execute(
                rows.select(*columns).where(rows.among(columns, part), *_of(map_index)).distinct(),
                execution_options={"yield_per": _FETCHED_AT_ONCE},
            )
            for row in found:
                yield Coordinate(*row)


def map_indexes(scope: tuple[str, str, str, str], most: int) -> list[int] | None:
    """Return the map_indexes of all rows of (dag_id, run_id, task_id, key); None if there are more than `most`."""
    from airflow.models.xcom import XComModel

    with rows.session() as session:
        asked = rows.select(XComModel.map_index).where(rows.among(_columns(whole=True), [scope])).limit(most + 1)
        found = list(session.scalars(asked))
    return found if len(found) <= most else None


def any_left(scopes: Sequence[tuple[str, ...]], *, map_index: int | None = None) -> bool:
    """Return whether the scopes hold any row; with `map_index`, whether they hold a row at that one."""
    from airflow.models.xcom import XComModel

    with rows.session() as session:
        columns = _columns(whole=True)
        asked = (
            rows.select(XComModel.map_index).where(rows.among(columns, part), *_of(map_index)).limit(1)
            for part in rows.batches(scopes)
        )
        found = (session.execute(statement).first() for statement in asked)
        return any(row is not None for row in found)


def gone(coordinates: Sequence[Coordinate], *, whole: bool) -> list[Coordinate]:
    """Return the coordinates that have no row any more; with `whole`, those without a row at any map_index."""
    columns = _columns(whole=whole)
    missing = {_ids(coordinate)[: len(columns)]: coordinate for coordinate in coordinates}
    with rows.session() as session:
        for part in rows.batches(list(missing)):
            for row in session.execute(rows.select(*columns).where(rows.among(columns, part)).distinct()):
                missing.pop(tuple(row), None)
    return list(missing.values())


def _ids(at: Coordinate) -> tuple[Any, ...]:
    return at.dag_id, at.run_id, at.task_id, at.key, at.map_index


def _columns(*, whole: bool) -> tuple[Any, ...]:
    from airflow.models.xcom import XComModel

    keys = (XComModel.dag_id, XComModel.run_id, XComModel.task_id, XComModel.key)
    return keys if whole else (*keys, XComModel.map_index)


def _of(map_index: int | None) -> tuple[Any, ...]:
    from airflow.models.xcom import XComModel

    return () if map_index is None else (XComModel.map_index == map_index,)
