"""Builds of this package: wheels of this work tree or of a git revision, each in an environment of its own.

An environment shares all other packages with the running one, by links. It can therefore be made in a second.
"""

from __future__ import annotations

import compileall
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

from devtools.airflow_home import ROOT

_OURS = "exclusive_redis_xcom"
#: Branches that builds land on, newest knowledge first.
_LANDED = ("origin/HEAD", "origin/main", "main")


def last_landed() -> str | None:
    """Return the newest revision that has landed before this one; None where git knows none.

    That is where this branch left the main one. On the main one itself, it is the revision before.
    """
    head = _git("rev-parse", "HEAD")
    for branch in _LANDED:
        if (base := _git("merge-base", "HEAD", branch)) and base != head:
            return base
    return _git("rev-parse", "HEAD~1")


def environment(folder: Path, revision: str | None = None) -> Path:
    """Make a virtual environment with a build of this package; return the path of its Python.

    Args:
        folder: Where it goes. The folder must not exist.
        revision: The git revision to build; by default, this work tree as it is.
    """
    if revision is None:
        source = ROOT
    else:
        source = folder / "source"
        archive = subprocess.run(["git", "archive", revision], cwd=ROOT, capture_output=True, check=True).stdout
        source.mkdir(parents=True)
        subprocess.run(["tar", "--extract", "--directory", source], input=archive, check=True)
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder / "wheels")]
    subprocess.run(build, cwd=source, check=True, capture_output=True)
    (wheel,) = (folder / "wheels").glob("*.whl")
    venv.create(folder / "env", symlinks=True)
    python = folder / "env" / "bin" / "python"
    packages = folder / "env" / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if _OURS not in path.name and not (packages / path.name).exists():
            (packages / path.name).symlink_to(path)
    with zipfile.ZipFile(wheel) as archived:
        archived.extractall(packages)
    compileall.compile_dir(packages / _OURS, quiet=2)
    return python


def _git(*arguments: str) -> str | None:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or None if done.returncode == 0 else None
