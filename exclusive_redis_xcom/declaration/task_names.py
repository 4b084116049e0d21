"""The ids of a DAG's tasks, searched by patterns. A DAG may have a thousand tasks and ten thousand patterns."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING

from exclusive_redis_xcom.acl.glob import STAR, is_pattern, matches

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

#: No id holds this character, and it comes after all others.
_LAST = chr(0x10FFFF)

#: So often may a part of a pattern be compared with an id, over all patterns of a DAG. It takes about a second.
MOST_COMPARED = 4_000_000


class TooManyComparedError(Exception):
    """The patterns of a DAG have to be compared more often than `MOST_COMPARED`."""


class TaskNames:
    """Finds the ids that a pattern matches.

    Few ids are compared with a pattern: those that begin or end as the pattern does, or those that hold its longest
    part. Each pattern is searched for once.

    Args:
        ids: The ids of all tasks of a DAG.
    """

    def __init__(self, ids: Collection[str]) -> None:
        self._ids = frozenset(ids)
        self._found: dict[str, frozenset[str]] = {STAR: self._ids}
        self._sorted = sorted(self._ids)
        self._backwards = sorted(name[::-1] for name in self._ids)
        self._text = "\n".join(self._sorted)
        self._ends = list(accumulate(len(name) + 1 for name in self._sorted))
        self._compared = 0

    def matching(self, pattern: str) -> frozenset[str]:
        """Return all ids that the pattern matches.

        Raises:
            TooManyComparedError: All patterns so far need too many comparisons.
        """
        if not is_pattern(pattern):
            return self._ids & {pattern}
        if pattern not in self._found:
            candidates = self._candidates(pattern)
            self._compared += len(candidates) * (pattern.count(STAR) + 1)
            if self._compared > MOST_COMPARED:
                raise TooManyComparedError
            self._found[pattern] = frozenset(name for name in candidates if matches(pattern, name))
        return self._found[pattern]

    def _candidates(self, pattern: str) -> Sequence[str]:
        """Return ids among which are all that the pattern matches: the fewest that are found in a short time."""
        head, *middle, tail = pattern.split(STAR)
        begin, end = _range(self._sorted, head)
        last_begin, last_end = _range(self._backwards, tail[::-1])
        part = max(middle, key=len, default="")
        holding = self._text.count(part) if part else len(self._ids)
        fewest = min(end - begin, last_end - last_begin, holding)
        if fewest == end - begin:
            return self._sorted[begin:end]
        if fewest == last_end - last_begin:
            return [name[::-1] for name in self._backwards[last_begin:last_end]]
        return self._holding(part)

    def _holding(self, part: str) -> list[str]:
        """Return the ids that hold a text."""
        found: list[str] = []
        position = self._text.find(part)
        while position >= 0:
            line = bisect_right(self._ends, position)
            found.append(self._sorted[line])
            position = self._text.find(part, self._ends[line])
        return found


def _range(names: Sequence[str], beginning: str) -> tuple[int, int]:
    """Return where the names are that begin so, in a sorted list."""
    if not beginning:
        return 0, len(names)
    return bisect_left(names, beginning), bisect_right(names, beginning + _LAST)
