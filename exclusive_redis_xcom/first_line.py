"""The first line of an error: the decision, on a line that a log view shows whole. Long ids are shortened in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from exclusive_redis_xcom.model import one_line

#: Characters of a first line.
FIRST_LINE = 100

Shorten: TypeAlias = Callable[[str], str]

#: How long a name may be, at the first try and at the next ones.
_LENGTHS = (250, 60, 40, 30, 24, 18, 14, 10)


def fitted(*writes: Callable[[Shorten], str], most: int = FIRST_LINE) -> str:
    """Write a first line with names as long as they may be.

    Args:
        writes: Ways to write the line, the best first. Each gets a function that shortens one name. A later way is
            taken before names are shortened further.
        most: How long the line may be. A line that is longer with the shortest names is cut.
    """
    text = ""
    for length in _LENGTHS:
        for write in writes:
            text = write(_shortener(length))
            if len(text) <= most:
                return text
    return f"{text[: most - 3]}..."


def of_dag(dag_id: str, decision: Callable[[Shorten], str]) -> str:
    """Write a first line about a DAG: its id, then what was decided.

    Args:
        dag_id: The DAG.
        decision: Writes the rest of the line, as for `fitted`.
    """
    return fitted(lambda short: f"DAG '{short(dag_id)}': {decision(short)}")


def _shortener(length: int) -> Shorten:
    def short(name: str) -> str:
        if len(name) <= length:
            return one_line(name, length)
        tail = (length - 3) // 2  # groups stand in front of a task's own name
        return f"{one_line(name[: length - 3 - tail], length)}...{one_line(name[-tail:], length)}"

    return short
