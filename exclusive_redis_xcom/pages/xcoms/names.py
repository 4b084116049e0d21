"""Names of tasks, as a user may see them. Tasks of DAGs that this user may not read are counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from exclusive_redis_xcom.access.printable import cut
from exclusive_redis_xcom.acl.rule import consumer_ids
from exclusive_redis_xcom.pages.hidden_count import hidden

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exclusive_redis_xcom.pages.user import Readable

#: So many names stand in a list, and so many characters of each.
MOST_NAMES: Final = 20
MOST_CHARACTERS: Final = 120


@dataclass(frozen=True, slots=True)
class Names:
    """Names for a list, and what follows them.

    Attributes:
        shown: The names, as texts that print.
        more: How many further names the user may see.
        hidden: How many names are not the user's to see.
    """

    shown: tuple[str, ...] = ()
    more: int = 0
    hidden: int = 0

    @property
    def texts(self) -> list[str]:
        """All of it, for people."""
        found = list(self.shown)
        if self.more:
            found.append(f"{self.more} more")
        if self.hidden:
            found.append(hidden(self.hidden))
        return found


def consumers(names: Iterable[str], dag_id: str, readable: Readable) -> Names:
    """Name the consumers of a rule: `load`, `reports/monthly`, `all tasks of this DAG`."""
    shown: list[str] = []
    others = 0
    for name in names:
        of_dag, task = consumer_ids(name, dag_id)
        if (of_dag, task) == (dag_id, "*"):
            shown.append("all tasks of this DAG")
        elif (of_dag, task) == ("*", "*"):
            shown.append("any task of any DAG")
        elif of_dag == dag_id:
            shown.append(cut(task, MOST_CHARACTERS))
        elif of_dag == "*" or readable.shows(of_dag):
            shown.append(cut(f"{of_dag}/{task}", MOST_CHARACTERS))
        else:
            others += 1
    return Names(tuple(shown[:MOST_NAMES]), max(0, len(shown) - MOST_NAMES), others)


def task(reader: tuple[str, str] | None, dag_id: str, readable: Readable) -> str | None:
    """Name a task that has asked; None if its name is not the user's to see."""
    if reader is None:
        return "a process that nobody knows"
    of_dag, task_id = reader
    if of_dag == dag_id:
        return cut(task_id, MOST_CHARACTERS)
    return cut(f"{of_dag}/{task_id}", MOST_CHARACTERS) if readable.shows(of_dag) else None
