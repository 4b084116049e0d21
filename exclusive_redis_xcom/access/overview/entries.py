"""One entry for each XCom: who may pull it, and by which rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from exclusive_redis_xcom.access.answers import Verdict
from exclusive_redis_xcom.access.names import TaskName
from exclusive_redis_xcom.acl import source as sources
from exclusive_redis_xcom.acl.glob import STAR, is_pattern, matches
from exclusive_redis_xcom.acl.rule import DOWNSTREAM, SAME_DAG, consumer_ids

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from exclusive_redis_xcom.access.access import Access
    from exclusive_redis_xcom.access.answers import Grant
    from exclusive_redis_xcom.access.names import XComName
    from exclusive_redis_xcom.acl import Rule

#: More tasks than these, downstream of a producer, are shown as one group.
MOST_DOWNSTREAM = 5
#: What the consumers of a rule are that allows all tasks of its DAG.
_ALL_TASKS = (SAME_DAG, (STAR,))


class Consumer(NamedTuple):
    """One task that may pull an XCom, or a group of tasks.

    Attributes:
        dag_id: Its DAG, or a pattern of DAGs.
        task_id: The task, a pattern of tasks, or what the group is called.
        verdict: `YES`, or `MAYBE` where that is not known.
        is_group: Whether it stands for several tasks.
    """

    dag_id: str
    task_id: str
    verdict: Verdict
    is_group: bool = False

    def __str__(self) -> str:
        return f"{self.dag_id}/{self.task_id}"


@dataclass(frozen=True, slots=True)
class Entry:
    """Who may pull one XCom, besides its producer.

    Attributes:
        xcom: The XCom.
        consumers: Who may.
        rule: The rule that decides, as it was declared.
    """

    xcom: XComName
    consumers: tuple[Consumer, ...]
    rule: Rule

    @property
    def place(self) -> str:
        """The rule's place; "" if it is not known."""
        read = sources.read(self.rule.source)
        return "" if read is None or read.place is None else read.place


def entries(
    access: Access,
    *,
    expand: bool = False,
    most: int | None = MOST_DOWNSTREAM,
    dag_ids: Collection[str] | None = None,
) -> Iterator[Entry]:
    """Yield the entry of every known XCom, sorted.

    Args:
        access: The DAGs.
        expand: Name each task, in place of "all tasks of a DAG" and of patterns.
        most: More tasks than these, downstream of a producer, become one group; None for no such group.
        dag_ids: The DAGs whose XComs are meant; None for all.
    """
    of_all_tasks: dict[tuple[str, Rule], tuple[Consumer, ...]] = {}
    for grant in access.grants():
        if dag_ids is not None and grant.xcom.dag_id not in dag_ids:
            continue
        if expand:
            found = tuple(_each(access, grant))
        elif grant.rule.consumers in _ALL_TASKS and not grant.is_narrowed:
            # The answer is the same for all XComs of the rule, and most XComs have such a rule.
            rule = (grant.xcom.dag_id, grant.rule)
            if rule not in of_all_tasks:
                of_all_tasks[rule] = tuple(_grouped(access, grant, most))
            found = of_all_tasks[rule]
        else:
            found = tuple(_grouped(access, grant, most))
        yield Entry(grant.xcom, found, grant.rule)


def short(consumer: Consumer, dag_id: str) -> str:
    """Name a consumer for people who look at one DAG."""
    if consumer.dag_id != dag_id:
        return str(consumer)
    return "all tasks" if consumer.is_group and consumer.task_id == STAR else consumer.task_id


def further(rule: Rule) -> str:
    """Say what a rule demands besides its consumers."""
    parts = [
        "" if rule.ttl is None else f"ttl {rule.ttl.total_seconds():g} s",
        "same_run" if rule.same_run else "",
        "once" if rule.once else "",
    ]
    return ", ".join(filter(None, parts))


def _each(access: Access, grant: Grant) -> Iterator[Consumer]:
    own = str(grant.xcom.producer)
    for reader in access.who_can(grant.xcom):
        if reader.name != own:
            yield Consumer(*consumer_ids(reader.name, ""), reader.verdict, is_pattern(reader.name))


def _grouped(access: Access, grant: Grant, most: int | None) -> Iterator[Consumer]:
    xcom = grant.xcom
    names = access.in_force(xcom).consumers
    if grant.rule.consumers == DOWNSTREAM and not grant.is_narrowed and most is not None and len(names) > most:
        example = TaskName(xcom.dag_id, names[0])
        yield Consumer(xcom.dag_id, f"tasks after {xcom.task_id}", access.can_pull(example, xcom).verdict, True)
        return
    for name in names:
        dag_id, task_id = consumer_ids(name, xcom.dag_id)
        if dag_id not in access.dags:
            yield from _here(access, xcom, dag_id, task_id)
            yield Consumer(dag_id, task_id, Verdict.MAYBE, is_pattern(name))
            continue
        first = next(_examples(access, xcom, dag_id, task_id), None)
        if first is not None:
            yield Consumer(dag_id, task_id, access.can_pull(first, xcom).verdict, is_pattern(task_id))


def _here(access: Access, xcom: XComName, dag_pattern: str, task_id: str) -> Iterator[Consumer]:
    """Yield what is certain of a pattern of DAGs: it may match DAGs that are here, the producer's own too."""
    others = (each for each in access.dags if each != xcom.dag_id and matches(dag_pattern, each))
    own = [xcom.dag_id] if matches(dag_pattern, xcom.dag_id) else []
    for dag_ids, name in ((others, dag_pattern), (own, xcom.dag_id)):
        found = (each for dag_id in dag_ids for each in _examples(access, xcom, dag_id, task_id))
        example = next(found, None)
        if example is not None and access.can_pull(example, xcom).verdict is Verdict.YES:
            yield Consumer(name, task_id, Verdict.YES, is_pattern(f"{name}/{task_id}"))
            return


def _examples(access: Access, xcom: XComName, dag_id: str, task_id: str) -> Iterator[TaskName]:
    """Yield the tasks of a DAG that match, but not the producer."""
    for each in access.dags[dag_id].tasks:
        if matches(task_id, each) and (dag_id, each) != xcom.producer:
            yield TaskName(dag_id, each)
