"""Servers of Debian's packages, whatever this machine runs. Nothing is installed, and root is not needed.

The packages and what they link to are unpacked into a folder. A wrapper runs the server with its own C library.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


class NotAvailableError(RuntimeError):
    """A server cannot be had here. The text says why."""


def unpacked(folder: Path, name: str, suites: tuple[str, ...]) -> Path:
    """Return a folder with an executable `redis-server`, which runs the newest server of the first suite.

    Args:
        folder: Where everything of this server is kept.
        name: `redis` or `valkey`.
        suites: Suites of Debian. The first one has the server. The others may have what it links to.

    Raises:
        NotAvailableError: This machine has no Debian tools, or its mirror does not offer the suite.
    """
    binaries = folder / "bin"
    if not (binaries / "redis-server").exists():
        _download(folder, f"{name}-tools", suites)
        _unpack(folder)
        _wrap(folder / "root", binaries, name)
    return binaries


def _download(folder: Path, package: str, suites: tuple[str, ...]) -> None:
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise NotAvailableError(f"no {tool} on this machine")
    if not _KEYRING.exists():
        raise NotAvailableError("no debian-archive-keyring on this machine")
    mirror = _mirror()
    for part in ("lists/partial", "cache/archives/partial", "root"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "status").touch()
    lines = [f"deb [signed-by={_KEYRING}] {mirror} {suite} main\n" for suite in suites]
    (folder / "sources.list").write_text("".join(lines))
    _apt(folder, "update")
    _apt(folder, "install", "--download-only", "--yes", "--no-install-recommends", "-t", suites[0], package)


def _mirror() -> str:
    """Return the mirror of Debian that this machine is set up with."""
    form = ["--format", "$(REPO_URI)", "Created-By: Packages"]
    listed = subprocess.run(["apt-get", "indextargets", *form], capture_output=True, text=True, check=False).stdout
    found = sorted({uri for uri in listed.split() if re.search(r"/debian/?$", uri)})
    if not found:
        raise NotAvailableError("no mirror of Debian among this machine's package sources")
    return found[0]


def _apt(folder: Path, *command: str) -> None:
    options = {
        "Dir::State": folder,
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache",
        "Dir::Etc::SourceList": folder / "sources.list",
        "Dir::Etc::SourceParts": "-",
        "APT::Sandbox::User": "root",
        "Acquire::Retries": 2,
    }
    given = [part for name, value in options.items() for part in ("-o", f"{name}={value}")]
    done = subprocess.run(["apt-get", "-qq", *given, *command], capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise NotAvailableError(f"apt-get {command[0]} failed: {last}")


def _unpack(folder: Path) -> None:
    for package in sorted((folder / "cache" / "archives").glob("*.deb")):
        subprocess.run(["dpkg-deb", "--extract", package, folder / "root"], check=True)
    for part in ("cache", "lists"):
        shutil.rmtree(folder / part)


def _wrap(root: Path, binaries: Path, name: str) -> None:
    program = root / "usr" / "bin" / f"{name}-server"
    if not os.path.lexists(program):  # the package of the server has this link, and the tools have the program
        program.symlink_to(f"{name}-check-rdb")
    loaders = [
        *root.glob("usr/lib*/ld-linux*.so.*"),
        *root.glob("usr/lib/*/ld-linux*.so.*"),
        *root.glob("lib*/ld-linux*.so.*"),
    ]
    if not loaders:
        raise NotAvailableError("the packages hold no loader that is known here")
    libraries = ":".join(str(path) for path in (*root.glob("usr/lib/*-linux-gnu"), *root.glob("lib/*-linux-gnu")))
    binaries.mkdir(parents=True, exist_ok=True)
    wrapper = binaries / "redis-server"
    wrapper.write_text(f'#!/bin/sh\nexec "{loaders[0]}" --library-path "{libraries}" "{program}" "$@"\n')
    wrapper.chmod(0o755)
