"""Which task instance does this process run? This module answers, and nothing else guesses.

Airflow tells an XCom backend only the producer's coordinate. So the running task instance has to be found. Who knows it
depends on the phase of the task process (`airflow/sdk/execution_time/task_runner.py`):

| phase                                       | context | listener | structlog (3.2+) | DAG parse           |
|---------------------------------------------|---------|----------|------------------|---------------------|
| clearing of old XComs at start              | no      | no       | yes              | the task, no run    |
| rendering of templates and arguments        | yes     | no       | yes              | the task, no run    |
| `execute` and its threads                   | yes     | yes      | yes              | the task, no run    |
| push of `return_value` and multiple outputs | no      | yes      | yes              | the task, no run    |
| callbacks                                   | no      | yes      | yes              | the task, no run    |

The context wins where it exists. `dag.test()` runs all tasks in one process. What the listener remembers there belongs
to the *previous* task until the listener fires for the next one. So the in-process supervisor, which knows whose turn
it is, is asked second.

A process that the running task has started knows none of this. It is told by the task (`inherited.py`).

`AIRFLOW_CTX_*` is not used. It is stale in `dag.test()`, it names no map index, and programs inherit it that are no
part of the task.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.model import Principal
from exclusive_redis_xcom.process import inherited, kind

if TYPE_CHECKING:
    from collections.abc import Mapping

# The listener and the policy set these once per task process, and more often in dag.test().
_running: Any = None
_running_in_process = False
_parsing: tuple[str, str] | None = None


def remember_running(task_instance: Any) -> None:
    """Keep the task instance that Airflow says is running now. The listener calls this.

    Only the Task SDK's own object counts: the scheduler and the API server fire some of the same hooks with a database
    model.
    """
    global _running, _running_in_process  # noqa: PLW0603 - a process runs one task at a time; this is that fact
    if type(task_instance).__name__ == "RuntimeTaskInstance":
        _running = task_instance
        _running_in_process = _in_process_principal() is not None


def remember_parsing(dag_id: str | None, task_id: str | None) -> None:
    """Keep for which task this task process parses its DAG file. The policy calls this.

    Airflow passes the ids in environment variables, and DAG code can set those. So they count for `clearing_principal`
    alone, and only in a task process.
    """
    global _parsing  # noqa: PLW0603 - see above
    if kind.is_task_process() and _parsing is None and dag_id and task_id:
        _parsing = (dag_id, task_id)


def forget() -> None:
    """Drop what was remembered. Tests need this: they run many tasks in one process."""
    global _running, _running_in_process, _parsing
    _running, _running_in_process, _parsing = None, False, None
    kind.forget()


def current_principal() -> Principal | None:
    """Return the task instance that runs in this process; None where it cannot be established."""
    task_instance = running_task_instance()
    if task_instance is not None:
        return principal_of(task_instance)
    return _in_process_principal() or _logging_principal() or _inherited_principal()


def clearing_principal() -> Principal | None:
    """Return who removes XComs: `current_principal`, or on Airflow 3.1 the task that clears its own XComs at start.

    Of the latter only DAG and task are known: its `run_id` and `map_index` are None.
    """
    return current_principal() or _parsing_principal()


def running_task_instance() -> Any:
    """Return the Task SDK's `RuntimeTaskInstance` with its `.task` and DAG; None where there is none."""
    from_context = _context_task_instance()
    if from_context is not None:
        return from_context
    if _running is None:
        return None
    in_process = _in_process_principal()
    stale = in_process is None if _running_in_process else False
    if stale or (in_process is not None and principal_of(_running) != in_process):
        return None  # dag.test(): the listener remembers the previous task, or the run is over
    return _running


def principal_of(task_instance: Any) -> Principal | None:
    """Return the principal of a Task SDK's task instance; None if an id is missing or no text."""
    dag_id, task_id, run_id = task_instance.dag_id, task_instance.task_id, task_instance.run_id
    map_index = getattr(task_instance, "map_index", None)
    for part in (dag_id, task_id, run_id):
        if not (part and isinstance(part, str)):
            return None
    return Principal(dag_id, task_id, run_id, -1 if map_index is None else int(map_index))


def run_conf_of(task_instance: Any) -> Mapping[str, Any]:
    """Return the conf of the task instance's run; empty where the API server told none."""
    from_server = getattr(task_instance, "_ti_context_from_server", None)
    return getattr(getattr(from_server, "dag_run", None), "conf", None) or {}


def _context_task_instance() -> Any:
    # While neither module is imported, no task of this process has entered its context. The public function runs an
    # import statement at each call. In a task whose caches are cold, that takes as long as all the rest of this lookup.
    internal = sys.modules.get("airflow.sdk.definitions._internal.contextmanager")
    current = getattr(internal, "_get_current_context", None)
    if current is None:
        current = getattr(sys.modules.get("airflow.sdk.definitions.context"), "get_current_context", None)
    if current is None:
        return None
    try:
        return current().get("ti")
    except RuntimeError:
        return None


def _in_process_principal() -> Principal | None:
    """Return the task instance whose turn it is under `dag.test()`."""
    task_instance = kind.in_process_task_instance()
    return None if task_instance is None else principal_of(task_instance)


def _logging_principal() -> Principal | None:
    """Return the ids that the task runner and the triggerer bind to every log line from Airflow 3.2 on."""
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


def _inherited_principal() -> Principal | None:
    """Return the task instance that has started this process, which talks to the task's supervisor.

    Under `dag.test()` it is None. Airflow answers no request of such a process there.
    """
    told = inherited.inherited()
    return None if told is None or told.in_process else told.principal


def _parsing_principal() -> Principal | None:
    if _parsing is None:
        return None
    dag_id, task_id = _parsing
    return Principal(dag_id, task_id, run_id=None, map_index=None)
