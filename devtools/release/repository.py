"""The repository that a release is made from: its files, and what git knows of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from devtools.release.steps import run

if TYPE_CHECKING:
    from pathlib import Path

_VERSION = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)


@dataclass(frozen=True)
class Repository:
    """A work tree of git, by its root."""

    root: Path

    def git(self, *arguments: str) -> str:
        """Run git in the root; return what it printed, without the last line break."""
        return run(["git", *arguments], self.root).rstrip("\n")

    def text(self, path: str) -> str:
        """Return a file's text, or nothing if there is no such file."""
        file = self.root / path
        return file.read_text() if file.is_file() else ""

    @property
    def version(self) -> str:
        """The version of the package, from the one place that states it."""
        found = _VERSION.search(self.text("exclusive_redis_xcom/__init__.py"))
        return found[1] if found else ""

    @property
    def commit(self) -> str:
        """The commit that is checked out."""
        return self.git("rev-parse", "HEAD")

    @property
    def committed_at(self) -> int:
        """When that commit was made, in seconds since 1970. Files of a release bear this time."""
        return int(self.git("log", "-1", "--format=%ct"))

    @property
    def changes(self) -> list[str]:
        """Files that differ from the commit, and files that git does not know."""
        return [line[3:] for line in self.git("status", "--porcelain").splitlines()]
