"""Load the facts of DAG files: a file, or all files below a folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from exclusive_redis_xcom.access.facts_json import from_json
from exclusive_redis_xcom.access.undecided import UndecidedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exclusive_redis_xcom.access.facts import DagFacts

#: Seconds that all files of a folder may take. Airflow gives one file 30 s.
TIMEOUT = 300.0
_LINES_OF_ERROR = 3


@dataclass(frozen=True)
class Loaded:
    """What DAG files say.

    Attributes:
        dags: The facts of each DAG.
        errors: For each file that failed, the error's text.
    """

    dags: tuple[DagFacts, ...]
    errors: Mapping[str, str]

    def require_all(self) -> tuple[DagFacts, ...]:
        """Return the facts.

        Raises:
            UndecidedError: A file failed, so a "no" might be wrong.
        """
        if self.errors:
            file, text = next(iter(self.errors.items()))
            lines = [f"A DAG file cannot be loaded: {file}", *text.strip().splitlines()[-_LINES_OF_ERROR:]]
            more = len(self.errors) - 1
            raise UndecidedError("\n".join([*lines, f"{more} more cannot be loaded either."] if more else lines))
        return self.dags


def load(
    path: Path,
    *,
    default_consumers: str,
    timeout: float = TIMEOUT,
    start: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Loaded:
    """Parse DAG files in a process of their own.

    Args:
        path: A DAG file, or a folder with DAG files.
        default_consumers: The policy word for XComs without a rule.
        timeout: Seconds that it may take.
        start: The folder that the process starts in. Its modules can be imported. None means this process's own.
        environment: Variables that the process gets besides those of this one.

    Raises:
        UndecidedError: There is no such path, no DAG in it, or it took too long.
    """
    if not path.exists():
        raise UndecidedError(f"There is no file or folder '{path}'.\nName the DAG files with --dags.")
    with tempfile.TemporaryDirectory(prefix="exclusive-xcom-") as folder:
        output = Path(folder, "facts.json")
        command = [sys.executable, "-m", "exclusive_redis_xcom.access.parsing_process"]
        try:
            done = subprocess.run(  # noqa: S603 - this package, with the arguments of whoever runs the command
                [*command, os.fspath(path.resolve()), default_consumers, os.fspath(output)],
                cwd=start,
                env={**os.environ, **(environment or {}), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"},
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise UndecidedError(
                f"The DAG files of '{path}' take longer than {timeout:g} s.\nName fewer files, or see which one waits."
            ) from None
        if not output.exists():
            last = done.stderr.strip().splitlines()[-1:]
            raise UndecidedError("\n".join((f"The process that reads '{path}' ended with {done.returncode}.", *last)))
        read = json.loads(output.read_text())
    loaded = Loaded(tuple(from_json(each) for each in read["dags"]), read["errors"])
    if not loaded.dags and not loaded.errors:
        raise UndecidedError(f"There is no DAG in '{path}'.\nName the DAG files with --dags.")
    return loaded
