"""`python -m devtools.release dist`: build and check what a release is made of."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from devtools.release import dist
from devtools.release.repository import Repository
from devtools.release.steps import print_all

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: list[str]) -> int:
    """Do what the command line asks for; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m devtools.release", description=__doc__)
    parser.add_subparsers(dest="command", required=True).add_parser("dist", help="build sdist, wheel and SBOM")
    parser.parse_args(arguments)
    return make_dist(Repository(ROOT))


def make_dist(repository: Repository) -> int:
    """Run `make dist`."""
    if repository.changes:
        print("Changes that are not committed are left out: the files are made from the last commit.")
    return 1 if print_all(dist.steps(repository)) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
