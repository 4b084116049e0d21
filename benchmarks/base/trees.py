"""The two trees that are compared: this one, and a revision laid out under `.make/` with an environment of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from devtools.airflow_home import ROOT

#: Variables that would make a nested `make` or Python behave like this one.
_OURS = ("MAKE", "MFLAGS", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV")


@dataclass(frozen=True)
class Tree:
    """A checked-out revision and the Python of its environment."""

    name: str
    root: Path
    python: Path

    def python_path(self) -> list[str]:
        """Return the folders that make any Python of the same version run this tree: its code, then its packages."""
        packages = f"python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
        return [str(self.root), str(self.python.parents[1] / "lib" / packages)]


def this_tree() -> Tree:
    """Return the tree that this code is in, with all changes that are not committed."""
    return Tree("new", ROOT, Path(sys.executable))


def lay_out(revision: str) -> Tree:
    """Lay out a revision and build its environment, unless an earlier run has.

    Raises:
        SystemExit: Git does not know the revision, or its environment cannot be built.
    """
    commit = _run(["git", "-C", str(ROOT), "rev-parse", "--short=12", "--verify", f"{revision}^{{commit}}"]).strip()
    root = ROOT / ".make" / f"base-{commit}"
    if not root.exists():
        draft = root.with_suffix(".draft")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        archive = draft / "archive.tar"
        _run(["git", "-C", str(ROOT), "archive", "--output", str(archive), commit])
        _run(["tar", "-x", "-C", str(draft), "-f", str(archive)])
        archive.unlink()
        draft.rename(root)
    env = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    _run(["make", "-C", str(root), "env", f"AIRFLOW={version('apache-airflow-core')}"], env)
    return Tree("base", root, root / Path(sys.prefix).name / "bin" / "python")


def _run(command: list[str], env: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout
