"""An Airflow on this machine: its REST API, its DAG files, its tables and its logs.

Who waits for it asks often. So what is waited for is read from its tables: an answer of the API server costs as much
processor time as some tasks.
"""

from __future__ import annotations

import os
from abc import abstractmethod
from pathlib import Path
from typing import Any

from devtools import processes
from devtools.airflow_api import AirflowApi, wait_until


class LocalAirflow(AirflowApi):
    """What every stack of ours has, however it is built.

    Args:
        url: Where its API server is.
        home: The stack's folder.
        dags_folder: Where DAG files are.
        logs: Where its programs log.
        login: As in `AirflowApi`.
    """

    def __init__(
        self, url: str, *, home: Path, dags_folder: Path, logs: Path, login: tuple[str, str] | None = None
    ) -> None:
        super().__init__(url, login)
        self.home, self.dags_folder, self.logs = home, dags_folder, logs

    @abstractmethod
    def rows(self, query: str, *arguments: object) -> list[dict[str, Any]]:
        """Run a query on Airflow's database and return the rows. JSON comes as text. A `?` stands for an argument."""

    def run_state(self, dag_id: str, run_id: str) -> str:
        """Return the state of a run."""
        (row,) = self.rows("SELECT state FROM dag_run WHERE dag_id = ? AND run_id = ?", dag_id, run_id)
        return str(row["state"])

    def task_states(self, dag_id: str, run_id: str) -> dict[tuple[str, int], str | None]:
        """Return `(task_id, map_index) -> state` of a run."""
        query = "SELECT task_id, map_index, state FROM task_instance WHERE dag_id = ? AND run_id = ?"
        return {(row["task_id"], row["map_index"]): row["state"] for row in self.rows(query, dag_id, run_id)}

    def files_of_dags(self) -> dict[str, str]:
        """Return DAG id -> path of its file in the DAGs folder, for all DAGs whose file has them still."""
        found = self.rows("SELECT dag_id, relative_fileloc FROM dag WHERE NOT is_stale")
        return {row["dag_id"]: row["relative_fileloc"] for row in found}

    def xcom_rows(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return the run's rows of table `xcom`, read from the database. `value` is raw JSON text."""
        query = "SELECT * FROM xcom WHERE dag_id = ? AND run_id = ? ORDER BY task_id, map_index, key"
        return self.rows(query, dag_id, run_id)

    def add_dag(self, name: str, source: str, timeout: float = 60) -> list[str]:
        """Write a DAG file and wait until it has been parsed; return its DAG ids, none if it does not import.

        Args:
            name: File name without `.py`. An existing file is replaced.
            source: The file's text.
            timeout: Seconds to wait.
        """
        path = self.dags_folder / f"{name}.py"
        # A parsing that began before the file was replaced may end after it. Only the second one shows the new text.
        parsings = 2 if path.exists() else 1
        draft = path.with_suffix(".draft")
        draft.write_text(source)
        before = self._parsed(path)
        draft.replace(path)
        for _ in range(parsings - 1):
            self._wait_parsed(path, before, timeout)
            before = self._parsed(path)
        fresh = self._wait_parsed(path, before, timeout)
        return sorted(dag_id for dag_id, _ in fresh if dag_id)

    def log_tails(self, lines: int = 30) -> str:
        """Return the ends of all programs' logs."""
        logs = sorted(self.logs.glob("*.log"))
        return "\n".join(f"--- {log}\n{processes.tail(log, lines)}" for log in logs)

    def _wait_parsed(
        self, path: Path, before: set[tuple[str | None, str]], timeout: float
    ) -> set[tuple[str | None, str]]:
        os.utime(path)  # a file that is newer than its last parsing is parsed at once, any other seldom
        return wait_until(
            lambda: self._parsed(path) - before, timeout, lambda: f"{path.name} was not parsed\n{self.log_tails()}"
        )

    def _parsed(self, path: Path) -> set[tuple[str | None, str]]:
        """Return when each DAG of a file was last parsed. An id of None stands for its last failure to import."""
        query = "SELECT dag_id, last_parsed_time FROM dag WHERE relative_fileloc = ? AND NOT is_stale"
        dags = self.rows(query, path.name)
        errors = self.rows("SELECT filename, timestamp FROM import_error")
        broken = [error for error in errors if Path(error["filename"]).name == path.name]
        return {(dag["dag_id"], str(dag["last_parsed_time"])) for dag in dags} | {
            (None, str(error["timestamp"])) for error in broken
        }
