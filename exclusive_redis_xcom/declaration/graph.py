"""The graph of a DAG, as an ACL needs it, copied from Airflow's DAG object at parse time."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from exclusive_redis_xcom.declaration.links import find_links

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from airflow.sdk import DAG


class EdgeGraph:
    """The graph of a DAG, from its edges. It implements `acl.DagGraph`.

    Args:
        downstream: For each task of the DAG, the tasks that come directly after it.
        links: The tasks that take an XCom, by its producer and key.
    """

    def __init__(
        self, downstream: Mapping[str, Collection[str]], links: Mapping[tuple[str, str], frozenset[str]] | None = None
    ) -> None:
        self._downstream = downstream
        self._upstream = _reversed(downstream)
        self._upstream_closures: dict[str, frozenset[str]] = {}
        self._downstream_closures: dict[str, frozenset[str]] = {}
        self._links = links

    @property
    def task_ids(self) -> frozenset[str]:
        """The ids of all tasks of the DAG."""
        return frozenset(self._downstream)

    @property
    def downstream(self) -> Mapping[str, Collection[str]]:
        """For each task, the tasks that come directly after it."""
        return self._downstream

    @property
    def links(self) -> Mapping[tuple[str, str], frozenset[str]]:
        """The tasks that take an XCom, by its producer and key."""
        self.find_links()
        return self._links or {}

    def upstream_of(self, task_id: str) -> frozenset[str]:
        """Return all tasks that run before the task, directly or not; none for a task of another DAG."""
        if task_id not in self._upstream_closures:
            self._upstream_closures[task_id] = _reachable(task_id, self._upstream)
        return self._upstream_closures[task_id]

    def downstream_of(self, task_id: str) -> frozenset[str]:
        """Return all tasks that run after the task, directly or not; none for a task of another DAG."""
        if task_id not in self._downstream_closures:
            self._downstream_closures[task_id] = _reachable(task_id, self._downstream)
        return self._downstream_closures[task_id]

    def linked_to(self, task_id: str, key: str) -> frozenset[str]:
        """Return the tasks that take this XCom as an argument or in a template field; see `links.py`."""
        return self.links.get((task_id, key), frozenset())

    def links_of(self, task_id: str) -> Mapping[str, frozenset[str]]:
        """Return the tasks that take XComs of a task, by key."""
        return {key: consumers for (producer, key), consumers in self.links.items() if producer == task_id}

    def find_links(self) -> None:
        """Do nothing: the links are known. A graph that searches for them does so here, once."""


class AirflowDagGraph(EdgeGraph):
    """The graph of Airflow's DAG.

    Edges are copied at once. Links are found when a `linked` rule first asks, since that means reading every template.
    The DAG is held weakly, so that a remembered ACL does not keep its DAG alive. If the DAG is gone by then, no links
    are known, and `linked` allows nobody.
    """

    def __init__(self, dag: DAG) -> None:
        super().__init__({task.task_id: frozenset(task.downstream_task_ids) for task in dag.tasks})
        self._dag = weakref.ref(dag)

    def find_links(self) -> None:
        """Search the DAG's arguments and template fields, once. If the DAG is gone, nobody is linked."""
        dag = self._dag()
        if self._links is None and dag is not None:
            self._links = find_links(dag)


class TaskGraph:
    """What one task's rules need of its DAG's graph. It implements `acl.DagGraph`, as far as pushes ask.

    Args:
        task_id: The task. Nothing is known of other tasks.
        downstream: All tasks that run after it, directly or not.
        links: The tasks that take its XComs, by key.
    """

    def __init__(self, task_id: str, downstream: frozenset[str], links: Mapping[str, frozenset[str]]) -> None:
        self._task_id = task_id
        self._downstream = downstream
        self._links = links

    @property
    def task_ids(self) -> frozenset[str]:
        """The task's own id."""
        return frozenset({self._task_id})

    def upstream_of(self, task_id: str) -> frozenset[str]:  # noqa: ARG002 - part of the protocol
        """Return nothing: no push asks what runs before a task."""
        return frozenset()

    def downstream_of(self, task_id: str) -> frozenset[str]:
        """Return all tasks that run after the task, directly or not."""
        return self._downstream if task_id == self._task_id else frozenset()

    def linked_to(self, task_id: str, key: str) -> frozenset[str]:
        """Return the tasks that take this XCom of the task."""
        return self.links_of(task_id).get(key, frozenset())

    def links_of(self, task_id: str) -> Mapping[str, frozenset[str]]:
        """Return the tasks that take XComs of the task, by key."""
        return self._links if task_id == self._task_id else {}

    def find_links(self) -> None:
        """Do nothing: the links are known."""


def _reversed(edges: Mapping[str, Collection[str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {task_id: [] for task_id in edges}
    for task_id, targets in edges.items():
        for target in targets:
            found.setdefault(target, []).append(task_id)
    return found


def _reachable(start: str, edges: Mapping[str, Collection[str]]) -> frozenset[str]:
    found: set[str] = set()
    pending = list(edges.get(start, ()))
    while pending:
        task_id = pending.pop()
        if task_id not in found:
            found.add(task_id)
            pending.extend(edges.get(task_id, ()))
    return frozenset(found)
