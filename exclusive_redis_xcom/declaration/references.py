"""Find the XComs that a value takes before a task runs. The value is an argument, or what a template field holds.

DAG objects and serialized DAGs hold such values in different forms. What is common to both stands here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Reference(NamedTuple):
    """An XCom that a task takes before it runs.

    `dag_id` is None for the task's own DAG. `task_id` and `key` are None where a template computes them.
    """

    dag_id: str | None
    task_id: str | None
    key: str | None
    how: Literal["argument", "template"]

    def is_link(self, dag_id: str) -> bool:
        """Tell whether the policy word `linked` counts it, in a DAG of this id."""
        return self.task_id is not None and self.key is not None and self.dag_id in (None, dag_id)


class References(ABC):
    """Walks the values of one task. Each object is visited once, however deeply the author nests it."""

    def __init__(self) -> None:
        self._seen: set[int] = set()

    def of(self, value: Any) -> Iterator[Reference]:
        """Yield every XCom that a value takes."""
        pending = [value]
        while pending:
            current = pending.pop()
            if isinstance(current, str):
                yield from self.of_text(current)
            elif current is not None and id(current) not in self._seen:
                self._seen.add(id(current))
                found = self.of_object(current)
                if found is None:
                    pending.extend(self.parts(current))
                else:
                    yield from found

    @abstractmethod
    def of_text(self, text: str) -> Iterable[Reference]:
        """Return the XComs that a text takes."""

    @abstractmethod
    def of_object(self, value: Any) -> Iterable[Reference] | None:
        """Return the XComs that a value stands for; None if it stands for none itself."""

    @abstractmethod
    def parts(self, value: Any) -> Iterable[Any]:
        """Return the values in a value."""
