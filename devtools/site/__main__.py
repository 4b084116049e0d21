"""`make docs`: build the site into `build/site`."""

from __future__ import annotations

import sys

from devtools.site.building import CONFIG, OLDEST_PYTHON, TOO_OLD, build
from devtools.site.checks import faults
from devtools.site.pages import ROOT, BrokenLinkError


def main() -> int:
    """Build the site, print what Zensical and our own checks say, and return the exit code."""
    if sys.version_info < OLDEST_PYTHON:
        print(f"skipped: {TOO_OLD}")
        return 0
    folder = ROOT / "build"
    try:
        ended = build(folder)
    except BrokenLinkError as error:
        print(error, file=sys.stderr)
        return 1
    print(ended.stdout, ended.stderr, sep="", end="", file=sys.stderr if ended.returncode else sys.stdout)
    if ended.returncode:
        return ended.returncode
    found = [*faults(folder / "site", CONFIG.read_text(encoding="utf-8"))]
    print("\n".join([*found, f"The site is in {(folder / 'site' / 'index.html').relative_to(ROOT)}"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
