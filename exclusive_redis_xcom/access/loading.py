"""Load the facts of DAG files: a file, or all files below a folder."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from exclusive_redis_xcom.access import airflow_home
from exclusive_redis_xcom.access.facts_json import from_json
from exclusive_redis_xcom.access.undecided import UndecidedError
from exclusive_redis_xcom.first_line import fitted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exclusive_redis_xcom.access.facts import DagFacts

#: Seconds that all files of a folder may take. Airflow gives one file 30 s.
TIMEOUT = 300.0
#: Python's own suffixes, and archives.
_SUFFIXES: Final = (".py", ".pyc", ".zip")
_LINES_OF_ERROR: Final = 3
#: Airflow cuts tracebacks short, so that the line in the DAG file is often not in them.
_SETTINGS: Final = {
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__DAGBAG_IMPORT_ERROR_TRACEBACK_DEPTH": "100",
}


@dataclass(frozen=True)
class Refused:
    """A DAG whose rules are wrong.

    Attributes:
        dag_id: The DAG.
        file: Its file, below the DAG bundle.
        line: The line of the entry that is wrong; None if it is not known.
        path: Its file on this machine.
        text: The text of the error.
        fault: The kind of mistake, as in `InvalidAcl.fault`.
        facts: What the DAG says, if its rules are well-formed and only contradict the DAG.
    """

    dag_id: str
    file: str
    line: int | None
    path: str
    text: str
    fault: str
    facts: DagFacts | None = None


@dataclass(frozen=True)
class Loaded:
    """What DAG files say.

    Attributes:
        dags: The facts of each DAG.
        errors: For each file that failed, the error's text. A file with a refused DAG is one of them.
        refused: The DAGs whose rules are wrong.
    """

    dags: tuple[DagFacts, ...]
    errors: Mapping[str, str]
    refused: tuple[Refused, ...] = ()

    def require_all(self) -> tuple[DagFacts, ...]:
        """Return the facts.

        Raises:
            UndecidedError: A file failed, so a "no" might be wrong.
        """
        if self.errors:
            raise UndecidedError(_failure(self.errors))
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
        raise UndecidedError(
            _first(path, "There is no file or folder '{}'.", "Name a DAG file, or a folder with DAG files.")
        )
    if path.is_file() and path.suffix not in _SUFFIXES:
        raise UndecidedError(_first(path, "'{}' is no Python file.", "Name a DAG file, or a folder with DAG files."))
    with airflow_home.nothing_left_behind():
        read = _parsed(path, default_consumers, timeout, start=start, environment=environment)
    loaded = Loaded(
        tuple(from_json(each) for each in read["dags"]),
        read["errors"],
        tuple(_refused(each) for each in read["refused"]),
    )
    if not loaded.dags and not loaded.errors:
        raise UndecidedError(_first(path, "There is no DAG in '{}'.", "Name a DAG file, or a folder with DAG files."))
    return loaded


def _refused(read: dict[str, Any]) -> Refused:
    return Refused(**{**read, "facts": None if read["facts"] is None else from_json(read["facts"])})


def _parsed(
    path: Path, default_consumers: str, timeout: float, *, start: Path | None, environment: Mapping[str, str] | None
) -> dict[str, Any]:
    """Return what the parsing process wrote. What DAG files print, and processes that they start, do not matter."""
    with tempfile.TemporaryDirectory(prefix="exclusive-xcom-", ignore_cleanup_errors=True) as folder:
        output, errors = Path(folder, "facts.json"), Path(folder, "errors.txt")
        command = [sys.executable, "-m", "exclusive_redis_xcom.access.parsing_process"]
        with errors.open("wb") as of_errors:
            process = subprocess.Popen(  # noqa: S603 - this package, with the arguments of whoever runs the command
                [*command, os.fspath(path.resolve()), default_consumers, os.fspath(output)],
                cwd=start,
                env={**os.environ, **(environment or {}), **_SETTINGS},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=of_errors,
                start_new_session=True,
            )
            try:
                status = process.wait(timeout)
            except subprocess.TimeoutExpired:
                raise UndecidedError(
                    _first(path, f"The DAG files of '{{}}' take longer than {timeout:g} s.", _remedy_of_time(output))
                ) from None
            finally:
                _end(process)
        if not output.exists():
            what = _first(path, f"The process that reads '{{}}' ended with {status}.", _file_under_way(output))
            raise UndecidedError("\n".join((what, *_last_line(errors))))
        found: dict[str, Any] = json.loads(output.read_text())
        return found


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process, and all that DAG files started in it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _first(path: Path, decision: str, remedy: str) -> str:
    """Return a first line with a path that is shortened where it is long, and further lines."""
    short = fitted(lambda short: decision.format(short(str(path))))
    return f"{short}\n{remedy}"


def _file_under_way(output: Path) -> str:
    try:
        return f"It was reading {output.with_suffix('.file').read_text()}. See what that file does when it is imported."
    except OSError:
        return "It ended before it read a file. Is Airflow installed here?"


def _remedy_of_time(output: Path) -> str:
    return f"{_file_under_way(output)} Or raise the timeout."


def _last_line(errors: Path) -> list[str]:
    return errors.read_text(errors="replace").strip().splitlines()[-1:]


def _failure(errors: Mapping[str, str]) -> str:
    """Return the text about files that failed: the first, its error, and how many others there are."""
    file, text = next(iter(errors.items()))
    first = fitted(lambda short: f"A DAG file cannot be loaded: {short(file)}")
    lines = [first, *_essence(text, file)]
    more = len(errors) - 1
    if more:
        lines.append(f"{more} more cannot be loaded either.")
    return "\n".join([*lines, "Correct it, or name other DAG files. A 'no' could be wrong without it."])


def _essence(text: str, file: str) -> list[str]:
    """Return the lines of an error that tell what is wrong: the last ones of a traceback, and the line in the file."""
    lines = text.strip().splitlines()
    if not lines or not lines[0].startswith("Traceback"):
        return lines[:_LINES_OF_ERROR]
    places = re.findall(r'File "([^"]+)", line (\d+)', text)
    name = os.path.basename(file)
    of_file = [line for place, line in places if os.path.basename(place) == name]
    where = [f"It is line {of_file[-1]} of {name}."] if of_file else []
    return [lines[-1], *where]
