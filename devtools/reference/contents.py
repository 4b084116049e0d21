"""The table of contents on the front page, from the navigation of the site."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from devtools.site.building import CONFIG
from devtools.site.navigation import parts

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What each of the four parts is for. The pages of other parts are not in `docs/`.
DOORS: Final = {
    "Tutorial": "Learn by doing: from nothing to a refused pull.",
    "How-to": "Reach one goal: install, roll out, check, mend.",
    "Reference": "Look something up: rules, settings, errors, commands.",
    "Explanation": "Understand why: how values travel, and what protects them.",
}


def contents() -> str:
    """Return a section for each of the four parts, with links to all its pages."""
    known = parts(CONFIG.read_text(encoding="utf-8"))
    doors = ((title, told) for title, told in DOORS.items() if title in known)
    return "\n\n".join(f"## {title}\n\n{told}\n\n" + "\n".join(_lines(known[title])) for title, told in doors)


def _lines(entries: list[Any], indent: str = "", section: str = "") -> Iterator[str]:
    for entry in entries:
        for title, inside in (entry if isinstance(entry, dict) else {section: entry}).items():
            if isinstance(inside, str):
                yield f"{indent}- [{title}]({inside})"
                continue
            # The first page of a section without a title of its own stands for the section.
            first, rest = (inside[0], inside[1:]) if isinstance(inside[0], str) else (None, inside)
            yield f"{indent}- [{title}]({first})" if first else f"{indent}- {title}"
            yield from _lines(rest, indent + "  ")
