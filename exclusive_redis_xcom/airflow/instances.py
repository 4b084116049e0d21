"""Task instances as Airflow 3.4 and later name them to an XCom backend.

There a push comes with an `XComCoordinate` (`airflow/sdk/bases/xcom.py`): DAG, run, task, and the id of the task
instance. All iterations of a task in a loop have everything but that id in common. The map index is not in it, so it
is that of the running task instance.

This package does not support Airflow 3.4 yet. docs/explanation/testing.md says on what this contract was run.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from airflow.sdk.bases.xcom import BaseXCom

from exclusive_redis_xcom.model import NOT_MAPPED, Coordinate, Principal
from exclusive_redis_xcom.process import identity
from exclusive_redis_xcom.task import ownership

if TYPE_CHECKING:
    from uuid import UUID

#: Whether Airflow keeps the XComs of each task instance apart, and names it in pushes.
AIRFLOW_NAMES_INSTANCES = hasattr(BaseXCom, "store_value")


class XComCoordinate(Protocol):
    """The fields of Airflow's class of this name that are read here."""

    dag_id: str
    run_id: str
    task_id: str
    ti_id: UUID | None


def own_coordinate(told: XComCoordinate, key: str) -> Coordinate:
    """Return the address of a push of the running task instance.

    Args:
        told: What Airflow says of the task instance. Without `ti_id`, it is another one than the one that writes.
        key: The XCom's key.

    Raises:
        XComAccessDenied: It is not the running task instance.
    """
    principal = identity.current_principal()
    map_index = NOT_MAPPED if principal is None or principal.map_index is None else principal.map_index
    ti_id = None if told.ti_id is None else str(told.ti_id)
    at = Coordinate(told.dag_id, told.run_id, told.task_id, key, map_index, ti_id)
    if ti_id is None:
        raise ownership.refusal(at, principal, "push")
    ownership.require_owner(at, "push")
    return at


def of_running(at: Coordinate) -> Coordinate:
    """Return the address with the id of the running task instance, if Airflow names instances and it is that one's."""
    running = identity.running_task_instance() if AIRFLOW_NAMES_INSTANCES else None
    owner = Principal(at.dag_id, at.task_id, at.run_id, at.map_index)
    if running is None or identity.principal_of(running) != owner:
        return at
    return replace(at, ti_id=str(running.id))
