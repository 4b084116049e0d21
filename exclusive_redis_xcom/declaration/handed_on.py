"""The rules for one task's own XComs, as text. A task hands them on to the processes that it starts.

Such a process has not parsed the DAG file, so it could not push anything without them (`process/inherited.py`). The
policy words stay in place. What they need of the DAG's graph goes along.
"""

from __future__ import annotations

import json

from exclusive_redis_xcom.acl import LINKED, Acl, rows
from exclusive_redis_xcom.acl.glob import matches
from exclusive_redis_xcom.acl.rule import DOWNSTREAM
from exclusive_redis_xcom.declaration.frozen import FrozenAcl
from exclusive_redis_xcom.declaration.graph import TaskGraph


def dumps(frozen: FrozenAcl, task_id: str) -> str:
    """Write the rules that may be about a task's XComs, and the part of the graph that they need."""
    acl, graph = frozen.acl, frozen.graph
    rules = [rule for rule in acl.rules if rule.producer is None or matches(rule.producer, task_id)]
    words = {acl.default, *(rule.consumers for rule in rules if isinstance(rule.consumers, str))}
    downstream = graph.downstream_of(task_id) if DOWNSTREAM in words else ()
    links = graph.links_of(task_id) if LINKED in words else {}
    return json.dumps(
        {
            "default": acl.default,
            "rules": [rows.to_row(rule) for rule in rules],
            "downstream": sorted(downstream),
            "links": {key: sorted(consumers) for key, consumers in links.items()},
        },
        separators=(",", ":"),
    )


def loads(text: str, dag_id: str, task_id: str) -> FrozenAcl | None:
    """Read what `dumps` wrote for a task; None if it is anything else."""
    try:
        fields = json.loads(text)
        acl = Acl(dag_id, tuple(rows.from_row(*row) for row in fields["rules"]), rows.word(fields["default"]))
        links = {str(key): frozenset(rows.texts(consumers)) for key, consumers in fields["links"].items()}
        graph = TaskGraph(task_id, frozenset(rows.texts(fields["downstream"])), links)
    except (AttributeError, LookupError, OverflowError, RecursionError, TypeError, ValueError):
        return None
    return FrozenAcl(acl, graph)
