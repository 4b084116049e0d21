"""What one DAG says about its XComs, without Airflow's objects. All questions about access are answered from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from exclusive_redis_xcom.acl.glob import is_pattern
from exclusive_redis_xcom.declaration.graph import EdgeGraph
from exclusive_redis_xcom.model import RETURN_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exclusive_redis_xcom.acl import Acl

#: Where a task takes an XCom: as an argument in DAG code, in a template field, or by a call in its own code.
How = Literal["argument", "template", "code"]


@dataclass(frozen=True, slots=True)
class Pull:
    """An XCom that a task takes, as far as its code tells.

    Attributes:
        dag_id: The producer's DAG.
        task_id: The producer; None if the code computes it.
        key: The key; None if the code computes it.
        how: Where the task takes it.
        line: The line of the call in the DAG's file; None if it is not known.
    """

    dag_id: str
    task_id: str | None
    key: str | None
    how: How
    line: int | None = None


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """What is known of one task.

    Attributes:
        task_id: The task.
        keys: The keys that its code pushes, besides `return_value`, as far as they are constants.
        computes_keys: Whether its code pushes, or may push, keys that are not known.
        returns: Whether it pushes `return_value`; None if that is not known.
        multiple_outputs: Whether it pushes each item of what it returns as a key of its own, too.
        outputs: All keys of these items, from the annotation; None if they are not known.
        pulls: The XComs that it takes.
    """

    task_id: str
    keys: frozenset[str] = frozenset()
    computes_keys: bool = True
    returns: bool | None = None
    multiple_outputs: bool = False
    outputs: tuple[str, ...] | None = None
    pulls: tuple[Pull, ...] = ()


@dataclass(frozen=True)
class DagFacts:
    """What one DAG says about its XComs.

    Attributes:
        acl: Its rules, as `declaration` reads them, and the policy word for XComs without a rule.
        downstream: For each task, the tasks that come directly after it.
        links: The tasks that take an XCom as an argument or in a template field, by its producer and key.
        tasks: What is known of each task.
        file: The DAG's file, below the DAG bundle.
        path: The DAG's file on this machine; None if it is not here.
        unread: The tasks that may take other XComs, too, as arguments or in template fields. A serialized DAG does not
            always show what a field takes.
    """

    acl: Acl
    downstream: Mapping[str, tuple[str, ...]]
    links: Mapping[tuple[str, str], frozenset[str]]
    tasks: Mapping[str, TaskFacts]
    file: str = ""
    path: str | None = field(default=None, compare=False)
    unread: frozenset[str] = frozenset()

    @property
    def dag_id(self) -> str:
        """The DAG's id."""
        return self.acl.dag_id

    @cached_property
    def graph(self) -> EdgeGraph:
        """The DAG's graph, which resolves policy words."""
        return EdgeGraph(self.downstream, self.links)

    def keys_of(self, task_id: str) -> list[str]:
        """Return the keys that the task is known to push, sorted.

        These are the keys that rules name for it, those in its code and annotation, and those that other tasks take.
        `return_value` is one of them, unless it is known to return nothing.
        """
        task = self.tasks[task_id]
        found = {*task.keys, *(task.outputs or ()), *self._named.get(task_id, ())}
        if task.returns is not False:
            found.add(RETURN_KEY)
        return sorted(found)

    @cached_property
    def _named(self) -> dict[str, set[str]]:
        """The keys that rules of one producer name, and those that links name."""
        found: dict[str, set[str]] = {}
        for rule in self.acl.rules:
            if rule.producer is not None and not is_pattern(rule.producer) and not is_pattern(rule.key):
                found.setdefault(rule.producer, set()).add(rule.key)
        for task_id, key in self.links:
            if task_id in self.tasks:
                found.setdefault(task_id, set()).add(key)
        return found
