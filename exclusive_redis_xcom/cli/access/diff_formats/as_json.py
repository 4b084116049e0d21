"""A difference in access as JSON, with whole names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.access.changes import Kind
from exclusive_redis_xcom.cli.access import shapes
from exclusive_redis_xcom.cli.access.diff_formats.between import place

if TYPE_CHECKING:
    from exclusive_redis_xcom.access.changes import AccessDiff, Change
    from exclusive_redis_xcom.cli.access.diff_formats.between import Between


def write(diff: AccessDiff, between: Between) -> str:
    """Write one object."""
    changes = {kind.value: [_change(change, diff, between) for change in diff.of(kind)] for kind in Kind}
    found = {
        "schema": 1,
        "old": between.old,
        "new": between.new,
        **changes,
        "unchanged": diff.unchanged,
        "unknown": diff.unknown,
    }
    return f"{json.dumps(found, indent=2)}\n"


def _change(change: Change, diff: AccessDiff, between: Between) -> dict[str, Any]:
    file, line = place(change, diff, between)
    return {
        "readers": [
            {
                "consumer": shapes.of_name(each.name),
                "without": [shapes.of_name(name) for name in each.without],
                "tasks": len(each.tasks),
            }
            for each in change.readers
        ],
        "xcoms": [{"xcom": shapes.of_xcom(xcom.dag_id, xcom.task_id, xcom.key)} for xcom in change.xcoms],
        "why": list(change.why),
        "effect": change.effect,
        "rule": None if change.rule is None else shapes.of_source(change.rule),
        "file": file or None,
        "line": line,
    }
