"""Pulls by processes that are no part of a task. They are refused before Airflow is asked.

Airflow does not serve all of them:

- From 3.2 on, executors run callbacks. The supervisor of such a callback knows no message about XComs.
- Under `dag.test()`, no answer reaches a process that a task has started (`process/kind.py`).

A process without a supervisor would get an `ImportError` that says nothing to its author.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.formats.observed import NOBODY
from exclusive_redis_xcom.process import identity, kind
from exclusive_redis_xcom.reporting import reports, unidentified
from exclusive_redis_xcom.task import observing
from exclusive_redis_xcom.task.access import current_access

if TYPE_CHECKING:
    from exclusive_redis_xcom.airflow.rows import Asked

#: Kinds of processes in which Airflow runs no code on behalf of a task, or answers none.
_OF_NO_TASK = ("unknown", "api_server", "dag_test_child")


def refuse(asked: Asked) -> None:
    """Refuse a pull by a process that is no part of a task, unless `mode = report`.

    Raises:
        XComAccessDenied: It is such a process. The refusal is logged and counted, too.
    """
    if identity.current_principal() is not None:
        return
    process: Any = kind.of_this_process()
    access = current_access()
    if process not in _OF_NO_TASK or access.settings.reports_only:
        return
    error = unidentified.refused(asked.coordinate, "pull", process)
    reports.pull(asked.coordinate, None, error, would_only=False)
    observing.refused(access, asked.coordinate, None, NOBODY)
    raise error
