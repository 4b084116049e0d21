"""Who am I? The one module that answers; nothing else guesses.

Airflow tells an XCom backend the producer's coordinate only, so the running task instance has to be found:

==================================================  =======  ========  =================  =============
phase of a task process                             context  listener  structlog (3.2+)   DAG parse
==================================================  =======  ========  =================  =============
clearing of old XComs at start                      no       no        yes                task, not run
rendering of templates and arguments                yes      no        yes
`execute` (incl. its threads)                     yes      yes       yes
push of `return_value` and multiple outputs       no       yes       yes
callbacks                                           no       yes       yes
==================================================  =======  ========  =================  =============

The context wins where it exists. `dag.test()` runs all tasks in one process, where whatever was remembered
belongs to the *previous* task until its successor's listener fires; there the in-process supervisor knows
whose turn it is and is asked second. (Phases: `airflow/sdk/execution_time/task_runner.py`.)

`AIRFLOW_CTX_*` is not used: it is stale in `dag.test()` and inherited by subprocesses.
"""

from __future__ import annotations

import sys
from typing import Any

from exclusive_redis_xcom.model import Principal
from exclusive_redis_xcom.process import kind

# Set by the listener and by the policy, once per task process (more often in dag.test()).
_running: Any = None
_running_in_process = False
_parsing: tuple[str, str] | None = None


def remember_running(task_instance: Any) -> None:
    """Keep the task instance that Airflow says is running now (called by `listener.py`).

    Only the Task SDK's own object counts: the scheduler and the API server fire some of the same hooks
    with a database model.
    """
    global _running, _running_in_process  # noqa: PLW0603 - a process runs one task at a time; this is that fact
    if type(task_instance).__name__ == "RuntimeTaskInstance":
        _running = task_instance
        _running_in_process = _in_process_principal() is not None


def remember_parsing(dag_id: str | None, task_id: str | None) -> None:
    """Keep for which task this task process parses its DAG file (called by `policy.py`).

    Airflow passes it in environment variables, which DAG code can set: it counts for `clearing_principal`
    alone, and nowhere but in a task process.
    """
    global _parsing  # noqa: PLW0603 - see above
    if kind.is_task_process() and _parsing is None and dag_id and task_id:
        _parsing = (dag_id, task_id)


def forget() -> None:
    """Drop what was remembered. For tests, which run many tasks in one process."""
    global _running, _running_in_process, _parsing
    _running, _running_in_process, _parsing = None, False, None
    kind.forget()


def current_principal() -> Principal | None:
    """The task instance that runs in this process, or None where it cannot be established."""
    task_instance = running_task_instance()
    if task_instance is not None:
        return principal_of(task_instance)
    return _in_process_principal() or _logging_principal()


def clearing_principal() -> Principal | None:
    """Who removes XComs: `current_principal`, and on Airflow 3.1 also the task that clears its own at start.

    There only DAG and task are known: `run_id` and `map_index` are None.
    """
    return current_principal() or _parsing_principal()


def running_task_instance() -> Any:
    """The Task SDK's `RuntimeTaskInstance` (with `.task` and its DAG), or None where there is none."""
    from_context = _context_task_instance()
    if from_context is not None:
        return from_context
    if _running is None:
        return None
    in_process = _in_process_principal()
    stale = in_process is None if _running_in_process else False
    if stale or (in_process is not None and principal_of(_running) != in_process):
        return None  # dag.test(): what the listener remembers is the previous task, or the run is over
    return _running


def principal_of(task_instance: Any) -> Principal | None:
    """Who a task instance of the Task SDK is; None if its ids are not those of one."""
    dag_id, task_id, run_id = task_instance.dag_id, task_instance.task_id, task_instance.run_id
    map_index = getattr(task_instance, "map_index", None)
    for part in (dag_id, task_id, run_id):
        if not (part and isinstance(part, str)):
            return None
    return Principal(dag_id, task_id, run_id, -1 if map_index is None else int(map_index))


def _context_task_instance() -> Any:
    # Not imported yet means that no task of this process has entered its context yet.
    module = sys.modules.get("airflow.sdk.definitions.context")
    if module is None:
        return None
    try:
        return module.get_current_context().get("ti")
    except RuntimeError:
        return None


def _in_process_principal() -> Principal | None:
    """`dag.test()`: the task instance whose turn it is."""
    task_instance = kind.in_process_task_instance()
    return None if task_instance is None else principal_of(task_instance)


def _logging_principal() -> Principal | None:
    """From Airflow 3.2: the ids that the task runner and the triggerer bind to every log line."""
    structlog = sys.modules.get("structlog")
    if structlog is None:
        return None
    bound = structlog.contextvars.get_contextvars()
    ids = [bound.get(name) for name in ("dag_id", "task_id", "run_id")]
    map_index = bound.get("map_index")
    if not all(isinstance(part, str) and part for part in ids) or not isinstance(map_index, int):
        return None
    dag_id, task_id, run_id = ids
    return Principal(str(dag_id), str(task_id), str(run_id), map_index)


def _parsing_principal() -> Principal | None:
    if _parsing is None:
        return None
    dag_id, task_id = _parsing
    return Principal(dag_id, task_id, run_id=None, map_index=None)
