"""The DAG param `xcom_acl`: read as the DAG file has it, then fixed so that no trigger can change it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.errors import InvalidAcl

if TYPE_CHECKING:
    from airflow.sdk import DAG

PARAM = "xcom_acl"

_DESCRIPTION = "Who may pull which XCom (exclusive-redis-xcom). Fixed in the DAG file."


def is_declared(dag: DAG) -> bool:
    """Whether the DAG has the param, whatever it holds."""
    return PARAM in dag.params


def is_fixed(dag: DAG) -> bool:
    """Whether the param refuses every other value, so that no run can have changed it."""
    return "const" in _param(dag).schema


def declared_value(dag: DAG) -> Any:
    """What the DAG file says. Of a fixed param the constant, which nothing in Airflow writes to."""
    param = _param(dag)
    return param.schema.get("const", param.value)


def as_json(value: Any) -> Any:
    """A copy in JSON's types: nothing the author holds can change it, and it equals what a trigger sends back."""
    return json.loads(json.dumps(value))


def refuse_task_params(dag: DAG, value: Any) -> None:
    """Refuse an `xcom_acl` that an author gave to a task.

    Each task gets a copy of the DAG's params when it is created; such a copy may be older than what
    `exclusive` wrote since and is no contradiction. From Airflow 3.2 a param says whose it is; 3.1 does
    not, so there a value that has since only grown counts as a copy.

    Args:
        dag: The DAG.
        value: The DAG's own `xcom_acl` in JSON's types, or None.
    """
    for task in dag.tasks:
        if PARAM not in task.params:
            continue
        param = _raw_param(task.params)
        mine = as_json(param.value)
        if mine == value or getattr(param, "source", None) == "dag":
            continue
        if getattr(param, "source", None) == "task" or not _has_grown(mine, value):
            raise InvalidAcl(
                f"DAG '{dag.dag_id}', task '{task.task_id}': its params hold an xcom_acl of their own. Rules are "
                "declared for the whole DAG: move them to DAG(params={'xcom_acl': ...})"
            )


def fix(dag: DAG, value: Any) -> None:
    """Make the param a constant, and the DAG's the only one.

    `const` makes REST, CLI and TriggerDagRun refuse another value and hides the field in the trigger form
    (Airflow's UI: a schema with `const` renders as a hidden input). Tasks' copies are removed: Airflow lays
    them over the DAG's, and one without `const` would take what a trigger says.
    """
    from airflow.sdk import Param

    old = _param(dag)
    dag.params[PARAM] = Param(value, old.description or _DESCRIPTION, schema={**old.schema, "const": value})
    for task in dag.tasks:
        if PARAM in task.params:
            del task.params[PARAM]


def _param(dag: DAG) -> Any:
    return _raw_param(dag.params)


def _raw_param(params: Any) -> Any:
    """The Param object: subscripting would validate, and could fail on the author's own schema."""
    from airflow.sdk import Param
    from airflow.sdk.definitions.param import ParamsDict

    found = params.get_param(PARAM) if isinstance(params, ParamsDict) else params[PARAM]
    return found if isinstance(found, Param) else Param(found)


def _has_grown(old: Any, new: Any) -> bool:
    if isinstance(old, dict) and isinstance(new, dict):
        return all(name in new and _has_grown(value, new[name]) for name, value in old.items())
    if isinstance(old, list) and isinstance(new, list):
        return all(item in new for item in old)
    return bool(old == new)
