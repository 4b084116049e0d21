"""Write the files of a git revision to a folder, and nothing outside of that folder, whatever the revision holds."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from exclusive_redis_xcom.access.undecided import UndecidedError
from exclusive_redis_xcom.model import one_line

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterable

_SHOWN = 200
_FILE_MODES: Final = {"100644": 0o644, "100755": 0o755}
_LINK_MODE: Final = "120000"
_NOT_NAMES: Final = frozenset({"", ".", "..", ".git"})


class RevisionFiles:
    """Writes the files of one revision.

    Args:
        entries: The mode, the object and the path of each file.
        folder: An empty folder, where they go to.
    """

    def __init__(self, entries: Iterable[tuple[str, str, str]], folder: Path) -> None:
        self._entries = entries
        self._folder = folder

    def write(self, git: subprocess.Popen[bytes]) -> None:
        """Write all files, then the links among them.

        Args:
            git: `git cat-file --batch`, which ends with this call.

        Raises:
            UndecidedError: An object is not in this clone, or a path leads out of the folder.
        """
        links = []
        with git:
            for mode, name, path in self._entries:
                target = self._target(path)
                if mode in _FILE_MODES:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(self._content(git, name, path))
                    target.chmod(_FILE_MODES[mode])
                elif mode == _LINK_MODE:
                    links.append((target, os.fsdecode(self._content(git, name, path)), path))
                else:
                    _note(f"The submodule '{one_line(path, _SHOWN)}' is not compared.")
        made = [target for target, to, path in links if self._link(target, to, path)]
        self._remove_escapes(made)

    def _target(self, path: str) -> Path:
        parts = path.split("/")
        if _NOT_NAMES.intersection(part.lower() for part in parts):
            raise UndecidedError(f"A revision has a file with the name '{one_line(path, _SHOWN)}'.")
        return self._folder.joinpath(*parts)

    def _content(self, git: subprocess.Popen[bytes], name: str, path: str) -> bytes:
        assert git.stdin is not None and git.stdout is not None  # noqa: S101, PT018 - both are pipes
        git.stdin.write(f"{name}\n".encode())
        git.stdin.flush()
        header = git.stdout.readline().split()
        if len(header) != 3 or header[1] != b"blob":
            raise UndecidedError(
                f"The file '{one_line(path, _SHOWN)}' is not in this clone.\nMake a clone with all objects: "
                "`git fetch --refetch`."
            )
        content = git.stdout.read(int(header[2]))
        git.stdout.readline()
        return content

    def _link(self, target: Path, to: str, path: str) -> bool:
        """Make a link, unless it leads out of the revision: what lies there is not a part of it."""
        whole = Path(os.path.normpath(target.parent / to))
        if os.path.isabs(to) or not whole.is_relative_to(self._folder) or os.path.lexists(target):
            _note(f"The link '{one_line(path, _SHOWN)}' leads out of the repository, and is not followed.")
            return False
        if not _resolved(target.parent).is_relative_to(self._folder.resolve()):
            # Git itself makes no such tree: one name is a link and a folder.
            raise UndecidedError(f"A revision has a file below the link of '{one_line(path, _SHOWN)}'.")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(to)
        return True

    def _remove_escapes(self, links: list[Path]) -> None:
        """Remove links that lead out of the revision by way of other links."""
        inside = self._folder.resolve()
        while links:
            out = [link for link in links if not _resolved(link).is_relative_to(inside)]
            for link in out:
                _note(f"The link '{one_line(link.name, _SHOWN)}' leads out of the repository, and is not followed.")
                link.unlink()
            links = [link for link in links if link not in out] if out else []


def _resolved(link: Path) -> Path:
    try:
        return link.resolve()
    except (OSError, RuntimeError):  # a circle of links leads nowhere
        return link.parent.resolve() / link.name


def _note(text: str) -> None:
    sys.stderr.write(f"{text}\n")
