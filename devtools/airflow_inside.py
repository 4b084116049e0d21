"""Run Airflow's own code in the environment of a stack: its commands, and its scheduler's steps without a scheduler.

    with Inside(stack) as inside:
        inside.make_run("sales", "run-1")
        inside.schedule("sales", "run-1")
        inside.command("db", "clean", ...)

One process does all of it, because an import of Airflow takes seconds. The process runs this module as a program. It
reads JSON objects from stdin, one a line, and answers each with a line.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from datetime import datetime, timezone
from typing import IO, TYPE_CHECKING, Any

from devtools.airflow_home import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from devtools.airflow_stack import AirflowStack


class Inside:
    """The process that runs Airflow's code. Its output goes to a log of the stack."""

    def __init__(self, stack: AirflowStack) -> None:
        self._log: Path = stack.logs / "inside.log"
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._env = stack.env
        self._process: subprocess.Popen[str]

    def __enter__(self) -> Inside:
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "devtools.airflow_inside"],
                env=self._env,
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process.wait(timeout=30)

    def command(self, *arguments: str) -> None:
        """Run an `airflow` command."""
        self._ask(do="command", arguments=arguments)

    def serialize(self) -> None:
        """Parse the DAG files, as the DAG processor does."""
        self.command("dags", "reserialize")

    def make_run(self, dag_id: str, run_id: str) -> None:
        """Create a run that has just been started, and its task instances."""
        self._ask(do="make_run", dag_id=dag_id, run_id=run_id)

    def schedule(self, dag_id: str, run_id: str) -> None:
        """Do to a run's task instances what the scheduler does: expand mapped tasks, and remove surplus instances."""
        self._ask(do="schedule", dag_id=dag_id, run_id=run_id)

    def succeed(self, dag_id: str, run_id: str, task_id: str) -> None:
        """Record all instances of a task as successful."""
        self._ask(do="succeed", dag_id=dag_id, run_id=run_id, task_id=task_id)

    def token(self) -> str:
        """Make a token such as tasks get."""
        return str(self._ask(do="token"))

    def _ask(self, **what: Any) -> Any:
        requests, answers = self._process.stdin, self._process.stdout
        if requests is None or answers is None:
            raise RuntimeError("the process has no pipes")
        requests.write(json.dumps(what) + "\n")
        requests.flush()
        answer = answers.readline()
        if not answer:
            raise RuntimeError(f"{what} was not answered:\n{self._log.read_text()[-5000:]}")
        return json.loads(answer)


def _serve(requests: IO[str], answers: IO[str]) -> None:
    for line in requests:
        what = json.loads(line)
        answer = globals()[f"_{what.pop('do')}"](**what)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _command(arguments: list[str]) -> None:
    from airflow.cli.cli_parser import get_parser

    parsed = get_parser().parse_args(arguments)
    with contextlib.suppress(SystemExit):
        parsed.func(parsed)


def _make_run(dag_id: str, run_id: str) -> None:
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState

    now = datetime.now(timezone.utc)
    with create_session() as session:
        run = DagRun(
            dag_id=dag_id,
            run_id=run_id,
            logical_date=None,
            run_after=now,
            start_date=now,
            run_type="manual",
            state=DagRunState.RUNNING,
        )
        session.add(run)
        session.flush()
        _verified(run, session)


def _schedule(dag_id: str, run_id: str) -> None:
    from airflow.utils.session import create_session

    with create_session() as session:
        run = _verified(_run(dag_id, run_id, session), session)
        run.task_instance_scheduling_decisions(session=session)


def _succeed(dag_id: str, run_id: str, task_id: str) -> None:
    from airflow.utils.session import create_session

    with create_session() as session:
        for instance in _run(dag_id, run_id, session).get_task_instances(session=session):
            if instance.task_id == task_id:
                instance.state = "success"


def _token() -> str:
    from devtools.worlds.api_world_rows import task_token

    return task_token({}, "00000000-0000-7000-8000-000000000001", None, 24 * 3600)


def _run(dag_id: str, run_id: str, session: Any) -> Any:
    from airflow.models.dagrun import DagRun
    from sqlalchemy import select

    return session.scalars(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)).one()


def _verified(run: Any, session: Any) -> Any:
    from airflow.models.dag_version import DagVersion
    from airflow.models.serialized_dag import SerializedDagModel

    run.dag = SerializedDagModel.get(run.dag_id, session=session).dag
    run.verify_integrity(dag_version_id=DagVersion.get_latest_version(run.dag_id, session=session).id, session=session)
    session.flush()
    return run


if __name__ == "__main__":
    _answers = sys.stdout
    sys.stdout = sys.stderr  # Airflow may print, and that must not mix with the answers
    _serve(sys.stdin, _answers)
