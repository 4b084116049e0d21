"""Where a page has what comes from the code."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PART = re.compile(
    r"^<!-- generated from the code, by `make reference`: (?P<name>[\w-]+) -->\n.*?^<!-- end of \1 -->$",
    re.DOTALL | re.MULTILINE,
)


def names(page: str) -> list[str]:
    """Return the names of a page's generated parts."""
    return [found["name"] for found in _PART.finditer(page)]


def renewed(page: str, parts: Mapping[str, Callable[[], str]]) -> str:
    """Return a page with its generated parts as the code has them now.

    Args:
        page: The text of the page.
        parts: What writes each part.

    Raises:
        KeyError: The page has a part that nothing writes.
    """

    def part(found: re.Match[str]) -> str:
        name = found["name"]
        opening, closing = found[0].splitlines()[0], found[0].splitlines()[-1]
        return f"{opening}\n\n{parts[name]().strip()}\n\n{closing}"

    return _PART.sub(part, page)
