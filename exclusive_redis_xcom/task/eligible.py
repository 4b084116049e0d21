"""Which pulls may be answered by Redis alone.

This module checks what must be known about reader and producer before Redis is asked. It asks no Redis and decides
nothing about access. If a condition does not hold, Airflow's own path answers and words the errors. Redis then has to
prove the conditions of `exclusive_redis_xcom.task.direct_pull`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.model import NOT_MAPPED, Coordinate, is_airflows
from exclusive_redis_xcom.process import identity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exclusive_redis_xcom.model import Principal

#: What `BaseXCom.get_one` and `get_all` take (`airflow/sdk/bases/xcom.py`, 3.1 to 3.3). A later release may pass more
#: arguments. Their meaning is not known here.
_KNOWN = frozenset({"key", "dag_id", "task_id", "run_id", "map_index", "include_prior_dates"})
_IDS = ("dag_id", "run_id", "task_id", "key")


@dataclass(slots=True)  # a frozen one takes five times as long to make
class EligiblePull:
    """One pull that Redis alone may answer. Nobody changes it.

    `first` is the XCom that the pull asks for. With `every_index`, it is the first of all results of a mapped task.
    `since` is when the reader's run was started, by the scheduler's clock. `alone` says that the pull asks for all
    results of a task that is not mapped. The task may have been mapped before, so there must be no other results.
    """

    first: Coordinate
    every_index: bool
    reader: Principal
    since: datetime
    alone: bool = False


def find_eligible(request: Mapping[str, Any], task_instance: Any, *, everything: bool) -> EligiblePull | None:
    """Find out what to read directly for a pull; return None if Airflow must answer.

    Args:
        request: The keyword arguments of `get_one`, or of `get_all`.
        task_instance: The `RuntimeTaskInstance` that asks; None where there is none.
        everything: Whether it is `get_all`.
    """
    reader = None if task_instance is None else identity.principal_of(task_instance)
    if reader is None or not _is_plain(request) or is_airflows(request["key"]):
        return None
    if (request["dag_id"], request["run_id"]) != (reader.dag_id, reader.run_id):
        return None
    mapped = _is_mapped(task_instance.task.dag, request["dag_id"], request["task_id"])
    index = None if mapped is None else _index(request.get("map_index"), mapped, everything)
    since = _started(task_instance)
    if index is None or since is None:
        return None
    first = Coordinate(request["dag_id"], request["run_id"], request["task_id"], request["key"], index)
    of_mapped = index != NOT_MAPPED
    return EligiblePull(first, everything and of_mapped, reader, since, alone=everything and not of_mapped)


def _is_plain(request: Mapping[str, Any]) -> bool:
    """Tell whether a request only names an XCom, in a way that Airflow's client cannot read differently."""
    if not request.keys() <= _KNOWN or request.get("include_prior_dates"):
        return False
    # A key may hold a slash. "name/slice" is stored as such, and read as another key (execution_api/routes/xcoms.py).
    for name in _IDS:
        if not (type(request.get(name)) is str and request[name]):
            return False
    return "/" not in request["key"]


def _is_mapped(dag: Any, dag_id: str, task_id: str) -> bool | None:
    """Tell whether instances of a task have map indexes; return None if the reader's DAG does not have the task."""
    producer = dag.task_dict.get(task_id) if dag.dag_id == dag_id else None
    if producer is None:
        return None
    return bool(producer.is_mapped) or producer.get_closest_mapped_task_group() is not None


def _started(task_instance: Any) -> datetime | None:
    """Return when the run of a task instance was started; None if the API server did not tell."""
    # pydantic's __getattr__ would give the same, but it would take a tenth of a pull's time.
    private = getattr(task_instance, "__pydantic_private__", None) or {}
    run = getattr(private.get("_ti_context_from_server"), "dag_run", None)
    since = getattr(run, "start_date", None)
    return since if isinstance(since, datetime) and since.tzinfo is not None else None


def _index(asked: Any, mapped: bool, everything: bool) -> int | None:
    """Return the map_index to read first; None where such a task should have no such result."""
    if everything:
        return 0 if mapped else NOT_MAPPED
    # Airflow's client takes None and all negative numbers as "not mapped" (sdk/api/client.py, XComOperations.get).
    index = NOT_MAPPED if asked is None else asked
    fits = type(index) is int and (index >= 0 if mapped else index == NOT_MAPPED)
    return index if fits else None
