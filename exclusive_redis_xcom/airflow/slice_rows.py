"""The rows of a slice, from Airflow's API server to the reader of this package.

With `enforcement = server`, the reader says that it is this package (`slices.READ_AHEAD`). The API server then answers
with one text in place of hundreds of opened references. It claims no value that may be read once. A slice that has
such values is asked for again, as Airflow would ask.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.airflow.slices import READ_AHEAD
from exclusive_redis_xcom.errors import InvalidReference
from exclusive_redis_xcom.formats import reference as references
from exclusive_redis_xcom.formats import seal
from exclusive_redis_xcom.task.access import current_access

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence


def rows_of(ask: Callable[[int | None], Sequence[Any]]) -> Sequence[Any]:
    """Return the rows of a slice that a task wants. Opened references may stand in place of rows.

    Args:
        ask: Asks Airflow for the slice with a step, and returns what Airflow answered.
    """
    if not current_access().settings.by_server:
        return ask(None)
    rows = read_ahead(ask)
    return ask(None) if _must_be_claimed(rows) else rows


async def arows_of(ask: Callable[[int | None], Awaitable[Sequence[Any]]]) -> Sequence[Any]:
    """Do what `rows_of` does, for coroutines."""
    if not current_access().settings.by_server:
        return await ask(None)
    rows = _opened(await ask(READ_AHEAD))
    return await ask(None) if _must_be_claimed(rows) else rows


def read_ahead(ask: Callable[[int | None], Sequence[Any]]) -> Sequence[Any]:
    """Return the rows of a slice that a task may not want. Those that may be read once stay closed.

    Args:
        ask: As for `rows_of`.
    """
    return _opened(ask(READ_AHEAD))


def _opened(answer: Sequence[Any]) -> Sequence[Any]:
    opened = references.opened_references(answer) if current_access().settings.by_server else None
    return answer if opened is None else opened


def _must_be_claimed(rows: Sequence[Any]) -> bool:
    """Tell whether the pull fails only because values are not claimed yet."""
    reasons = {_reason(row) for row in rows if references.is_reference(row)}
    return seal.WITHHELD in reasons and reasons <= {None, seal.WITHHELD, seal.GONE}


def _reason(row: Any) -> str | None:
    """Return why the API server did not open a row; None if it did."""
    if references.is_text(row):
        return None
    try:
        found = references.parse(row).seal
    except InvalidReference:
        return seal.FORGED
    return None if found is None or found.refused is None else found.refused.reason
