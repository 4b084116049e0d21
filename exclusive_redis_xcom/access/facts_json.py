"""Facts about DAGs as JSON, from the process that parses DAG files to the one that asked for them."""

from __future__ import annotations

from typing import Any

from exclusive_redis_xcom.access.facts import DagFacts, Pull, TaskFacts
from exclusive_redis_xcom.acl import Acl, rows


def to_json(facts: DagFacts) -> dict[str, Any]:
    """Write what a DAG says, in JSON's types."""
    return {
        "dag_id": facts.dag_id,
        "default": facts.acl.default,
        "rules": [rows.to_row(rule) for rule in facts.acl.rules],
        "downstream": facts.downstream,
        "links": [[*xcom, sorted(consumers)] for xcom, consumers in facts.links.items()],
        "tasks": [_task_json(task) for task in facts.tasks.values()],
        "file": facts.file,
        "path": facts.path,
        "unread": sorted(facts.unread),
    }


def from_json(read: dict[str, Any]) -> DagFacts:
    """Read what `to_json` wrote."""
    return DagFacts(
        acl=Acl(read["dag_id"], tuple(rows.from_row(*row) for row in read["rules"]), read["default"]),
        downstream={task_id: tuple(after) for task_id, after in read["downstream"].items()},
        links={(task_id, key): frozenset(consumers) for task_id, key, consumers in read["links"]},
        tasks={task["task_id"]: _task(task) for task in read["tasks"]},
        file=read["file"],
        path=read["path"],
        unread=frozenset(read["unread"]),
    )


def _task_json(task: TaskFacts) -> dict[str, Any]:
    return {
        "task_id": task.task_id,
        "keys": sorted(task.keys),
        "computes_keys": task.computes_keys,
        "returns": task.returns,
        "multiple_outputs": task.multiple_outputs,
        "outputs": task.outputs,
        "pulls": [[pull.dag_id, pull.task_id, pull.key, pull.how, pull.line] for pull in task.pulls],
    }


def _task(read: dict[str, Any]) -> TaskFacts:
    return TaskFacts(
        task_id=read["task_id"],
        keys=frozenset(read["keys"]),
        computes_keys=read["computes_keys"],
        returns=read["returns"],
        multiple_outputs=read["multiple_outputs"],
        outputs=None if read["outputs"] is None else tuple(read["outputs"]),
        pulls=tuple(Pull(*pull) for pull in read["pulls"]),
    )
