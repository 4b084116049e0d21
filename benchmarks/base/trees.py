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


#: The names of the trees.
NEW, BASE = "new", "base"


@dataclass(frozen=True)
class Tree:
    """A checked-out revision and the Python of its environment."""

    name: str
    root: Path
    python: Path
    commit: str = ""

    def python_path(self) -> list[str]:
        """Return the folders that make any Python of the same version run this tree's package with its dependencies.

        `benchmarks` and `devtools` are those of the tree that this code is in.
        """
        packages = f"python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
        first = [] if self.root == ROOT else [str(self._alone())]
        return [*first, str(ROOT), str(self.python.parents[1] / "lib" / packages)]

    def _alone(self) -> Path:
        """Return a folder that has this tree's package, and nothing else of the tree."""
        folder = self.root / ".make" / "package"
        folder.mkdir(parents=True, exist_ok=True)
        link = folder / "exclusive_redis_xcom"
        if not link.is_symlink():
            link.symlink_to(self.root / link.name)
        return folder


def this_tree() -> Tree:
    """Return the tree that this code is in, with all changes that are not committed."""
    return Tree(NEW, ROOT, Path(sys.executable))


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
    tree = Tree(BASE, root, root / Path(sys.prefix).name / "bin" / "python", commit[:7])
    _check(tree)
    return tree


def _check(tree: Tree) -> None:
    """Make sure that a Python that starts elsewhere finds the tree's package: no tree may be compared with itself."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(tree.python_path())}
    code = "import exclusive_redis_xcom as found; print(found.__file__)"
    found = _run([sys.executable, "-c", code], env, Path("/")).strip()
    if Path(found).resolve() != tree.root / "exclusive_redis_xcom" / "__init__.py":
        sys.exit(f"{tree.name} would run {found}")


def _run(command: list[str], env: dict[str, str] | None = None, folder: Path | None = None) -> str:
    done = subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout
