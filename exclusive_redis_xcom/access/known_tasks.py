"""The tasks of a snapshot, and which of them a name or a pattern stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from exclusive_redis_xcom.acl.glob import is_pattern, matches

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from exclusive_redis_xcom.access.effective_rule import EffectiveRule

_NOBODY: frozenset[str] = frozenset()


class Reading(NamedTuple):
    """Who may read an XCom, as far as that is known.

    Attributes:
        yes: Tasks that may.
        maybe: Tasks of which it is not known.
        outside: Names and patterns of tasks in DAGs that are not here.
    """

    yes: frozenset[str]
    maybe: frozenset[str]
    outside: frozenset[str]


class KnownTasks:
    """The tasks of a set of DAGs. What a pattern stands for is found once.

    Args:
        tasks: For each DAG, its tasks as `dag/task`.
    """

    def __init__(self, tasks: Mapping[str, Iterable[str]]) -> None:
        self._by_dag = {dag_id: frozenset(of_dag) for dag_id, of_dag in tasks.items()}
        self._members: dict[str, frozenset[str]] = {}
        self._readings: dict[tuple[frozenset[str], frozenset[str], str | None], Reading] = {}

    def has_dag_of(self, task: str) -> bool:
        """Tell whether the DAG of a task is here."""
        return task.partition("/")[0] in self._by_dag

    def __contains__(self, task: str) -> bool:
        """Tell whether a task is here."""
        return task in self._by_dag.get(task.partition("/")[0], _NOBODY)

    def members(self, name: str) -> frozenset[str]:
        """Return the tasks that a name or pattern stands for."""
        found = self._members.get(name)
        if found is None:
            found = self._members[name] = self._found(name)
        return found

    def reading(self, rule: EffectiveRule | None, dag_id: str) -> Reading:
        """Return who may read an XCom of a DAG; nobody if there is no such XCom."""
        if rule is None:
            return Reading(_NOBODY, _NOBODY, _NOBODY)
        # A task of another DAG is rarely in a run of the same id.
        own_only = dag_id if rule.same_run else None
        key = (rule.sure, rule.unsure, own_only)
        found = self._readings.get(key)
        if found is None:
            found = self._readings[key] = self._reading(rule, own_only)
        return found

    def _reading(self, rule: EffectiveRule, own_only: str | None) -> Reading:
        yes = _NOBODY.union(*map(self.members, rule.sure))
        maybe = _NOBODY.union(*map(self.members, rule.unsure))
        if own_only is not None:
            own = self._by_dag.get(own_only, _NOBODY)
            yes, maybe = yes & own, maybe | (yes - own)
        return Reading(yes, maybe - yes, frozenset(filter(self._is_outside, rule.names)))

    def _is_outside(self, name: str) -> bool:
        dag_id = name.partition("/")[0]
        return is_pattern(dag_id) or dag_id not in self._by_dag

    def _found(self, name: str) -> frozenset[str]:
        dag_pattern, _, task_pattern = name.partition("/")
        dags = [dag_id for dag_id in self._by_dag if matches(dag_pattern, dag_id)] if is_pattern(dag_pattern) else ()
        if not dags:
            dags = [dag_pattern] if dag_pattern in self._by_dag else []
        if task_pattern == "*":
            sets = [self._by_dag[dag_id] for dag_id in dags]
            return sets[0] if len(sets) == 1 else _NOBODY.union(*sets)
        if not is_pattern(task_pattern):
            return frozenset(task for task in (f"{dag_id}/{task_pattern}" for dag_id in dags) if task in self)
        return frozenset(
            task for dag_id in dags for task in self._by_dag[dag_id] if matches(task_pattern, task.partition("/")[2])
        )
