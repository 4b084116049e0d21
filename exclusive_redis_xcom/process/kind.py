"""What kind of process is this? Airflow runs DAG code in several kinds, and only a task's calls pass the API server.

Airflow has no name for these kinds. On 3.1 to 3.3 the object that talks to the supervisor tells them apart
(`task_runner.SUPERVISOR_COMMS`; `airflow/sdk/execution_time/comms.py`):

| process                            | class of the object      | what else tells                                |
|------------------------------------|--------------------------|------------------------------------------------|
| task                               | CommsDecoder             | `on_starting(TaskRunnerMarker)` was called     |
| `dag.test()`, while a task runs    | InProcessSupervisorComms | it knows whose turn it is                      |
| triggerer                          | TriggerCommsDecoder      |                                                |
| DAG processor (parsing, callbacks) | CommsDecoder             | it decodes `processor.ToDagProcessor`          |
| started by a task, in connection   | CommsDecoder             | the task says so (`inherited.py`)              |
| callback on an executor (3.3)      | CommsDecoder             | nothing does: "unknown"                        |
| API server                         | there is none            | it has imported `airflow.api_fastapi.main`     |

A process that a task starts is of kind "task", too. Under `dag.test()` its kind is "dag_test_child". Airflow connects
it to the in-process supervisor there. That supervisor puts all answers into the queue of its own process
(`InProcessTestSupervisor.send_msg`).

Code in the process can change all of this. So the answer serves three things only: the wording of texts, the task whose
turn it is under `dag.test()`, and whose parsing counts in `identity.clearing_principal`. What `enforcement = server`
promises does not rest on it.
"""

from __future__ import annotations

import sys
from typing import Any, Literal

from exclusive_redis_xcom.process import inherited, supervisor_line

ProcessKind = Literal["task", "dag_test", "dag_test_child", "triggerer", "dag_processor", "api_server", "unknown"]

_BY_CLASS: dict[str, ProcessKind] = {"InProcessSupervisorComms": "dag_test", "TriggerCommsDecoder": "triggerer"}

#: Only API servers import these: Airflow's ASGI module, and ours for `--apps execution`.
_SERVER_MODULES = ("airflow.api_fastapi.main", "exclusive_redis_xcom.asgi")

_is_task_process = False


def of_this_process() -> ProcessKind:
    """Return what kind of process this is; "unknown" where nothing tells, as in a plain script."""
    comms = supervisor_line.comms()
    if type(comms).__name__ in _BY_CLASS:
        return _BY_CLASS[type(comms).__name__]
    if comms is not None and _decodes_for_dag_processor(comms):
        return "dag_processor"
    if _is_task_process:
        return "task"
    if comms is None and any(name in sys.modules for name in _SERVER_MODULES):
        return "api_server"
    return _of_the_task_that_started_it()


def remember_task_process() -> None:
    """Keep that Airflow started this process to run a task. The listener calls this before any DAG code runs."""
    global _is_task_process  # noqa: PLW0603 - a process is one or is not; this is that fact
    _is_task_process = True


def is_task_process() -> bool:
    """Tell whether Airflow started this process to run a task."""
    return _is_task_process


def forget() -> None:
    """Drop what was remembered. Tests need this: they play many processes in one."""
    global _is_task_process  # noqa: PLW0603 - see above
    _is_task_process = False


def in_process_task_instance() -> Any:
    """Return the task instance that Airflow's in-process supervisor runs (`dag.test()`); None elsewhere."""
    comms = supervisor_line.comms()
    if type(comms).__name__ != "InProcessSupervisorComms":
        return None
    return getattr(getattr(comms, "supervisor", None), "ti", None)


def _of_the_task_that_started_it() -> ProcessKind:
    told = inherited.inherited()
    if told is None:
        return "unknown"
    return "dag_test_child" if told.in_process else "task"


def _decodes_for_dag_processor(comms: Any) -> bool:
    processor = sys.modules.get("airflow.dag_processing.processor")
    messages = getattr(processor, "ToDagProcessor", None)
    # pydantic's TypeAdapter keeps the adapted type in this attribute only.
    return messages is not None and getattr(getattr(comms, "body_decoder", None), "_type", None) == messages
