"""Pull all results of a mapped task, or a part of them, slice by slice (`slices.py`).

The values of a slice are read from Redis before the next slice is asked for. If a value was replaced since Airflow
answered, that slice is asked for again. The results of a look-back are resolved together, because all of them tell
which results may be missing.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.airflow import slices, unanswered
from exclusive_redis_xcom.airflow.coroutine_threads import in_thread
from exclusive_redis_xcom.airflow.rows import resolve
from exclusive_redis_xcom.airflow.settling import asettled, settled
from exclusive_redis_xcom.airflow.slices import READ_AHEAD, SHORT_ROWS, Reading
from exclusive_redis_xcom.formats import reference as references
from exclusive_redis_xcom.task.access import current_access

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from exclusive_redis_xcom.airflow.rows import Asked
    from exclusive_redis_xcom.airflow.slices import Slice

    Ask = Callable[[Slice], Sequence[Any]]


def pull(request: Mapping[str, Any], asked: Asked) -> list[Any] | None:
    """Return the values of all rows, in Airflow's order; None if Airflow has no row.

    Args:
        request: The arguments of `BaseXCom.get_all`.
        asked: The same, as this package names it.

    Raises:
        ExclusiveXComError: As `rows.resolve` raises it.
        StoreUnavailable: Airflow's API server did not answer.
    """
    ask = functools.partial(rows_of, request)

    def looked_back() -> list[Any] | None:
        rows = _read(ask, asked, Reading(list, most=_most(asked)))
        return resolve(rows, asked) if rows else None

    return settled(looked_back) if asked.prior_dates else read(ask, asked) or None


def rows_of(request: Mapping[str, Any], part: Slice) -> Sequence[Any]:
    """Ask Airflow for the rows of a slice. References that were read already may stand in place of rows."""
    from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

    return _rows(SUPERVISOR_COMMS.send(_message(part, **request)))


async def apull(request: Mapping[str, Any], asked: Asked) -> list[Any] | None:
    """Do what `pull` does, for coroutines of Airflow 3.3 and later. A thread waits for Redis."""

    async def looked_back() -> list[Any] | None:
        rows = await _aread(request, asked, Reading(list, most=_most(asked)))
        return await in_thread(resolve, rows, asked) if rows else None

    if asked.prior_dates:
        return await asettled(looked_back)
    return await _aread(request, asked, Reading(lambda rows: resolve(rows, asked), most=_most(asked))) or None


def read(ask: Ask, asked: Asked, start: int = 0, wanted: int | None = None) -> list[Any]:
    """Return the values of the rows from a number on, in Airflow's order.

    Args:
        ask: Asks Airflow for a slice, and returns its rows.
        asked: What is pulled.
        start: The number of the first row that is wanted.
        wanted: How many rows are wanted; None for all.

    Raises:
        ExclusiveXComError: As for `pull`.
    """
    return _read(ask, asked, Reading(lambda rows: resolve(rows, asked), start, wanted, _most(asked)))


def _read(ask: Ask, asked: Asked, reading: Reading) -> list[Any]:
    def turn() -> None:
        with unanswered.typed(asked):
            rows = ask(reading.asked)
        reading.take(rows)

    while not reading.over:
        settled(turn)
    return reading.found


async def _aread(request: Mapping[str, Any], asked: Asked, reading: Reading) -> list[Any]:
    from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

    async def turn() -> None:
        with unanswered.typed(asked):
            rows = _rows(await SUPERVISOR_COMMS.asend(_message(reading.asked, **request)))
        await in_thread(reading.take, rows)

    while not reading.over:
        await asettled(turn)
    return reading.found


def _most(asked: Asked) -> int:
    """Return how many rows a slice has. Only slices of the run's own rows come in short."""
    is_short = not asked.prior_dates and not current_access().settings.by_server
    return slices.SHORT_AT_ONCE if is_short else slices.ROWS_AT_ONCE


def _message(
    part: Slice, *, key: str, dag_id: str, task_id: str, run_id: str, include_prior_dates: bool = False
) -> Any:
    """Return the message that `BaseXCom.get_all` sends, for one slice. A later Airflow's arguments are refused.

    The API server may answer with short rows, unless earlier runs are asked for, too.
    """
    from airflow.sdk.execution_time.comms import GetXComSequenceSlice

    return GetXComSequenceSlice(
        key=key,
        dag_id=dag_id,
        task_id=task_id,
        run_id=run_id,
        start=part.start,
        stop=part.stop,
        step=None if include_prior_dates else SHORT_ROWS if current_access().settings.by_server else READ_AHEAD,
        include_prior_dates=include_prior_dates,
    )


def _rows(answer: Any) -> Sequence[Any]:
    from airflow.sdk.execution_time.comms import XComSequenceSliceResult

    if not isinstance(answer, XComSequenceSliceResult):
        raise TypeError(f"Airflow answered with {type(answer).__name__} to GetXComSequenceSlice")
    return references.expanded(answer.root)
