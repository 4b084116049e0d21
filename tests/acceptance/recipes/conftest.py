"""The recipes' DAG files, run by `dag.test()` with the settings of each step. One database holds all runs."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest

from devtools.airflow_stack import ROOT, AirflowStack
from devtools.components import BACKEND
from devtools.worlds.fresh_process import start_afresh
from exclusive_redis_xcom import cli

RECIPES = ROOT / "examples" / "recipes"
#: Airflow's other two backends.
DEFAULT = "airflow.sdk.bases.xcom.BaseXCom"
OBJECT_STORAGE = "airflow.providers.common.io.xcom.backend.XComObjectStorageBackend"


@dataclass(frozen=True)
class Run:
    """One run of a DAG: its id, how it and each task ended, and all that was logged."""

    run_id: str
    state: str
    states: dict[str, str]
    output: str

    def printed(self, beginning: str) -> list[str]:
        """Return the lines that tasks printed and that begin so."""
        return [line for line in self.output.splitlines() if line.startswith(beginning)]

    def logged(self, beginning: str) -> list[str]:
        """Return the first lines of log messages that begin so. Airflow logs some of them twice."""
        messages = re.findall(rf"] ({re.escape(beginning)}.*?)(?:  +\[|$)", self.output, re.MULTILINE)
        return list(dict.fromkeys(message.rstrip() for message in messages))

    def refusals(self) -> list[str]:
        """Return the class and the first line of the errors by which tasks failed, in alphabetical order."""
        return sorted(set(re.findall(r"^exclusive_redis_xcom\.errors\.(\w+: .*)$", self.output, re.MULTILINE)))


def not_in_page(name: str, lines: Iterable[str]) -> list[str]:
    """Return those of the lines that a recipe's page does not show, each as a line of its own."""
    shown = {line.strip() for line in (ROOT / "docs/how-to/recipes" / name).read_text().splitlines()}
    return [line for line in lines if line not in shown]


class Runner:
    """Airflow with one XCom backend, imported once (`runner.py`)."""

    def __init__(self, home: AirflowStack, backend: str) -> None:
        self._home = home
        self._numbers = itertools.count()
        self._folder = home.home / backend.rpartition(".")[2]
        self._folder.mkdir()
        with (self._folder / "runner.log").open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.acceptance.recipes.runner"],
                env={**home.env, "AIRFLOW__CORE__XCOM_BACKEND": backend},
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def run(self, request: Mapping[str, Any]) -> Run:
        """Run a DAG, and wait for its end."""
        if (number := next(self._numbers)) == 0:
            assert self._answer() == {"ready": True}
        output, result = self._folder / f"{number}.log", self._folder / f"{number}.json"
        self._stdin.write(json.dumps({**request, "output": str(output), "result": str(result)}) + "\n")
        self._stdin.flush()
        assert self._answer() == {"status": 0}, output.read_text()[-4000:]
        return Run(**json.loads(result.read_text()), output=output.read_text())

    def stop(self) -> None:
        """End the process."""
        with self._process:
            self._stdin.close()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, (self._folder / "runner.log").read_text()[-4000:]
        return json.loads(line)

    @property
    def _stdin(self) -> IO[str]:
        assert self._process.stdin is not None
        return self._process.stdin


@pytest.fixture(scope="package")
def home(new_airflow: Callable[..., AirflowStack], backend_env: dict[str, str]) -> Iterator[AirflowStack]:
    """A database and settings without components: a scheduler would run the tested DAGs' tasks, too."""
    with new_airflow(backend_env, components=()) as home:
        home.dags_folder.rmdir()
        home.dags_folder.symlink_to(ROOT / "examples")  # the files themselves, as `make up` has them
        yield home


@pytest.fixture(scope="package")
def run(home: AirflowStack) -> Iterator[Callable[..., Run]]:
    """Run the DAG of a recipe: `run("token_once", conf=..., backend=..., **variables of the environment)`.

    `path` is one more place of Python packages.
    """
    runners: dict[str, Runner] = {}

    def run_recipe(
        name: str,
        dag_id: str | None = None,
        *,
        conf: Mapping[str, Any] | None = None,
        backend: str = BACKEND,
        folder: str = "recipes",
        path: str | None = None,
        **env: str,
    ) -> Run:
        if backend not in runners:
            runners[backend] = Runner(home, backend)
        file = home.dags_folder / folder / f"{name}.py"
        request = {"file": str(file), "dag_id": dag_id or name, "conf": conf, "env": env, "path": path}
        return runners[backend].run(request)

    try:
        yield run_recipe
    finally:
        for runner in runners.values():
            runner.stop()


@pytest.fixture
def shell(home: AirflowStack) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a command line of a page where Airflow's database is: `shell("exclusive-xcom show ... --value")`."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    def run_in_shell(command: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-euc", command],
            env={**home.env, "PATH": path, "COLUMNS": "200", **env},
            cwd=home.home,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )

    return run_in_shell


@pytest.fixture
def exclusive_xcom(
    backend_env: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, list[str]]]:
    """Run a command that needs no database in this process; return its exit status and standard output."""

    def run_here(command: str, **env: str) -> tuple[int, list[str]]:
        for name, text in {**backend_env, "COLUMNS": "200", **env}.items():
            monkeypatch.setenv(name, text)
        start_afresh()
        capsys.readouterr()
        status = cli.main(command.split())
        return status, capsys.readouterr().out.splitlines()

    return run_here
