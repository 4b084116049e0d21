"""XComs that a pull asked for, and of which Airflow has no row.

Airflow's `xcom_pull` returns None for such an XCom, and also for a None that was pushed. The backend can tell them
apart, and notes the former here.
"""

from __future__ import annotations

import contextlib
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exclusive_redis_xcom.airflow.rows import Asked

_noted: ContextVar[list[Asked] | None] = ContextVar("exclusive_redis_xcom_absent", default=None)


def note(asked: Asked) -> None:
    """Note that Airflow has no row. This does nothing if nobody wants to know."""
    noted = _noted.get()
    if noted is not None:
        noted.append(asked)


@contextlib.contextmanager
def noted() -> Iterator[list[Asked]]:
    """Collect what is noted inside the `with` block, in the order of the pulls."""
    found: list[Asked] = []
    token = _noted.set(found)
    try:
        yield found
    finally:
        _noted.reset(token)
