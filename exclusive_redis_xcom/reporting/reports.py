"""How refusals are logged and counted.

A refusal that is raised is logged in one short line. Airflow logs its text if the task fails of it. An operator finds
the line even if the task's code catches the error. A refusal that is only reported (`mode = report`) is raised
nowhere, so its whole text is logged.
"""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, NamedTuple

from exclusive_redis_xcom.reporting import metrics
from exclusive_redis_xcom.reporting.wording import logged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exclusive_redis_xcom.errors import ExclusiveXComError
    from exclusive_redis_xcom.formats.reference import Reference
    from exclusive_redis_xcom.model import Coordinate, Principal

log = logging.getLogger("exclusive_redis_xcom")


class Refusal(NamedTuple):
    """A refusal, for whoever listens in this process.

    Attributes:
        action: "pull", "push" or "remove".
        at: The XCom.
        principal: Who asked; None if that is not known.
        error: The refusal, as it is raised.
        would_only: Whether it is only reported (`mode = report`).
    """

    action: str
    at: Coordinate
    principal: Principal | None
    error: ExclusiveXComError
    would_only: bool = False


_listening: list[list[Refusal]] = []


@contextlib.contextmanager
def heard() -> Iterator[list[Refusal]]:
    """Collect the refusals of this process inside the `with` block, in their order. Tests of DAGs do."""
    found: list[Refusal] = []
    _listening.append(found)
    try:
        yield found
    finally:
        _listening[:] = [other for other in _listening if other is not found]


def _tell(refusal: Refusal) -> None:
    for found in _listening:
        found.append(refusal)


def pull(at: Coordinate, principal: Principal | None, error: ExclusiveXComError, *, would_only: bool) -> None:
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
    _tell(Refusal("pull", at, principal, error, would_only))


def sealed(reference: Reference, principal: Principal | None, error: ExclusiveXComError) -> None:
    """Log that a sealed value was not opened. Count it unless the API server has counted it.

    Args:
        reference: The reference whose seal is closed.
        principal: Who asked.
        error: What is raised.
    """
    at = reference.coordinate
    log.warning("XCom pull refused: %s.", logged(at, principal))
    if reference.seal is None or reference.seal.refused is None:
        metrics.count(metrics.PULL_REFUSED, dag_id=at.dag_id, task_id=at.task_id)
    _tell(Refusal("pull", at, principal, error))


def write(at: Coordinate, principal: Principal | None, action: str, error: ExclusiveXComError) -> None:
    """Log and count a refused push or removal (`action`: "push" or "remove"), which `error` says."""
    log.warning("XCom %s refused: %s.", action, logged(at, principal))
    metrics.count(metrics.WRITE_REFUSED, dag_id=at.dag_id, task_id=at.task_id)
    _tell(Refusal(action, at, principal, error))
