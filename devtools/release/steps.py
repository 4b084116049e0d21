"""Steps of a release: each has a name, and ends with a problem or without one."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

#: Lines that are shown of a command that failed.
_SHOWN_LINES = 30
#: What a command must not know of the environment and the make that this program runs in.
_OF_WHO_CALLS = ("PYTHONPATH", "VIRTUAL_ENV", "MAKEFLAGS", "MFLAGS", "MAKELEVEL")


class FailedError(RuntimeError):
    """A command failed. The text has the end of its output."""


@dataclass(frozen=True)
class Step:
    """What was done or looked at, what is wrong with it and what to do, and what else is worth a line."""

    name: str
    problem: str = ""
    note: str = ""

    def line(self) -> str:
        """Return the step as people read it."""
        word = "failed" if self.problem else "ok"
        told = self.problem or self.note
        return f"{word:<8}{self.name}{': ' if told else ''}{told}"


def run(command: Sequence[str | Path], folder: Path, *, env: Mapping[str, str] | None = None, umask: int = -1) -> str:
    """Run a command in a folder, with further environment; return what it printed.

    Raises:
        FailedError: It did not end with 0, or there is no such program.
    """
    kept = {name: text for name, text in os.environ.items() if name not in _OF_WHO_CALLS}
    try:
        done = subprocess.run(
            command, cwd=folder, env=kept | dict(env or {}), umask=umask, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise FailedError(f"there is no {error.filename}") from None
    printed = done.stdout + done.stderr
    if done.returncode:
        end = "\n".join(printed.strip().splitlines()[-_SHOWN_LINES:])
        raise FailedError(f"{' '.join(map(str, command))} ended with {done.returncode}\n{end}")
    return printed


def print_all(steps: Iterable[Step]) -> int:
    """Print each step as soon as it has ended; return how many failed."""
    failed = 0
    for step in steps:
        print(step.line(), flush=True)
        failed += bool(step.problem)
    return failed
