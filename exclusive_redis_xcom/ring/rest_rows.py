"""Rows of Airflow's table ``xcom``, read for the public REST API: do they hold our reference, are they still there.

Synchronous, for worker threads. Coordinates come from a row's own columns, never from the reference in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.reference import MARK

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_FETCHED_AT_ONCE = 1000
# How many scopes, and how many rows, one statement asks for: 5 parameters each, and SQLite takes 32766 at most.
_ASKED_AT_ONCE = 500
# Airflow 3.1 encodes an edited value twice.
_MAX_ENCODINGS = 4


def carries_reference(value: object) -> bool:
    """Whether a value is, or could be taken for, our reference: also as JSON text, and with further keys."""
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
    """Whether a row of (dag_id, run_id, task_id, key), of any map_index, holds our reference."""
    from airflow.models.xcom import XComModel

    with _session() as session:
        values = session.execute(
            _select(XComModel.value).where(_is_in(scope, [scope])), execution_options={"yield_per": _FETCHED_AT_ONCE}
        )
        return any(carries_reference(value) for (value,) in values)


def addresses(scopes: Sequence[tuple[str, ...]], *, whole: bool) -> Iterator[Coordinate]:
    """The coordinates of all rows in scopes of the same length, each the first ids of (dag_id, run_id, task_id, key).

    Values are not read: what is removed with its row is unreachable whether the row held a reference or not.

    Args:
        scopes: Of one to four ids.
        whole: One coordinate per (dag_id, run_id, task_id, key) instead of one per map_index.
    """
    columns = _columns(whole=whole)
    with _session() as session:
        for start in range(0, len(scopes), _ASKED_AT_ONCE):
            part = scopes[start : start + _ASKED_AT_ONCE]
            rows = session.execute(
                _select(*columns).where(_is_in(part[0], part)).distinct(),
                execution_options={"yield_per": _FETCHED_AT_ONCE},
            )
            for row in rows:
                yield Coordinate(*row)


def gone(coordinates: Sequence[Coordinate], *, whole: bool) -> list[Coordinate]:
    """Those of the coordinates that have no row any more; with ``whole``, at no map_index."""
    columns = _columns(whole=whole)
    missing = {_ids(coordinate)[: len(columns)]: coordinate for coordinate in coordinates}
    asked = list(missing)
    with _session() as session:
        for start in range(0, len(asked), _ASKED_AT_ONCE):
            part = asked[start : start + _ASKED_AT_ONCE]
            for row in session.execute(_select(*columns).where(_tuple(*columns).in_(part)).distinct()):
                missing.pop(tuple(row), None)
    return list(missing.values())


def _ids(at: Coordinate) -> tuple[Any, ...]:
    return at.dag_id, at.run_id, at.task_id, at.key, at.map_index


def _columns(*, whole: bool) -> tuple[Any, ...]:
    from airflow.models.xcom import XComModel

    keys = (XComModel.dag_id, XComModel.run_id, XComModel.task_id, XComModel.key)
    return keys if whole else (*keys, XComModel.map_index)


def _is_in(like: Sequence[str], scopes: Sequence[Sequence[str]]) -> Any:
    from sqlalchemy import and_

    columns = _columns(whole=True)[: len(like)]
    if len(scopes) == 1:
        return and_(*(column == value for column, value in zip(columns, scopes[0], strict=True)))
    return _tuple(*columns).in_([tuple(scope) for scope in scopes])


def _select(*columns: Any) -> Any:
    from sqlalchemy import select

    return select(*columns)


def _tuple(*columns: Any) -> Any:
    from sqlalchemy import tuple_

    return tuple_(*columns)


def _session() -> Any:
    from airflow.utils.session import create_session

    # The scoped one belongs to the thread, and threads of the pool serve everybody.
    return create_session(scoped=False)
