"""Relative links of a Markdown page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# What stands in code is no link. A link is `](target#anchor`, `[name]: target#anchor`, or an attribute of HTML.
_CODE_OR_LINK = re.compile(
    r"""
    ^(?P<indent>\ *)(?P<fence>```+|~~~+)[^\n]*\n.*?^(?P=indent)(?P=fence)\ *$
    | (?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`)
    | (?P<opening>\]\(<?|^\[[^\]\n]+\]:\ +|\b(?:href|src|srcset)=")
      (?P<target>(?![a-z][a-z0-9+.-]*:)[^\s#)">]+)
    """,
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)


def relink(markdown: str, replacement: Callable[[str], str]) -> str:
    """Replace the target of each relative link and picture. Anchors stay.

    Args:
        markdown: The text of a page.
        replacement: Takes a target without its anchor, and returns the new target.
    """

    def replaced(found: re.Match[str]) -> str:
        target = found["target"]
        return found[0] if target is None else found["opening"] + replacement(target)

    return _CODE_OR_LINK.sub(replaced, markdown)
