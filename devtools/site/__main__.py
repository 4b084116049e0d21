"""`make docs`: build the site into `build/site`."""

from __future__ import annotations

import sys

from devtools.site.building import build
from devtools.site.pages import ROOT, BrokenLinkError


def main() -> int:
    """Build the site, print what Zensical says, and return the exit code."""
    folder = ROOT / "build"
    try:
        ended = build(folder)
    except BrokenLinkError as error:
        print(error, file=sys.stderr)
        return 1
    print(ended.stdout, ended.stderr, sep="", end="", file=sys.stderr if ended.returncode else sys.stdout)
    if ended.returncode == 0:
        print(f"The site is in {(folder / 'site' / 'index.html').relative_to(ROOT)}")
    return ended.returncode


if __name__ == "__main__":
    sys.exit(main())
