"""First lines of errors about a DAG's rules: the decision, on a line that a log view shows whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.model import one_line

if TYPE_CHECKING:
    from collections.abc import Callable

#: Characters of a first line.
_MOST = 100
#: How long a name may be, at the first try and at the next ones.
_LENGTHS = (250, 60, 40, 24, 14)


def fitted(write: Callable[[Callable[[str], str]], str]) -> str:
    """Write a first line, with names as long as they may be.

    Args:
        write: Writes the line. It gets a function that shortens one name.
    """
    text = ""
    for length in _LENGTHS:
        text = write(lambda name, most=length: one_line(name, most))  # type: ignore[misc]  # the default binds
        if len(text) <= _MOST:
            return text
    return one_line(text, _MOST - 3)
