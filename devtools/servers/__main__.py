"""`python -m devtools.servers [NAME ...] [-- PYTEST ARGUMENTS]` runs the integration tests on servers, and counts.

`--list` only fetches the servers, and prints their versions.
"""

from __future__ import annotations

import sys

from devtools.servers.debian import NotAvailableError
from devtools.servers.table import NAMES, folder_of
from devtools.servers.trial import Trial, run, version_of


def main(arguments: list[str]) -> int:
    """Return 1 if a test failed on one of the servers, and 2 for a wrong argument."""
    given, for_pytest = _split(arguments)
    only_list = "--list" in given
    names = [name for name in given if name != "--list"] or list(NAMES)
    unknown = sorted(set(names) - set(NAMES))
    if unknown:
        print(f"unknown: {', '.join(unknown)}. There are {', '.join(NAMES)}.")
        return 2
    lines: list[str] = []
    failed = False
    for name in names:
        try:
            folder = folder_of(name)
            if only_list:
                print(f"{name:20} {version_of(folder / 'redis-server')}", flush=True)
                continue
            print(f"\n=== {name}: {version_of(folder / 'redis-server')}", flush=True)
            trial = run(folder, name, for_pytest)
        except (NotAvailableError, RuntimeError) as error:
            failed = failed or not isinstance(error, NotAvailableError)
            lines.append(f"{name:20} skipped: {error}")
            print(lines[-1], flush=True)
            continue
        failed = failed or bool(trial.failed) or not trial.passed
        lines.append(_line(name, trial))
    if not only_list:
        print(f"\n{'server':20} {'version':16} {'passed':>7} {'failed':>7} {'skipped':>7} {'seconds':>8}")
        print("\n".join(lines))
    return 1 if failed else 0


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    place = arguments.index("--") if "--" in arguments else len(arguments)
    return arguments[:place], arguments[place + 1 :]


def _line(name: str, trial: Trial) -> str:
    counts = f"{trial.passed:>7} {trial.failed:>7} {trial.skipped:>7} {trial.seconds:>8.0f}"
    return f"{name:20} {trial.version:16} {counts}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
