"""Name many tasks in few words: by the patterns of the rule that lets them read, and what to leave out of these."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exclusive_redis_xcom.acl.glob import is_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exclusive_redis_xcom.access.known_tasks import KnownTasks

#: So many tasks are named one by one, where a pattern would need exceptions.
_FEW = 5


@dataclass(frozen=True, order=True)
class ReaderGroup:
    """One task, or the tasks that a pattern matches.

    Attributes:
        name: `dag/task`, or a pattern of it.
        without: Tasks that the pattern matches, and that are not meant.
        tasks: All tasks that are meant, of those that are known.
    """

    name: str
    without: tuple[str, ...] = ()
    tasks: frozenset[str] = field(default=frozenset(), compare=False, repr=False)

    def is_only(self, task: str) -> bool:
        """Tell whether nobody but one task is meant."""
        return self.name == task or (bool(self.tasks) and self.tasks <= {task})


def grouped(tasks: frozenset[str], names: Iterable[str], known: KnownTasks) -> tuple[ReaderGroup, ...]:
    """Name tasks, sorted.

    Args:
        tasks: The tasks.
        names: The names and patterns of the rule that is about them.
        known: All tasks that are known.
    """
    left, found = set(tasks), []
    patterns = sorted(filter(is_pattern, names), key=lambda name: (-len(known.members(name)), name))
    for pattern in patterns:
        members = known.members(pattern)
        without = members - tasks
        meant = members & left
        if len(meant) > (max(_FEW, len(without)) if without else 1):
            found.append(ReaderGroup(pattern, tuple(sorted(without)), members - without))
            left -= meant
    found += [ReaderGroup(task, (), frozenset({task})) for task in left]
    return tuple(sorted(found))
