"""A rule: it says which consumers may read the XComs that a producer pattern and a key pattern select."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from exclusive_redis_xcom.acl.glob import STAR, is_pattern, literals, matches
from exclusive_redis_xcom.acl.limits import MAX_ID_LENGTH
from exclusive_redis_xcom.model import one_line

if TYPE_CHECKING:
    from datetime import timedelta

    from exclusive_redis_xcom.model import Principal

SAME_DAG = "same_dag"
LINKED = "linked"
DOWNSTREAM = "downstream"
NOBODY = "nobody"
ANYONE = "anyone"

#: Words that may stand in place of a list of consumers.
POLICY_WORDS = (SAME_DAG, LINKED, DOWNSTREAM, NOBODY, ANYONE)

#: Policy words that `report_consumers` takes.
STRICTER_WORDS = (LINKED, DOWNSTREAM, NOBODY)

#: Policy words that mean the same consumers in every DAG. The other words need the DAG's graph.
FIXED_WORDS: dict[str, tuple[str, ...]] = {SAME_DAG: ("*",), NOBODY: (), ANYONE: ("*/*",)}

#: How many consumers a text names. Further consumers are only counted.
_NAMED_CONSUMERS = 20


class DagGraph(Protocol):
    """What an ACL needs to know about a DAG. `declaration.graph` implements it for Airflow's DAGs."""

    @property
    def task_ids(self) -> frozenset[str]:
        """The ids of all tasks of the DAG."""

    def downstream_of(self, task_id: str) -> frozenset[str]:
        """Return all tasks that run after the task, directly or not."""

    def upstream_of(self, task_id: str) -> frozenset[str]:
        """Return all tasks that run before the task, directly or not."""

    def linked_to(self, task_id: str, key: str) -> frozenset[str]:
        """Return the tasks that take this XCom as an argument or in a template field."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of an ACL.

    Attributes:
        producer: A task id or pattern; None in a flat rule, which is about any task of the DAG.
        key: An XCom key or pattern.
        consumers: A policy word, or a tuple of `task_id` (same DAG), `dag_id/task_id`, or patterns of these.
        source: The place where the rule was written, for people.
        ttl: How long a value is kept; None leaves that to the setting.
        same_run: Only tasks of the run that pushed the value may read it.
        once: Only the first task instance that pulls a value gets it.
        restricted: An entry of `xcom_acl` is about the XCom, and not only the policy for keys without an entry.
        exact: Producer and key are compared as text. Rules in force need that, because an XCom's key may hold a star.
        report_consumers: A stricter policy word. What it would refuse is reported. Only the DAG's `"*"` may name one.
    """

    producer: str | None
    key: str
    consumers: tuple[str, ...] | str
    source: str
    ttl: timedelta | None = None
    same_run: bool = False
    once: bool = False
    restricted: bool = True
    exact: bool = False
    report_consumers: str | None = None

    def selects(self, task_id: str, key: str) -> bool:
        """Return whether the rule is about this XCom."""
        if self.exact:
            return self.producer == task_id and self.key == key
        return (self.producer is None or matches(self.producer, task_id)) and matches(self.key, key)

    def is_about(self, task_id: str) -> bool:
        """Return whether the rule selects some XCom of this producer."""
        if self.exact:
            return self.producer == task_id
        return self.producer is None or matches(self.producer, task_id)

    def specificity(self) -> tuple[object, ...]:
        """Return a sort key: most specific first, whatever the author's order (acl.md, "Which rule decides")."""
        producer = self.producer or ""
        stars = producer.count("*") + self.key.count("*")
        return (self._level(), -literals(producer), -literals(self.key), stars, producer, self.key)

    def _level(self) -> int:
        if self.producer is not None:
            return 1 + 2 * is_pattern(self.producer) + is_pattern(self.key)
        return 7 if self.key == "*" else 5 + is_pattern(self.key)


def consumer_ids(consumer: str, dag_id: str) -> tuple[str, str]:
    """Return the DAG and the task that a consumer names, in an ACL of the DAG `dag_id`."""
    dag, slash, task = consumer.partition("/")
    return (dag, task) if slash else (dag_id, consumer)


def matching_consumer(consumers: tuple[str, ...], dag_id: str, principal: Principal) -> str | None:
    """Return the first consumer that matches the principal, in an ACL of the DAG `dag_id`.

    Only patterns are matched. All other consumers are compared with the principal's own names.
    """
    names: frozenset[str] | None = None
    for consumer in consumers:
        if STAR not in consumer:
            names = _names(principal, dag_id) if names is None else names
            if consumer in names:
                return consumer
            continue
        dag, task = consumer_ids(consumer, dag_id)
        if matches(dag, principal.dag_id) and matches(task, principal.task_id):
            return consumer
    return None


def _names(principal: Principal, dag_id: str) -> frozenset[str]:
    """Return the consumers without a star that name the principal, in an ACL of the DAG `dag_id`."""
    own = {principal.task_id} if principal.dag_id == dag_id else set()
    whole = f"{principal.dag_id}/{principal.task_id}"
    return frozenset(
        name for name in (*own, whole) if consumer_ids(name, dag_id) == (principal.dag_id, principal.task_id)
    )


def describe_consumers(consumers: tuple[str, ...], dag_id: str) -> str:
    """Say who may read, for people: `'load', 'reports/*'`, `tasks of DAG 'd'`, `the producer itself`."""
    if not consumers:
        return "the producer itself"
    if consumers == ("*",):
        return f"tasks of DAG '{dag_id}'"
    named = ", ".join(f"'{one_line(consumer, 2 * MAX_ID_LENGTH + 1)}'" for consumer in consumers[:_NAMED_CONSUMERS])
    more = len(consumers) - _NAMED_CONSUMERS
    return named if more <= 0 else f"{named} and {more} more"
