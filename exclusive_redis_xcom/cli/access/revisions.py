"""Two revisions of a git repository, laid out in temporary folders.

Files are copied out of git's objects by `git ls-tree` and `git cat-file`. So nothing touches the work tree or the
index. No hook, no filter and no attribute of the repository has a say in what is compared.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from exclusive_redis_xcom.access.undecided import UndecidedError
from exclusive_redis_xcom.cli.access.revision_files import RevisionFiles
from exclusive_redis_xcom.model import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

_GIT: Final = ("git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
#: Git waits for nobody at a terminal, takes no lock that it can do without, and fetches nothing by itself.
_ENVIRONMENT: Final = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "LC_ALL": "C"}
_RANGE = re.compile(r"(?P<base>[^-.\s][^\s]*?)(?P<dots>\.{2,3})(?P<head>[^-.\s][^\s]*)?")
_SHOWN = 200


@dataclass(frozen=True)
class Revision:
    """One revision, laid out.

    Attributes:
        name: What the user calls it.
        dags: The DAG file or folder in it; None if the revision has none.
        start: The folder from which its DAG files are parsed, as the user's is in the work tree.
        root: The folder with the whole revision.
    """

    name: str
    dags: Path | None
    start: Path
    root: Path


class Repository:
    """A git repository, seen from a folder in it.

    Args:
        here: The folder.

    Raises:
        UndecidedError: It is in no repository, or git is not there.
    """

    def __init__(self, here: Path) -> None:
        self._here = here.resolve()
        self.root = Path(self._git("rev-parse", "--show-toplevel").strip())

    @contextlib.contextmanager
    def revisions(self, names: str, dags: Path) -> Iterator[tuple[Revision, Revision]]:
        """Lay out two revisions, and remove them at the end.

        Args:
            names: `BASE..HEAD`. With three dots, the base is where both have parted.
            dags: The DAG file or folder, in the work tree.

        Raises:
            UndecidedError: A revision is not there, or neither of the two has such a file or folder.
        """
        path = self._below(dags)
        commits = self._commits(names)
        with tempfile.TemporaryDirectory(prefix="exclusive-xcom-") as folder:
            old, new = (
                self._lay_out(name, commit, Path(folder, side), path)
                for side, (name, commit) in zip(("base", "head"), commits, strict=True)
            )
            if old.dags is None and new.dags is None:
                raise UndecidedError(
                    f"Neither revision has '{one_line(str(path), _SHOWN)}'.\nName the DAG folder as it lies in the "
                    "repository."
                )
            yield old, new

    def _below(self, dags: Path) -> PurePosixPath:
        """Return a path within the repository."""
        whole = Path(os.path.normpath(self._here / dags))
        for root in (self.root, self.root.resolve()):
            if whole.is_relative_to(root):
                return PurePosixPath(whole.relative_to(root).as_posix())
        raise UndecidedError(
            f"'{one_line(str(dags), _SHOWN)}' is not in this repository.\nThe repository is in {self.root}."
        )

    def _commits(self, names: str) -> tuple[tuple[str, str], tuple[str, str]]:
        found = _RANGE.fullmatch(names)
        if found is None:
            raise UndecidedError(
                f"'{one_line(names, _SHOWN)}' names no two revisions.\nWrite BASE..HEAD, as in origin/main..HEAD."
            )
        base, head = found["base"], found["head"] or "HEAD"
        new = self._commit(head)
        old = self._commit(base)
        if found["dots"] == "...":
            old = self._parted(old, new, names)
        return (base, old), (head, new)

    def _commit(self, name: str) -> str:
        done = self._run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        if done.returncode:
            raise UndecidedError(
                f"There is no revision '{one_line(name, _SHOWN)}' in this repository.\n{self._remedy()}"
            )
        return done.stdout.decode().split()[-1]

    def _parted(self, old: str, new: str, names: str) -> str:
        done = self._run("merge-base", old, new)
        if done.returncode:
            raise UndecidedError(f"'{one_line(names, _SHOWN)}' have no common revision here.\n{self._remedy()}")
        return done.stdout.decode().strip()

    def _remedy(self) -> str:
        if self._run("rev-parse", "--is-shallow-repository").stdout.strip() == b"true":
            return (
                "This clone is shallow, so it has no older revisions. Set fetch-depth: 0 for actions/checkout "
                "(GIT_DEPTH: 0 in GitLab), or run `git fetch --unshallow`."
            )
        return "See `git log --all`, or run `git fetch`."

    def _lay_out(self, name: str, commit: str, folder: Path, path: PurePosixPath) -> Revision:
        folder.mkdir()
        RevisionFiles(self.entries(commit), folder).write(self.opened("cat-file", "--batch"))
        dags, start = folder / path, folder / self._here.relative_to(self.root.resolve())
        return Revision(
            name=name,
            dags=dags if _has_code(dags) else None,
            start=start if start.is_dir() else folder,
            root=folder,
        )

    def _git(self, *arguments: str) -> str:
        done = self._run(*arguments)
        if done.returncode:
            raise self._failed(done.stderr)
        return os.fsdecode(done.stdout)

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        with self._or_undecided():
            return subprocess.run(  # noqa: S603 - git, with names that do not begin with "-"
                [*_GIT, *arguments],
                cwd=self._here,
                env={**os.environ, **_ENVIRONMENT},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
            )

    def opened(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start git, to talk to it.

        Raises:
            UndecidedError: It cannot be started.
        """
        with self._or_undecided():
            return subprocess.Popen(  # noqa: S603 - as above
                [*_GIT, *arguments],
                cwd=self._here,
                env={**os.environ, **_ENVIRONMENT},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )

    def entries(self, commit: str) -> Iterator[tuple[str, str, str]]:
        """Yield the mode, the object and the path of each file of a revision."""
        for line in self._git("ls-tree", "-r", "-z", "--full-tree", commit).split("\0"):
            if line:
                about, _, path = line.partition("\t")
                mode, _, name = about.split(" ")
                yield mode, name, path

    @contextlib.contextmanager
    def _or_undecided(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UndecidedError(f"Git cannot be run ({type(error).__name__}).\nInstall git.") from None

    def _failed(self, stderr: bytes) -> UndecidedError:
        said = [one_line(line, _SHOWN) for line in stderr.decode("utf-8", "replace").strip().splitlines()[:3]]
        return UndecidedError("\n".join((f"Git cannot read the repository of '{self._here}'.", *said)))


def _has_code(dags: Path) -> bool:
    """Tell whether there may be DAGs: a file, or a folder with Python files or archives."""
    if dags.is_file():
        return True
    return any(file.suffix in {".py", ".zip"} for file in dags.rglob("*")) if dags.is_dir() else False
