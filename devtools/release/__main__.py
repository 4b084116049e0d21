"""`python -m devtools.release COMMAND`: build a release, check it, and date it. Nothing publishes."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime, timezone
from pathlib import Path

from devtools.release import changelog, checklist, dist, passed
from devtools.release.repository import Repository
from devtools.release.steps import print_all

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: list[str]) -> int:
    """Do what the command line asks for; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m devtools.release", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("dist", help="build sdist, wheel and SBOM of the last commit, and check them")
    commands.add_parser("check", help="go through the checklist of a release")
    commands.add_parser("date", help="put today's date into the changelog")
    noted = commands.add_parser("passed", help="note that a target of make has passed on this commit")
    noted.add_argument("target")
    asked = parser.parse_args(arguments)
    repository = Repository(ROOT)
    if asked.command == "passed":
        passed.note(repository, asked.target)
        return 0
    return {"dist": make_dist, "check": check, "date": put_date}[asked.command](repository)


def make_dist(repository: Repository) -> int:
    """Run `make dist`."""
    if repository.changes:
        print("Changes that are not committed are left out: the files are made from the last commit.")
    return 1 if print_all(dist.steps(repository)) else 0


def check(repository: Repository) -> int:
    """Run `make release-check`."""
    failed = print_all(checklist.steps(repository))
    print()
    if failed:
        print(f"Not ready: {failed} failed. Once all are ok, the commands that publish stand here.")
        return 1
    print(checklist.to_publish(repository.version))
    return 0


def put_date(repository: Repository) -> int:
    """Run `make release-date`."""
    today = datetime.now(timezone.utc).date()
    file = repository.root / "CHANGELOG.md"
    try:
        dated = changelog.with_date(file.read_text(), repository.version, today)
    except ValueError as error:
        print(error)
        return 1
    file.write_text(dated)
    print(f"CHANGELOG.md: {repository.version} is of {today}. Commit it.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
