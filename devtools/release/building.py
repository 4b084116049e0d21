"""Build sdist and wheel from a commit, twice, in ways that must not matter."""

from __future__ import annotations

import os
import sys
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from devtools.release.steps import run

if TYPE_CHECKING:
    from pathlib import Path

    from devtools.release.repository import Repository


@dataclass(frozen=True)
class Way:
    """How one of the two builds differs from the other one."""

    folder: str
    umask: int
    modified: int  # the time of all files, in seconds since 1970
    from_sdist: bool  # whether the wheel is built from the sdist's files, as installers do


WAYS = (
    Way("first", 0o022, 1_000_000_000, from_sdist=True),
    Way("the second place", 0o077, 1_700_000_000, from_sdist=False),
)


@dataclass(frozen=True)
class Built:
    """One clone, and what was built from it."""

    clone: Path
    sdist: Path
    wheel: Path


def build(repository: Repository, way: Way, work: Path) -> Built:
    """Clone the checked-out commit below `work`, and build it there with the hatchling of this Python."""
    folder = work / way.folder
    folder.mkdir(parents=True)
    clone = folder / "clone"
    source = repository.root.resolve().as_uri()
    run(["git", "clone", "--quiet", "--no-checkout", source, str(clone)], folder, umask=way.umask)
    run(["git", "checkout", "--quiet", "--detach", repository.commit], clone, umask=way.umask)
    for path in clone.rglob("*"):
        os.utime(path, (way.modified, way.modified))
    epoch = {"SOURCE_DATE_EPOCH": str(repository.committed_at)}
    _hatch("sdist", clone, folder, epoch, way.umask)
    sdist = next(folder.glob("*.tar.gz"))
    _hatch("wheel", _unpacked(sdist) if way.from_sdist else clone, folder, epoch, way.umask)
    return Built(clone, sdist, next(folder.glob("*.whl")))


def differences(first: Built, second: Built) -> list[str]:
    """Return the names of files whose bytes differ."""
    pairs = ((first.sdist, second.sdist), (first.wheel, second.wheel))
    return [one.name for one, other in pairs if one.name != other.name or one.read_bytes() != other.read_bytes()]


def _hatch(target: str, source: Path, into: Path, env: dict[str, str], umask: int) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(into)]
    run(command, source, env=env, umask=umask)


def _unpacked(sdist: Path) -> Path:
    with tarfile.open(sdist) as archive:
        archive.extractall(sdist.parent, filter="data")
    return sdist.parent / sdist.name.removesuffix(".tar.gz")
