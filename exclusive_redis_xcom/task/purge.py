"""A removal. The task must own the coordinate. Value and rule are removed, and then the object of a spilled value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.task import spill
from exclusive_redis_xcom.task.ownership import require_owner
from exclusive_redis_xcom.tracebacks import errors_without_locals

if TYPE_CHECKING:
    from exclusive_redis_xcom.model import Coordinate
    from exclusive_redis_xcom.task.access import Access


@errors_without_locals
def purge(access: Access, coordinate: Coordinate) -> None:
    """Remove a value of the running task. A missing value is no error.

    Raises:
        XComAccessDenied: The running task does not own the coordinate.
        StoreUnavailable: Redis could not be asked.
    """
    require_owner(coordinate, "remove")
    if access.settings.spill_path is None:
        access.store.purge(coordinate)
    else:
        spill.purge(access.store, access.settings.spill_path, coordinate)
