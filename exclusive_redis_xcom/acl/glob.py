"""Patterns of ids: `*` stands for any characters, or for none; every other character stands for itself.

Regular expressions are not used: a pattern with many stars must not make matching slow, whoever wrote it. Each literal
part is searched for once, from left to right. That is enough where `*` is the only wildcard.
"""

from __future__ import annotations

STAR = "*"


def is_pattern(text: str) -> bool:
    """Return whether the text may stand for more than itself."""
    return STAR in text


def literals(pattern: str) -> int:
    """Return how many characters of the pattern are literal: more literals make it more specific."""
    return len(pattern) - pattern.count(STAR)


def matches(pattern: str, text: str) -> bool:
    """Return whether the pattern matches the whole text.

    Case matters, and Unicode is not normalised. The time is linear.
    """
    if STAR not in pattern:
        return pattern == text
    head, *middle, tail = pattern.split(STAR)
    if len(text) < len(head) + len(tail) or not text.startswith(head) or not text.endswith(tail):
        return False
    position, end = len(head), len(text) - len(tail)
    for part in middle:
        found = text.find(part, position, end)
        if found < 0:
            return False
        position = found + len(part)
    return True


def covers(pattern: str, other: str) -> bool:
    """Return whether `pattern` matches everything that `other` matches.

    Only a star of `pattern` can match a star in `other`, since no literal part holds a star. Patterns that overlap,
    while neither contains the other, do not cover each other.
    """
    return matches(pattern, other)
