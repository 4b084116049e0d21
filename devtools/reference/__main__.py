"""`make reference`: write what comes from the code into the pages of `docs/`."""

from __future__ import annotations

import sys
from pathlib import Path

from devtools.reference import PARTS
from devtools.reference.markers import renewed

DOCS = Path(__file__).resolve().parents[2] / "docs"


def main() -> int:
    """Renew all pages, and say which have changed."""
    for page in sorted(DOCS.rglob("*.md")):
        before = page.read_text(encoding="utf-8")
        after = renewed(before, PARTS)
        if after != before:
            page.write_text(after, encoding="utf-8")
            print(f"{page.relative_to(DOCS.parent)} has changed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
