"""How refusals are logged and counted.

A refusal that is raised is logged in one short line. Airflow logs its text if the task fails of it. An operator finds
the line even if the task's code catches the error. A refusal that is only reported (`mode = report`) is raised
nowhere, so its whole text is logged.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from exclusive_redis_xcom.reporting import metrics
from exclusive_redis_xcom.reporting.wording import logged

if TYPE_CHECKING:
    from exclusive_redis_xcom.errors import XComAccessDenied
    from exclusive_redis_xcom.formats.reference import Reference
    from exclusive_redis_xcom.model import Coordinate, Principal

log = logging.getLogger("exclusive_redis_xcom")


def pull(at: Coordinate, principal: Principal | None, error: XComAccessDenied, *, would_only: bool) -> None:
    """Log and count a refused pull.

    Args:
        at: The XCom.
        principal: Who asked.
        error: The refusal.
        would_only: Whether it is only reported (`mode = report`).
    """
    if would_only:
        log.warning("XCom pull would be refused: %s", error)
    else:
        log.warning("XCom pull refused: %s.", logged(at, principal))
    metric = metrics.PULL_WOULD_BE_REFUSED if would_only else metrics.PULL_REFUSED
    metrics.count(metric, dag_id=at.dag_id, task_id=at.task_id)


def sealed(reference: Reference, principal: Principal | None) -> None:
    """Log that a sealed value was not opened. Count it unless the API server has counted it."""
    at = reference.coordinate
    log.warning("XCom pull refused: %s.", logged(at, principal))
    if reference.seal is None or reference.seal.refused is None:
        metrics.count(metrics.PULL_REFUSED, dag_id=at.dag_id, task_id=at.task_id)


def write(at: Coordinate, principal: Principal | None, action: str) -> None:
    """Log and count a refused push or removal (`action`: "push" or "remove")."""
    log.warning("XCom %s refused: %s.", action, logged(at, principal))
    metrics.count(metrics.WRITE_REFUSED, dag_id=at.dag_id, task_id=at.task_id)
