"""Refused writes: the API server's answer, as the error that the task's own process would raise.

With `enforcement = server`, the ring answers 403 to a write that a task may not do. Airflow raises an error of its own
then, whose text is the whole answer on one line (`airflow/sdk/exceptions.py`, `AirflowRuntimeError`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk.exceptions import AirflowRuntimeError

from exclusive_redis_xcom.errors import XComAccessDenied


class ours:  # noqa: N801 - it is read as `with ours():`
    """Raise XComAccessDenied in place of Airflow's error about a write that the ring refused."""

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, _kind: object, error: object, _traceback: object) -> None:
        """Raise the ring's text if there is one; else let the error pass."""
        message = _message(error) if isinstance(error, AirflowRuntimeError) else None
        if message is not None:
            raise XComAccessDenied(message) from None


def _message(error: AirflowRuntimeError) -> str | None:
    """Return what the ring said; None if somebody else refused."""
    detail: Any = getattr(error.error, "detail", None)
    for _ in range(2):  # Airflow's client puts the answer under "detail", and the answer has a "detail" of its own
        detail = detail.get("detail") if isinstance(detail, Mapping) else None
    if not isinstance(detail, Mapping) or detail.get("reason") != "access_denied":
        return None
    message = detail.get("message")
    return message if isinstance(message, str) else None
