"""A snapshot: who may read what in a set of DAGs at one time, without the places of rules and without dates."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from exclusive_redis_xcom.access.effective_rule import EffectiveRule, EffectiveRules
from exclusive_redis_xcom.access.facts import AIRFLOWS
from exclusive_redis_xcom.acl.glob import covers, is_pattern, literals, matches
from exclusive_redis_xcom.model import is_airflows

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from exclusive_redis_xcom.access.facts import DagFacts


#: Who may read Airflow's own keys.
_OF_AIRFLOWS = EffectiveRule(frozenset({"*/*"}), restricted=False, source=AIRFLOWS.source)


class XCom(NamedTuple):
    """An XCom in a snapshot: the producer's DAG, the producer, and a key or a pattern of keys that code computes."""

    dag_id: str
    task_id: str
    key: str


class Snapshot:
    """Who may read what in a set of DAGs.

    Args:
        rules: For each DAG and task, who may read each of its XComs.
        edges: For DAGs with the rule `downstream`, the tasks that come directly after each task.
        files: The file of each DAG, where it is known.
    """

    def __init__(
        self,
        rules: Mapping[str, Mapping[str, Mapping[str, EffectiveRule]]],
        edges: Mapping[str, Mapping[str, Collection[str]]],
        files: Mapping[str, str] | None = None,
    ) -> None:
        self.rules = rules
        self.edges = edges
        self.files: Mapping[str, str] = files or {}

    @classmethod
    def of(cls, dags: Mapping[str, DagFacts]) -> Snapshot:
        """Take the snapshot of a set of DAGs."""
        return _Live(dags)

    @cached_property
    def tasks(self) -> dict[str, tuple[str, ...]]:
        """For each DAG, its tasks as `dag/task`."""
        return {dag_id: tuple(f"{dag_id}/{task_id}" for task_id in of_dag) for dag_id, of_dag in self.rules.items()}

    def xcoms(self) -> Iterator[XCom]:
        """Yield all XComs."""
        for dag_id, of_dag in self.rules.items():
            for task_id, of_task in of_dag.items():
                for key in of_task:
                    yield XCom(dag_id, task_id, key)

    def rule(self, xcom: XCom) -> EffectiveRule | None:
        """Return who may read an XCom.

        A key that is not known may still be pushed by code that computes keys. Then its rule counts.

        Returns:
            None if there is no such task, or if it pushes no such key.
        """
        of_task = self.rules.get(xcom.dag_id, {}).get(xcom.task_id)
        if of_task is None:
            return None
        known = of_task.get(xcom.key)
        if known is not None or not any(is_pattern(key) for key in of_task):
            return known
        if is_airflows(xcom.key):
            return _OF_AIRFLOWS
        return self._of_unknown_key(xcom, of_task)

    def _of_unknown_key(self, xcom: XCom, of_task: Mapping[str, EffectiveRule]) -> EffectiveRule | None:
        """Return the rule of the closest pattern of keys. Where two are equally close, nothing is certain."""
        found = [key for key in of_task if is_pattern(key) and matches(key, xcom.key)]
        closest = [key for key in found if not any(other != key and covers(key, other) for other in found)]
        if len(closest) == 1:
            return of_task[closest[0]]
        first = min(closest, key=lambda key: (-literals(key), key), default=None)
        if first is None:
            return None
        names = frozenset[str]().union(*(of_task[key].names for key in closest))
        return replace(of_task[first], sure=frozenset(), unsure=names, is_downstream=False, source=None)


class _Live(Snapshot):
    """The snapshot of DAGs that are here. Their rules answer for any key."""

    def __init__(self, dags: Mapping[str, DagFacts]) -> None:
        self._by_dag = {dag_id: EffectiveRules(facts) for dag_id, facts in sorted(dags.items())}
        rules, edges = {}, {}
        for dag_id, of_dag in self._by_dag.items():
            facts = dags[dag_id]
            rules[dag_id] = {
                task_id: {key: of_dag.rule(task_id, key) for key in of_dag.keys_of(task_id)}
                for task_id in sorted(facts.tasks)
            }
            if any(rule.is_downstream for of_task in rules[dag_id].values() for rule in of_task.values()):
                edges[dag_id] = facts.downstream
        super().__init__(rules, edges, {dag_id: facts.file for dag_id, facts in dags.items()})

    def _of_unknown_key(self, xcom: XCom, of_task: Mapping[str, EffectiveRule]) -> EffectiveRule | None:  # noqa: ARG002 - as above
        return self._by_dag[xcom.dag_id].rule(xcom.task_id, xcom.key)
