"""A bare environment with the wheel, beside what the lock for the newest Airflow says."""

from __future__ import annotations

import hashlib
import sys
from typing import TYPE_CHECKING

from devtools.release.steps import FailedError, run

if TYPE_CHECKING:
    from pathlib import Path

#: The newest supported Airflow and all that it needs, with hashes.
LOCK = "requirements/dev.txt"


def install(wheel: Path, clone: Path, uv: Path) -> Path:
    """Make an environment beside the wheel, and install the wheel in it; return its Python.

    What the wheel requires comes in the locked versions, and each file must have a locked hash.
    """
    folder = wheel.parent / "bare"
    run([uv, "venv", "--quiet", "--no-project", "--python", sys.executable, folder], wheel.parent)
    wanted = wheel.parent / "wanted.txt"
    wanted.write_text(f"exclusive-redis-xcom @ {wheel.resolve().as_uri()} --hash=sha256:{sha256(wheel)}\n")
    python = folder / "bin" / "python"
    options = ["--quiet", "--require-hashes", "--only-binary", ":all:", "--python", str(python)]
    run([uv, "pip", "install", *options, "--requirement", wanted, "--constraint", clone / LOCK], wheel.parent)
    return python


def say_version(python: Path) -> str:
    """Return what `exclusive-xcom --version` prints in that environment.

    Raises:
        FailedError: The command does not run, or tells another version than the package that it is from.
    """
    told = run([python.parent / "exclusive-xcom", "--version"], python.parent).strip()
    code = "import importlib.metadata as m; print('exclusive-redis-xcom', m.version('exclusive-redis-xcom'))"
    installed = run([python, "-c", code], python.parent).strip()
    if told != installed:
        raise FailedError(f"exclusive-xcom --version prints {told!r}, and the wheel is {installed!r}")
    return told


def sha256(file: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    return hashlib.sha256(file.read_bytes()).hexdigest()
