"""Keep operators from logging a restricted or very long value that they return ("Done. Returned value was: ...").

An operator logs the value before the push, so masking comes too late. Two things help:

- The operator's own switch: `show_return_value_in_logs` of `airflow/providers/standard/operators/python.py` and of
  classes derived from it. It is turned off for restricted values when the DAG file is parsed.
- The operator's logger (`return_logger.py`). It is replaced for the one task that this process runs.

An operator that logs its output line by line, such as BashOperator, still does.
"""

from __future__ import annotations

import inspect
import logging
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.acl.glob import matches
from exclusive_redis_xcom.airflow.return_logger import ReturnFilter, ReturnLogger
from exclusive_redis_xcom.declaration import frozen_acl
from exclusive_redis_xcom.model import RETURN_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exclusive_redis_xcom.acl import Acl

SWITCH = "show_return_value_in_logs"

#: Where Airflow keeps the logger of an operator: `DAGNode.log`, and `LoggingMixin.log` of classes that have it, too.
_LOGGERS = ("_cached_logger", "_log")


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


def shorten(task: Any, run_conf: Mapping[str, Any] | None = None) -> None:
    """Let the task that runs in this process log neither a long value nor a restricted one that it returns.

    Args:
        task: The operator; no mapped one, because Airflow has unmapped what it runs.
        run_conf: The conf of the run under way.
    """
    logger = getattr(task, "log", None)
    if isinstance(logger, ReturnLogger) or logger is None:
        return

    def hides_all() -> bool:
        try:
            return _returns_restricted(frozen_acl(task.get_dag(), run_conf).acl, task)
        except Exception:  # the push raises it; until then nothing is shown
            return True

    if isinstance(logger, logging.Logger):
        # Operators may share the logger. Under dag.test(), the filter of the previous task knows that task's rule.
        for earlier in [one for one in logger.filters if isinstance(one, ReturnFilter)]:
            logger.removeFilter(earlier)
        logger.addFilter(ReturnFilter(hides_all))
    else:
        for name in _LOGGERS:
            if vars(task).get(name) is logger:
                vars(task)[name] = ReturnLogger(logger, hides_all)


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
