"""Run the schedulers of several variants at once and pause all but one, so that a change costs next to nothing.

The schedulers share one database. A pause inside a transaction would lock out the others, so it must not happen there,
and not while a task runs. No scheduler may take the tasks of a paused one for abandoned.
If the bench is killed with SIGKILL, the schedulers stay paused: SIGCONT lets them end.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from typing import TYPE_CHECKING

from devtools import processes
from devtools.airflow_stack import StackError, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.airflows import Airflows, Variant
    from devtools.airflow_api import AirflowApi
    from devtools.airflow_stack import AirflowStack

#: A scheduler without a sign of life for so many seconds counts as dead. No pause is as long.
_NEVER = "86400"
_ENV = {
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": _NEVER,
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": _NEVER,
}
_UP = "SELECT count(*) FROM job WHERE job_type = 'SchedulerJob' AND state = 'running'"
_PAUSES = 100


class Schedulers:
    """A paused scheduler for each variant. Use as a context manager.

    Args:
        airflows: The database and servers of the schedulers.
        variants: One for each scheduler.
        env: The name of a variant -> further environment of its scheduler and tasks.
    """

    def __init__(self, airflows: Airflows, variants: Sequence[Variant], env: Mapping[str, Mapping[str, str]]) -> None:
        self._airflows = airflows
        self._stacks: dict[str, AirflowStack] = {
            variant.name: airflows.scheduler_stack(variant, {**_ENV, **env[variant.name]}) for variant in variants
        }

    def __enter__(self) -> Schedulers:
        with contextlib.ExitStack() as undo:
            undo.callback(self._stop)
            self._start()
            undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    @contextlib.contextmanager
    def running(self, variant: Variant) -> Iterator[AirflowApi]:
        """Let the variant's scheduler run; yield the API of the tasks' API server.

        The block must wait for the end of all DAG runs that it starts.
        """
        session = self._stacks[variant.name].programs[0].pid
        processes.resume([session])
        yield self._airflows.server(variant)
        self._pause(session)

    def _start(self) -> None:
        before = self._jobs()
        for stack in self._stacks.values():
            stack.start_component("scheduler")
        wait_until(lambda: self._are_up(before), 240, self._logs, pause=1)
        for stack in self._stacks.values():
            self._pause(stack.programs[0].pid)

    def _stop(self) -> None:
        programs = [program for stack in self._stacks.values() for program in stack.programs]
        processes.stop(programs)  # all at once; this also resumes them
        for stack in self._stacks.values():
            stack.stop()

    def _are_up(self, before: int) -> bool:
        """Return whether all schedulers run and have forked the processes that fork their tasks."""
        for stack in self._stacks.values():
            if stack.programs[0].exit_code() is not None:
                raise StackError(f"a scheduler ended\n{stack.log_tails()}")
        sessions = [stack.programs[0].pid for stack in self._stacks.values()]
        return self._jobs() == before + len(sessions) and all(len(processes.members({one})) > 1 for one in sessions)

    def _jobs(self) -> int:
        with contextlib.closing(sqlite3.connect(self._airflows.database, timeout=10)) as db:
            return int(db.execute(_UP).fetchone()[0])

    def _pause(self, session: int) -> None:
        """Pause a scheduler and its tasks' processes, between two transactions."""
        for _ in range(_PAUSES):
            processes.pause(session)
            if _is_writable(self._airflows.database):
                return
            processes.resume([session])
            time.sleep(0.05)
        raise StackError("a scheduler could not be paused: its database stays locked")

    def _logs(self) -> str:
        return "\n".join(stack.log_tails() for stack in self._stacks.values())


def _is_writable(database: object) -> bool:
    """Return whether a SQLite database can be written; wait up to a second for writers that are about to finish."""
    with contextlib.closing(sqlite3.connect(str(database), timeout=1, isolation_level=None)) as db:
        try:
            db.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            return False
        db.execute("ROLLBACK")
        return True
