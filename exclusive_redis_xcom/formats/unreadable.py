"""The error for bytes in Redis that are no value of this package."""

from __future__ import annotations

from exclusive_redis_xcom.errors import CorruptValue

#: How the reasons of several formats read.
WRONG_LENGTH = "its payload is not as long as its header says"
CUT = "its header is cut, or longer than any header"
NO_HEADER = "its header cannot be read"


def unreadable(reason: str) -> CorruptValue:
    """Make the error."""
    return CorruptValue(text(reason))


def text(reason: str) -> str:
    """Return the error's text."""
    return f"A value in Redis cannot be read.\nThe reason: {reason}.\nClear the producing task to write it again."
