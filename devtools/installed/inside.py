"""Checks that an environment holds the wheel, the whole wheel, and not a checkout.

`make test-install` runs this file with the Python of that environment, from another folder. It needs no `devtools`.
"""

from __future__ import annotations

import importlib.metadata
import importlib.resources
import subprocess
import sys
import sysconfig
from pathlib import Path

DISTRIBUTION = "exclusive-redis-xcom"
GROUPS = ("apache_airflow_provider", "airflow.plugins", "airflow.policy", "console_scripts")


def main() -> int:
    """Check everything; print what is wrong, and return the exit code."""
    problems = [*where_it_lies(), *data_files(), *entry_points(), *commands()]
    for problem in problems:
        print(f"  wrong: {problem}")
    return 1 if problems else 0


def where_it_lies() -> list[str]:
    """Return what is wrong with the place of the package."""
    import exclusive_redis_xcom

    found = Path(exclusive_redis_xcom.__file__).resolve()
    here = Path(sysconfig.get_path("purelib")).resolve()
    return [] if found.is_relative_to(here) else [f"the package is imported from {found}, not from {here}"]


def data_files() -> list[str]:
    """Return which recorded files that are no Python cannot be read, or how many kinds are missing."""
    recorded = [
        path for path in importlib.metadata.files(DISTRIBUTION) or () if path.parts[0] == "exclusive_redis_xcom"
    ]
    data = [path for path in recorded if path.suffix not in (".py", ".pyc")]
    root = importlib.resources.files("exclusive_redis_xcom")
    unread = [f"{path} cannot be read" for path in data if not root.joinpath(*path.parts[1:]).is_file()]
    kinds = {path.name if path.name == "py.typed" else path.suffix for path in data}
    return [*unread, *(f"the wheel has no {kind}" for kind in {".lua", "py.typed"} - kinds)]


def entry_points() -> list[str]:
    """Return which groups of entry points are missing or cannot be loaded."""
    problems = []
    distribution = importlib.metadata.distribution(DISTRIBUTION)
    for group in GROUPS:
        points = distribution.entry_points.select(group=group)
        if not points:
            problems.append(f"there is no entry point in group {group}")
        for point in points:
            try:
                point.load()
            except Exception as error:
                problems.append(f"entry point {point.name} in group {group} does not load: {error}")
    return problems


def commands() -> list[str]:
    """Return what is wrong with the commands."""
    folder = Path(sys.executable).parent
    program = subprocess.run([folder / "exclusive-xcom", "keygen"], capture_output=True, text=True, check=False)
    providers = subprocess.run(
        [sys.executable, "-m", "airflow", "providers", "list"], capture_output=True, text=True, check=False
    )
    problems = []
    if program.returncode or "SEAL_PUBLIC_KEY=" not in program.stdout:
        problems.append(f"exclusive-xcom keygen: {program.stderr[-300:]}")
    if DISTRIBUTION not in providers.stdout:
        problems.append(f"airflow providers list does not name {DISTRIBUTION}: {providers.stderr[-300:]}")
    return problems


if __name__ == "__main__":
    sys.exit(main())
