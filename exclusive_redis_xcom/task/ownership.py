"""A task instance may write and remove only its own XComs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from exclusive_redis_xcom.process import identity, kind
from exclusive_redis_xcom.reporting import refusals, reports, unidentified

if TYPE_CHECKING:
    from exclusive_redis_xcom.errors import XComAccessDenied
    from exclusive_redis_xcom.model import Coordinate, Principal

Action = Literal["push", "remove"]


def require_owner(coordinate: Coordinate, action: Action) -> None:
    """Refuse everybody but the task instance that owns the coordinate.

    Raises:
        XComAccessDenied: The running task does not own it. The refusal is logged and counted, too.
    """
    principal = identity.clearing_principal() if action == "remove" else identity.current_principal()
    if principal is None or not _owns(principal, coordinate, action):
        raise refusal(coordinate, principal, action)


def refusal(coordinate: Coordinate, principal: Principal | None, action: Action) -> XComAccessDenied:
    """Log and count the refusal of somebody who does not own the coordinate, and return it."""
    if principal is None:
        error = unidentified.refused(coordinate, action, kind.of_this_process())
    else:
        error = refusals.write_denied(coordinate, principal, action)
    reports.write(coordinate, principal, action, error)
    return error


def _owns(principal: Principal, coordinate: Coordinate, action: Action) -> bool:
    if coordinate.ti_id is not None and not _is_running(coordinate.ti_id):
        return False
    if (principal.dag_id, principal.task_id) != (coordinate.dag_id, coordinate.task_id):
        return False
    if principal.run_id is None and action == "remove":
        # Airflow 3.1 clears a task's old XComs before it says which run this is. So far, only the top level of the
        # DAG file has run. See process/identity.py.
        return True
    return (principal.run_id, principal.map_index) == (coordinate.run_id, coordinate.map_index)


def _is_running(ti_id: str) -> bool:
    """Tell whether this process runs the task instance; also where Airflow does not tell which one it runs."""
    running = identity.running_task_instance()
    return running is None or str(running.id) == ti_id
