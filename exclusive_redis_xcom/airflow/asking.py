"""What a lazy sequence is asking Airflow for. Airflow tells the backend only the value of the row that it has found."""

from __future__ import annotations

import contextlib
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exclusive_redis_xcom.airflow.rows import Asked


@dataclass(frozen=True, slots=True)
class Asking:
    """What a lazy sequence is asking Airflow for at the moment. `rows` says that its rows must stay as they are."""

    asked: Asked
    rows: bool


_asking: ContextVar[Asking | None] = ContextVar("exclusive_redis_xcom_asking", default=None)


def asking() -> Asking | None:
    """Tell the backend for which lazy sequence Airflow calls it; return None if that is not known."""
    return _asking.get()


@contextlib.contextmanager
def on_behalf_of(what: Asking) -> Iterator[None]:
    """Let the backend know, inside the `with` block, for what Airflow calls it."""
    token = _asking.set(what)
    try:
        yield
    finally:
        _asking.reset(token)
