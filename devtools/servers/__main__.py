"""Run the integration tests on servers, and count. Servers that are not here yet are fetched into .make/."""

from __future__ import annotations

import argparse
import sys

from devtools.servers.debian import NotAvailableError
from devtools.servers.table import NAMES, folder_of
from devtools.servers.trial import Trial, run, version_of


def main(arguments: list[str]) -> int:
    """Return the exit code: 1 if a test failed on one of the servers."""
    given, for_pytest = _split(arguments)
    options = _options(given)
    only_list, names = options.list, options.names or list(NAMES)
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


def _options(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m devtools.servers",
        usage="%(prog)s [-h] [--list] [NAME ...] [-- PYTEST ARGUMENTS]",
        description=__doc__,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"a server: {', '.join(NAMES)}. All of them if none")
    parser.add_argument("--list", action="store_true", help="only fetch the servers, and print their versions")
    options = parser.parse_args(given)
    unknown = sorted(set(options.names) - set(NAMES))
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}. There are {', '.join(NAMES)}.")
    return options


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    place = arguments.index("--") if "--" in arguments else len(arguments)
    return arguments[:place], arguments[place + 1 :]


def _line(name: str, trial: Trial) -> str:
    counts = f"{trial.passed:>7} {trial.failed:>7} {trial.skipped:>7} {trial.seconds:>8.0f}"
    return f"{name:20} {trial.version:16} {counts}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
