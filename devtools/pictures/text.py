"""How wide a text is in a font that nobody knows: estimates that no common sans-serif font exceeds."""

from __future__ import annotations

from typing import Final

#: The size of running text and of titles. Scaled to a phone of 375 px, 17 of 640 are still 10 px.
SIZE: Final = 17
LINE: Final = 22
BOLD: Final = 1.12
#: By how many pixels lines are made shorter at a time.
STEP: Final = 8

_NARROW = frozenset("iljI.,:;'|!()[] ")
_SLIM = frozenset('frt-/"`')
_WIDE = frozenset("mwMW@%")


def width(text: str, *, bold: bool = False, size: int = SIZE) -> float:
    """Return how many pixels a line takes at most, about."""
    return sum(map(_em, text)) * size * (BOLD if bold else 1.0)


def wrapped(text: str, most: float, *, bold: bool = False) -> list[str]:
    """Break a text into lines of at most `most` pixels. A word that is longer keeps a line of its own."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and width(longer, bold=bold) <= most:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def balanced(text: str, most: float) -> list[str]:
    """Break a text into as many lines as `wrapped` does, of about the same length. That is for text in the middle."""
    lines = wrapped(text, most)
    while most > STEP and len(narrower := wrapped(text, most - STEP)) == len(lines):
        lines, most = narrower, most - STEP
    return lines


def _em(character: str) -> float:
    if character in _NARROW:
        return 0.34
    if character in _SLIM:
        return 0.42
    if character in _WIDE:
        return 0.95
    return 0.7 if character.isupper() else 0.61
