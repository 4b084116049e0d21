"""A task hands its identity on to the processes that it starts, in an environment variable.

The code of `@task.external_python` and `@task.virtualenv` runs in another interpreter. Airflow connects that
interpreter to the task's own supervisor (`task_runner.reinit_supervisor_comms`), and tells it no task instance. So the
task's process does.

The variable counts only where the connection to the supervisor is the very socket that the task had when it set the
variable. Other programs inherit the environment, too: an Airflow that a task starts has supervisors of its own. These
programs are nobody.

Code in a task can set the variable, as it can change all else that `identity` goes by. So the variable opens nothing
that such code could not open. With `enforcement = server`, the API server decides by the token that the supervisor
holds.
"""

from __future__ import annotations

import json
import os
from typing import NamedTuple

from exclusive_redis_xcom.model import Principal
from exclusive_redis_xcom.process import supervisor_line

VARIABLE = "_EXCLUSIVE_REDIS_XCOM_TASK"

#: Linux takes 128 KiB in one variable, and less than 2 MiB in all of them.
_MOST_CHARACTERS = 32 * 1024


class Inherited(NamedTuple):
    """What a process was told by the task that started it.

    `rules` are the rules for the task's own XComs, in the form of `declaration.handed_on`. `in_process` says that the
    task runs under `dag.test()`.
    """

    principal: Principal
    rules: str
    in_process: bool


def hand_on(principal: Principal | None, *, rules: str, in_process: bool) -> None:
    """Tell the processes that this one starts from now on which task they belong to.

    Rules that are too long for the environment are left out. Then such a process can pull, and it cannot push.

    Args:
        principal: The running task instance; None takes back what was said of an earlier one.
        rules: The rules for its XComs, as text.
        in_process: Whether it runs under `dag.test()`.
    """
    socket_id = supervisor_line.socket_id()
    if principal is None or socket_id is None:
        os.environ.pop(VARIABLE, None)
        return
    ids = (principal.dag_id, principal.task_id, principal.run_id, principal.map_index)
    text = json.dumps([socket_id, in_process, *ids, rules])
    os.environ[VARIABLE] = text if len(text) <= _MOST_CHARACTERS else json.dumps([socket_id, in_process, *ids, ""])


def inherited() -> Inherited | None:
    """Return what the task that started this process handed on; None where this process is not part of a task.

    It is None, too, where this process has no connection to the task's supervisor.
    """
    text = os.environ.get(VARIABLE)
    if text is None or type(supervisor_line.comms()).__name__ != "CommsDecoder":
        return None
    try:
        socket_id, in_process, dag_id, task_id, run_id, map_index, rules = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return None
    texts = (socket_id, dag_id, task_id, run_id, rules)
    if not all(isinstance(part, str) for part in texts) or type(map_index) is not int:
        return None
    if not (dag_id and task_id and run_id) or socket_id != supervisor_line.socket_id():
        return None
    return Inherited(Principal(dag_id, task_id, run_id, map_index), rules, in_process is True)
