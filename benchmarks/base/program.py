"""Programs that run with the package of one tree, in an environment of its own, and answer in lines of JSON."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devtools.airflow_home import NOT_INHERITED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.base.trees import Tree

HERE = Path(__file__).parent
_END_SECONDS = 30


class Program:
    """A running program. Its first line tells that it is ready; it answers each line of input with a line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.start = self._answer()

    def ask(self, *words: object) -> Any:
        """Send a line of words, and return the answer."""
        assert self._process.stdin is not None
        print(*words, file=self._process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"a program of the bench ended with {self._process.wait(_END_SECONDS)}; see above")
        return json.loads(line)


@contextlib.contextmanager
def running(name: str, tree: Tree, home: Path, *arguments: str) -> Iterator[Program]:
    """Run a program of this folder with a tree's package, until the block ends.

    Args:
        name: The name of its file.
        tree: Its package, its `benchmarks` and its environment are used.
        home: AIRFLOW_HOME.
        arguments: The program's arguments.
    """
    env = {name: value for name, value in os.environ.items() if not name.startswith(NOT_INHERITED)}
    env |= {"AIRFLOW_HOME": str(home), "PYTHONPATH": str(tree.root), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    command = [str(tree.python), str(HERE / name), *arguments]
    with subprocess.Popen(
        command, env=env, cwd=tree.root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Program(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
