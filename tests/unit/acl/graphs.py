"""A DAG graph for tests: edges and links as plain dicts."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class StubGraph:
    """A chain of tasks in the order given, plus links."""

    chain: tuple[str, ...]
    links: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)

    @property
    def task_ids(self) -> frozenset[str]:
        return frozenset(self.chain)

    def downstream_of(self, task_id: str) -> frozenset[str]:
        return frozenset(self.chain[self.chain.index(task_id) + 1 :]) if task_id in self.chain else frozenset()

    def upstream_of(self, task_id: str) -> frozenset[str]:
        return frozenset(self.chain[: self.chain.index(task_id)]) if task_id in self.chain else frozenset()

    def linked_to(self, task_id: str, key: str) -> frozenset[str]:
        return self.links.get((task_id, key), frozenset())
