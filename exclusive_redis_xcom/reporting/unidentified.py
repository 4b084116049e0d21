"""The refusals of code that no task runs, as far as Airflow tells: what kind of process it is, and what to do.

docs/reference/who-asks.md has the same, as a table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.errors import XComAccessDenied
from exclusive_redis_xcom.first_line import fitted
from exclusive_redis_xcom.reporting.wording import lines, short_xcom, where

if TYPE_CHECKING:
    from exclusive_redis_xcom.model import Coordinate

_PULL = {
    "triggerer": "Pull in the task before it defers, and hand the value to the trigger.",
    "dag_processor": "Pull in a task, or in a callback that runs in the task's own process.",
    "api_server": "Pull in a task.",
    "dag_test_child": "Pull in the task, and hand the value on. Or run the DAG with a scheduler.",
    "unknown": "Pull in the task, and hand the value on. Or let this process inherit the task's environment and its "
    "connection to the supervisor, as @task.external_python does.",
}
_WRITE = {
    "triggerer": "Push and remove in the task, before it defers or after it resumes.",
    "dag_processor": "Push and remove in a task, or in a callback that runs in the task's own process.",
    "api_server": "Push and remove in a task.",
    "dag_test_child": "Hand the value to the task, and push it there. Or run the DAG with a scheduler.",
    "unknown": "Hand the value to the task, and push it there. Or let this process inherit the task's environment and "
    "its connection to the supervisor, as @task.external_python does.",
}

#: Why Airflow does not say whose part the code is, by the kind of process (`process.kind`).
_CAUSES = {
    "triggerer": "This code runs in the triggerer, and Airflow does not say for which task. It never does for the "
    "callback of a deadline, and Airflow 3.1 does for no trigger.",
    "dag_processor": "This code runs in the DAG processor, and Airflow does not say for which task.",
    "api_server": "This code runs in an API server, and not in a task.",
    "dag_test_child": "This process was started by a task under dag.test(), where Airflow answers only "
    "the task's own process.",
    "unknown": "This process is no task, and no task that talks to the same supervisor has started it. For example, "
    "Airflow runs callbacks on executors in such processes.",
}

_DONE = {"pull": "pulled", "push": "pushed", "remove": "removed"}


def refused(at: Coordinate, action: str, process: str) -> XComAccessDenied:
    """Word the refusal of an action of nobody.

    Args:
        at: The XCom.
        action: "pull", "push" or "remove".
        process: The kind of process that asks (`process.kind`).
    """
    kind = process if process in _CAUSES else "unknown"
    remedies = _PULL if action == "pull" else _WRITE
    first = fitted(
        lambda short: f"{short_xcom(at, short)} may not be {_DONE[action]}: it is not known which task asks."
    )
    return XComAccessDenied(lines(first, _CAUSES[kind], remedies[kind], where(at)))
