"""The connection of this process to its supervisor, which Airflow keeps in `task_runner.SUPERVISOR_COMMS`."""

from __future__ import annotations

import os
import stat
import sys
from typing import Any

#: Where Airflow says which file descriptor is the connection, if that is not standard input (`task_runner.py`).
_AIRFLOW_FD = "__AIRFLOW_SUPERVISOR_FD"


def comms() -> Any:
    """Return the object that talks to the supervisor; None where there is none."""
    runner = sys.modules.get("airflow.sdk.execution_time.task_runner")
    return getattr(runner, "SUPERVISOR_COMMS", None)


def socket_id() -> str | None:
    """Return what tells the connection's socket from all others of this machine; None where there is no socket.

    A process that inherits the socket gets the same answer. Under `dag.test()`, the socket is the one that Airflow
    keeps for the processes that a task starts.
    """
    try:
        connection = getattr(comms(), "socket", None)
        number = int(os.environ[_AIRFLOW_FD]) if connection is None else int(connection.fileno())
        found = os.fstat(number)
    except (AttributeError, KeyError, OSError, OverflowError, TypeError, ValueError):
        return None
    return f"{found.st_dev}:{found.st_ino}" if stat.S_ISSOCK(found.st_mode) else None
