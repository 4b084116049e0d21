"""Keep operators from logging a restricted value that they return ("Done. Returned value was: ...").

An operator logs the value before the push, so masking comes too late. Only the operator's own switch helps:
`show_return_value_in_logs` of `airflow/providers/standard/operators/python.py` and of classes derived from it. An
operator that ignores the switch, such as BashOperator, still logs its output.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.acl.glob import matches
from exclusive_redis_xcom.declaration import frozen_acl
from exclusive_redis_xcom.model import RETURN_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exclusive_redis_xcom.acl import Acl

SWITCH = "show_return_value_in_logs"


def hide_restricted(task: Any, run_conf: Mapping[str, Any] | None = None) -> None:
    """Turn the switch off for a task, mapped or not, that has the switch and returns a restricted value.

    Args:
        task: The operator.
        run_conf: The conf of the run under way, which may have replaced the DAG's param; None at parse time.

    Raises:
        InvalidAcl: The ACL of the task's DAG is wrong, or a run's conf may have replaced it.
        ConfigurationError: A setting is wrong.
    """
    mapped = getattr(task, "is_mapped", False)
    if not (_takes_switch(task.operator_class) if mapped else hasattr(task, SWITCH)):
        return
    dag = task.get_dag()
    if dag is None or not _returns_restricted(frozen_acl(dag, run_conf).acl, task):
        return
    if mapped:
        task.partial_kwargs[SWITCH] = False
    else:
        setattr(task, SWITCH, False)


def _returns_restricted(acl: Acl, task: Any) -> bool:
    if acl.rule_for(task.task_id, RETURN_KEY).restricted:
        return True
    if not _has_multiple_outputs(task):
        return False
    # The keys of the returned dict are not known yet. Any rule about the task may be about one of them.
    return any(rule.producer is None or matches(rule.producer, task.task_id) for rule in acl.rules)


def _has_multiple_outputs(task: Any) -> bool:
    partial = getattr(task, "partial_kwargs", {})
    return bool(partial.get("multiple_outputs") or getattr(task, "multiple_outputs", False))


def _takes_switch(operator_class: type) -> bool:
    # Airflow calls the class with the arguments of partial(). An argument that the class does not know is an error.
    inits = (vars(base)["__init__"] for base in operator_class.__mro__ if "__init__" in vars(base))
    return any(SWITCH in inspect.signature(init).parameters for init in inits)
