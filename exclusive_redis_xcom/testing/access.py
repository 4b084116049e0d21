"""Effective access, in the words of whoever writes a test about a DAG."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, Union

from exclusive_redis_xcom import access
from exclusive_redis_xcom.access import TaskName, Verdict, XComName
from exclusive_redis_xcom.access.facts_json import from_json, to_json
from exclusive_redis_xcom.access.loading import load
from exclusive_redis_xcom.access.snapshot import Snapshot
from exclusive_redis_xcom.access.undecided import UndecidedError
from exclusive_redis_xcom.model import RETURN_KEY

if TYPE_CHECKING:
    from airflow.sdk import DAG

    from exclusive_redis_xcom.access import Answer, DagFacts
    from exclusive_redis_xcom.access.changes import AccessDiff

#: What a test may ask about: a DAG, several DAGs, a DAG file or folder, or an `Access`.
Dags: TypeAlias = Union["DAG", "Iterable[DAG]", Path, str, "Access"]


class Access:
    """Who may pull what, in one or more DAGs. `effective_access` makes it.

    With one DAG, tasks are named by their ids. With several, they are named `dag/task`.

    Args:
        model: The set of DAGs.
    """

    def __init__(self, model: access.Access) -> None:
        self.model = model

    def can_pull(self, consumer: str, producer: str, key: str = RETURN_KEY) -> bool:
        """Tell whether a task may pull an XCom.

        Args:
            consumer: The task that pulls, as `load` or `dag/load`.
            producer: The task that pushes.
            key: The key.

        Raises:
            UndecidedError: There is no such task or key, or the answer cannot be known.
        """
        answer = self.answer(consumer, producer, key)
        if answer.verdict is Verdict.MAYBE:
            raise UndecidedError(
                f"Whether {consumer} may pull '{key}' of {producer} cannot be known.\n{answer.reason}."
            )
        return answer.verdict is Verdict.YES

    def answer(self, consumer: str, producer: str, key: str = RETURN_KEY) -> Answer:
        """Return the whole answer: yes, no or maybe, with the rule and its place.

        Raises:
            UndecidedError: There is no such task or key.
        """
        return self.model.can_pull(self._task(consumer), self.xcom(producer, key))

    def consumers(self, producer: str, key: str = RETURN_KEY) -> set[str]:
        """Return everybody but the producer who may pull an XCom.

        A task or pattern of DAGs that are not here is in the set, too, as `reports/*`.

        Raises:
            UndecidedError: There is no such task or key, or it cannot be known whether a task of these DAGs may.
        """
        xcom = self.xcom(producer, key)
        found = set()
        for reader in self.model.who_can(xcom):
            is_here = reader.name.partition("/")[0] in self.model.dags
            if reader.verdict is Verdict.MAYBE and is_here and "*" not in reader.name:
                raise UndecidedError(
                    f"Whether {reader.name} may pull '{key}' of {producer} cannot be known.\n{reader.reason}."
                )
            if reader.name != str(xcom.producer):
                found.add(self._short(reader.name, xcom.dag_id))
        return found

    def readable_by(self, consumer: str) -> set[str]:
        """Return all known XComs of other tasks that a task may pull, as `extract:token` or `dag/extract:token`.

        Raises:
            UndecidedError: There is no such task, or it cannot be known whether it may pull one of them.
        """
        task = self._task(consumer)
        found = set()
        for answer in self.model.what_can(task):
            if answer.verdict is Verdict.MAYBE:
                raise UndecidedError(f"Whether {consumer} may pull {answer.xcom} cannot be known.\n{answer.reason}.")
            if answer.xcom.producer != task:
                found.add(self._short(str(answer.xcom), task.dag_id))
        return found

    def diff(self, other: Access) -> AccessDiff:
        """Tell what changes for whom from these DAGs to others, which are newer."""
        return self.model.diff(other.model)

    def snapshot(self) -> Snapshot:
        """Return what a file can keep of this."""
        return Snapshot.of(self.model.dags)

    def xcom(self, producer: str, key: str) -> XComName:
        """Return the name of an XCom.

        Raises:
            UndecidedError: There is no such task, or it is not known to push such a key.
        """
        task = self._task(producer)
        facts = self.model.dags.get(task.dag_id)
        if facts is not None and task.task_id in facts.tasks:
            known = facts.keys_of(task.task_id)
            if key not in known and not self._may_push(facts, task.task_id, key):
                listed = ", ".join(f"'{each}'" for each in known) or "none"
                raise UndecidedError(
                    f"Task {producer} pushes no key '{key}'.\nIts known keys are {listed}. Name the key in a rule if "
                    "its code pushes it."
                )
        return XComName(task.dag_id, task.task_id, key)

    def require(self, names: Iterable[str]) -> None:
        """Check names of tasks. Tasks of DAGs that are not here may have any name.

        Raises:
            UndecidedError: One of the DAGs has no such task.
        """
        for name in names:
            task = self._task(name)
            if task.dag_id in self.model.dags:
                self.model.in_force(XComName(task.dag_id, task.task_id, RETURN_KEY))

    def _may_push(self, facts: DagFacts, task_id: str, key: str) -> bool:
        """Tell whether a rule is about a key that the task's code may compute."""
        return facts.tasks[task_id].computes_keys and facts.acl.rule_for(task_id, key).restricted

    def _task(self, name: str) -> TaskName:
        if "/" in name:
            return TaskName.parse(name)
        if len(self.model.dags) != 1:
            having = [dag_id for dag_id, facts in self.model.dags.items() if name in facts.tasks]
            raise UndecidedError(
                f"'{name}' names no task: there are {len(self.model.dags)} DAGs.\n"
                f"Write DAG/TASK, as in '{having[0] if having else 'sales'}/{name}'."
            )
        return TaskName(next(iter(self.model.dags)), name)

    def _short(self, name: str, dag_id: str) -> str:
        """Return a name without the DAG's id, where there is only that DAG."""
        return name.removeprefix(f"{dag_id}/") if list(self.model.dags) == [dag_id] else name


def effective_access(dags: Dags, *, default_consumers: str | None = None) -> Access:
    """Return who may pull what.

    Args:
        dags: A DAG object, several of them, or the path of a DAG file or folder. Files are parsed in another process.
        default_consumers: The policy word for XComs without a rule. None takes the setting.

    Raises:
        InvalidAcl: The rules of a DAG object are wrong.
        UndecidedError: There is no DAG, two have one id, or a DAG file fails.
    """
    if isinstance(dags, Access):
        return dags
    word = _setting() if default_consumers is None else default_consumers
    if isinstance(dags, (str, Path)):
        return Access(access.Access(load(Path(dags), default_consumers=word).require_all()))
    from exclusive_redis_xcom.access.parsed import facts_of

    found: list[Any] = list(dags) if isinstance(dags, Iterable) else [dags]
    if not found:
        raise UndecidedError("There is no DAG.\nName a DAG, or a folder with DAG files.")
    return Access(access.Access(_plain(facts_of(dag, default_consumers=word)) for dag in found))


def _plain(facts: DagFacts) -> DagFacts:
    """Return facts with ids that are plain texts: an author may name a task by a member of an enumeration."""
    return from_json(json.loads(json.dumps(to_json(facts))))


def _setting() -> str:
    from exclusive_redis_xcom.settings.loading import option_now

    word: str = option_now("default_consumers")
    return word
