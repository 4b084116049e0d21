"""What one DAG says about its XComs, without Airflow's objects. All questions about access are answered from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal

from exclusive_redis_xcom.access.copied_outputs import certain_consumers
from exclusive_redis_xcom.acl import LINKED, Acl, Rule
from exclusive_redis_xcom.acl.glob import STAR, is_pattern
from exclusive_redis_xcom.acl.rule import ANYONE
from exclusive_redis_xcom.declaration.graph import EdgeGraph
from exclusive_redis_xcom.model import RETURN_KEY, Coordinate, is_airflows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exclusive_redis_xcom.access.names import XComName

#: The rule of keys that Airflow itself writes or reads. What is pushed under them never reaches this package.
AIRFLOWS: Final = Rule(None, STAR, ANYONE, "Airflow's own keys", restricted=False)

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
        outputs: All keys of these items, as its code writes them out; None if they are not known.
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

        Rules name some of them, and its code and annotation name others. Other tasks take some from it.
        `return_value` is one of them, unless the task is known to return nothing.
        """
        task = self.tasks[task_id]
        found = {*task.keys, *(task.outputs or ()), *self._named.get(task_id, ())}
        if task.returns is not False:
            found.add(RETURN_KEY)
        return sorted(found)

    def rule_for(self, task_id: str, key: str) -> Rule:
        """Return the rule that decides about an XCom, as it was declared. Airflow's own keys are open to everybody."""
        return AIRFLOWS if is_airflows(key) else self.acl.rule_for(task_id, key)

    def in_force(self, xcom: XComName) -> Acl:
        """Return the ACL in force for an XCom in any run, as far as the outputs that it may copy are known."""
        task, at = self.tasks[xcom.task_id], Coordinate(xcom.dag_id, "", xcom.task_id, xcom.key)
        acl = Acl(self.dag_id, (AIRFLOWS,), self.acl.default) if is_airflows(xcom.key) else self.acl
        return acl.in_force(at, self.graph, task.outputs if task.multiple_outputs else None)

    def is_narrowed(self, xcom: XComName, rule: Rule) -> bool:
        """Tell whether an XCom copies multiple outputs, and its declared rule lets their rules narrow it."""
        return self.tasks[xcom.task_id].multiple_outputs and xcom.key == RETURN_KEY != rule.key

    def certain_consumers(self, xcom: XComName) -> tuple[str, ...] | None:
        """Return who may read a copy of multiple outputs whatever they are, as `dag/task`; None if they are known."""
        task = self.tasks[xcom.task_id]
        if task.outputs is not None or not self.is_narrowed(xcom, self.acl.rule_for(xcom.task_id, xcom.key)):
            return None
        if xcom.task_id not in self._certain:
            self._certain[xcom.task_id] = certain_consumers(self.acl, self.graph, xcom.task_id)
        return self._certain[xcom.task_id]

    @cached_property
    def _certain(self) -> dict[str, tuple[str, ...]]:
        return {}

    def perhaps_linked(self, xcom: XComName) -> frozenset[str]:
        """Return the tasks that may be linked to an XCom, although no link is known, if `linked` decides about it."""
        if not self.unread:
            return self.unread
        task, rule = self.tasks[xcom.task_id], self.acl.rule_for(xcom.task_id, xcom.key)
        rules = [rule]
        if self.is_narrowed(xcom, rule):
            rules += [self.acl.rule_for(xcom.task_id, key) for key in task.outputs or ()]
        return self.unread if any(each.consumers == LINKED for each in rules) else frozenset()

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
