"""Facts of small DAGs, as tests write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from exclusive_redis_xcom.access import Access, DagFacts, TaskFacts
from exclusive_redis_xcom.acl import parse


def facts(
    dag_id: str,
    chain: Sequence[str | TaskFacts],
    rules: Mapping[str, Any] | None = None,
    *,
    default: str = "same_dag",
    links: Mapping[tuple[str, str], frozenset[str]] | None = None,
) -> DagFacts:
    """A DAG whose tasks run one after the other, and push nothing but what is said of them."""
    tasks = [TaskFacts(task, computes_keys=False) if isinstance(task, str) else task for task in chain]
    ids = [task.task_id for task in tasks]
    return DagFacts(
        acl=parse(rules or {}, dag_id=dag_id, task_ids=frozenset(ids), default_consumers=default),
        downstream={task_id: tuple(ids[place + 1 : place + 2]) for place, task_id in enumerate(ids)},
        links=links or {},
        tasks={task.task_id: task for task in tasks},
        file=f"{dag_id}.py",
    )


def access(*dags: DagFacts) -> Access:
    return Access(dags)
