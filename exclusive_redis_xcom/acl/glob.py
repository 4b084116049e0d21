"""Patterns of ids: `*` stands for any run of characters, also an empty one; everything else is itself.

No regular expressions: a pattern with many stars must not make matching slow, whoever wrote it. Each literal
part is searched for once, from left to right, which is enough for patterns whose only wildcard is `*`.
"""

from __future__ import annotations

STAR = "*"


def is_pattern(text: str) -> bool:
    """Whether the text stands for more than itself."""
    return STAR in text


def literals(pattern: str) -> int:
    """How many characters a text must share with the pattern: the measure of how specific it is."""
    return len(pattern) - pattern.count(STAR)


def matches(pattern: str, text: str) -> bool:
    """Whether the pattern covers the whole text; case-sensitive, no Unicode normalisation, linear time."""
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
    """Whether everything that `other` matches is also matched by `pattern`.

    A star in `other` can only be swallowed by a star of `pattern`, since no literal part holds one. Patterns
    that overlap without one containing the other do not cover each other.
    """
    return matches(pattern, other)
