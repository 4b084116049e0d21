"""Pulls that Airflow's API server did not answer, as an error of this package.

Airflow's supervisor asks again, and gives up after some attempts (`[workers] execution_api_retries`). The task then
gets an error of Airflow's whose text is the whole answer on one line (`airflow/sdk/exceptions.py`,
`AirflowRuntimeError`). Airflow 3.1 ends the task instead if the server did not answer at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowRuntimeError

from exclusive_redis_xcom.errors import StoreUnavailable
from exclusive_redis_xcom.first_line import fitted
from exclusive_redis_xcom.process import identity
from exclusive_redis_xcom.reporting.wording import lines, short_xcom, where

if TYPE_CHECKING:
    from exclusive_redis_xcom.airflow.rows import Asked

#: From this status on, the server could not answer. Below it, the server has refused.
_FAILED = 500


class typed:  # noqa: N801 - it is read as `with typed(asked):`
    """Raise StoreUnavailable in place of Airflow's error about an answer that did not come.

    Args:
        asked: What is pulled.
    """

    def __init__(self, asked: Asked) -> None:
        self._asked = asked

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, _kind: object, error: object, _traceback: object) -> None:
        """Raise the typed error if the server did not answer; else let the error pass."""
        cause = _cause(error) if isinstance(error, AirflowRuntimeError) else None
        if cause is not None:
            raise _error(self._asked, cause) from None


def _error(asked: Asked, cause: str) -> StoreUnavailable:
    at = asked.coordinate
    return StoreUnavailable(
        lines(
            fitted(lambda short: f"{short_xcom(at, short)} was not pulled: Airflow's API server did not answer."),
            cause,
            "Look at the API server's log and load. Then run the task again.",
            where(at, identity.current_principal()),
        )
    )


def _cause(error: AirflowRuntimeError) -> str | None:
    """Say how the server failed; return None if it has answered, or if something else failed."""
    detail: Any = getattr(error.error, "detail", None)
    if not isinstance(detail, Mapping):
        return None
    status, name = detail.get("status_code"), detail.get("exception_type")
    if type(status) is int and status >= _FAILED:
        return f"It answered {status}. {_said(detail.get('detail'))}"
    if status is None and isinstance(name, str) and _is_of_the_network(name):
        return (
            f"Airflow's client gave up with {name}. "
            "[workers] execution_api_timeout and execution_api_retries say how long it waits."
        )
    return None


def _said(answer: Any) -> str:
    """Return what the ring said; other texts may hold anything."""
    detail = answer.get("detail") if isinstance(answer, Mapping) else None
    ours = isinstance(detail, Mapping) and detail.get("reason") == "cannot_decide"
    message = detail.get("message") if ours and isinstance(detail, Mapping) else None
    return message if isinstance(message, str) else "Its log has the cause."


def _is_of_the_network(name: str) -> bool:
    import httpx  # the library of Airflow's client

    kind = getattr(httpx, name, None)
    return isinstance(kind, type) and issubclass(kind, httpx.RequestError)
