"""Guess what a mistyped name was meant to be."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_MOST: Final = 4
#: Comparing two names takes as long as the product of their lengths. Where all names take longer, nobody guesses.
_MOST_WORK: Final = 1_000_000


def closest(name: str, known: Collection[str]) -> list[str]:
    """Return the known name that is closest, if one is close; nothing if it takes too long to find out."""
    if len(name) * sum(map(len, known)) > _MOST_WORK:
        return []
    return difflib.get_close_matches(name, known, n=1)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a question that names the closest of the known names, after a space; "" if none is close.

    A name that is the beginning of a few others may stand for each of them.
    """
    by_lower = {each.lower(): each for each in sorted(known)}
    begun = [each for each in by_lower if name and each.startswith(name.lower())]
    if len(begun) > _MOST:
        return ""
    if not begun:
        begun = closest(name.lower(), by_lower)
    quoted = [f"'{by_lower[each]}'" for each in begun]
    return f" Did you mean {' or '.join(filter(None, (', '.join(quoted[:-1]), quoted[-1])))}?" if quoted else ""
