"""`exclusive(...)`: name an XCom's consumers by the objects of the DAG file instead of by their ids."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from exclusive_redis_xcom.acl.entry import not_a_flag
from exclusive_redis_xcom.declaration.param import PARAM, param_of
from exclusive_redis_xcom.errors import InvalidAcl
from exclusive_redis_xcom.model import RETURN_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.sdk import DAG

_XCom = TypeVar("_XCom")


class _Rule(dict[str, Any]):
    """A rule object that `exclusive` wrote. Its type tells it from a rule that the author wrote."""


def exclusive(
    xcom: _XCom, *, to: Any, ttl: timedelta | None = None, same_run: bool = False, once: bool = False
) -> _XCom:
    """Let only these tasks pull an XCom. Several calls for one XCom add up.

    The call writes a rule into the DAG's param `xcom_acl`; docs/acl.md explains rules.

    Args:
        xcom: What a TaskFlow call or `operator.output["key"]` returns. An operator stands for its return value.
        to: One consumer or a list of consumers. An XCom stands for the task that pushes it. A task group stands for the
            tasks that it has now. Other consumers are operators, and texts: `task_id`, `dag_id/task_id`, patterns with
            `*`. An empty list means nobody.
        ttl: How long the value is kept, in whole seconds; None leaves it to the setting.
        same_run: Allow only tasks of the run that pushed the value.
        once: Only the first task instance that pulls the value gets it, in its retries too.

    Returns:
        `xcom` itself, so that the call can stand inside another.

    Raises:
        InvalidAcl: An argument is of another kind, or contradicts an earlier declaration.
    """
    producer, key = _producer(xcom)
    dag = _dag_of(producer)
    where = f"DAG '{dag.dag_id}', exclusive() for XCom {key!r} of task '{producer.task_id}'"
    rule = _Rule(consumers=list(dict.fromkeys(_consumers(to, dag, where))))
    if "*" in key:
        _fail(where, "a key with '*' would be read as a pattern; write the pattern in the DAG's params")
    if ttl is not None:
        rule["ttl_seconds"] = _seconds(ttl, where)
    for name, flag in (("same_run", same_run), ("once", once)):
        if not isinstance(flag, bool):
            _fail(where, not_a_flag(name, flag))
        if flag:
            rule[name] = True
    _write(dag, producer.task_id, key, rule, where)
    return xcom


def _producer(xcom: Any) -> tuple[Any, str]:
    from airflow.sdk import XComArg
    from airflow.sdk.definitions.xcom_arg import PlainXComArg

    if isinstance(xcom, PlainXComArg):
        return xcom.operator, xcom.key
    if isinstance(xcom, XComArg):
        raise InvalidAcl(
            f"exclusive(): {type(xcom).__name__} is derived from other XComs and is not pushed itself. Call "
            "exclusive() on each XCom that .map(), .zip() or .concat() was called on"
        )
    if _is_operator(xcom):
        return xcom, RETURN_KEY
    _fail("exclusive()", f"its first argument is {_a(xcom)}; give what a TaskFlow call returns, or an operator")


def _dag_of(operator: Any) -> DAG:
    dag = operator.get_dag()
    if dag is None:
        raise InvalidAcl(f"exclusive(): task '{operator.task_id}' has no DAG yet; call exclusive() inside the DAG")
    return dag


def _consumers(to: Any, dag: DAG, where: str) -> Iterator[str]:
    from airflow.sdk import TaskGroup, XComArg

    if isinstance(to, (list, tuple, set, frozenset)):
        for item in to:
            yield from _consumers(item, dag, where)
    elif isinstance(to, str):
        yield to
    elif isinstance(to, XComArg):
        yield from (_consumer(operator, dag, where) for operator, _ in to.iter_references())
    elif isinstance(to, TaskGroup):
        yield from _group(to, dag, where)
    elif _is_operator(to):
        yield _consumer(to, dag, where)
    else:
        _fail(where, f"a consumer is {_a(to)}; give operators, XComs, task groups or task ids")


def _group(group: Any, dag: DAG, where: str) -> Iterator[str]:
    tasks = list(group.iter_tasks())
    if not tasks:
        _fail(where, f"the task group '{group.group_id}' has no tasks yet; call exclusive() after filling it")
    yield from (_consumer(task, dag, where) for task in tasks)


def _consumer(operator: Any, dag: DAG, where: str) -> str:
    other = operator.get_dag()
    if other is None:
        _fail(where, f"the consumer '{operator.task_id}' has no DAG yet; call exclusive() inside the DAG")
    task_id: str = operator.task_id
    return task_id if other.dag_id == dag.dag_id else f"{other.dag_id}/{task_id}"


def _seconds(ttl: Any, where: str) -> int:
    if not isinstance(ttl, timedelta):
        _fail(where, f"ttl is {_a(ttl)}; give a timedelta")
    if ttl <= timedelta(0) or ttl % timedelta(seconds=1):
        _fail(where, f"ttl is {ttl}; give a positive whole number of seconds")
    return ttl // timedelta(seconds=1)


def _write(dag: DAG, task_id: str, key: str, rule: _Rule, where: str) -> None:
    from exclusive_redis_xcom.declaration.fixed import AclParam

    param = param_of(dag)
    declared = {} if param is None else param.value
    if not isinstance(declared, dict):
        _fail(where, f"the DAG's param xcom_acl is {_a(declared)}; it must be a dict")
    keys = declared.get(task_id, {})
    if not isinstance(keys, dict):
        _fail(where, f"the DAG's params already hold {task_id!r} in xcom_acl, but not as a dict of its XCom keys")
    rule = _united(keys[key], rule, where) if key in keys else rule
    # Every level is copied: the author may have given one dict to several DAGs.
    value = {**declared, task_id: {**keys, key: rule}}
    description, schema = (param.description, param.schema) if param else (None, {})
    dag.params[PARAM] = AclParam(dag.dag_id, value, description, schema, fixed=False)


def _united(old: Any, new: _Rule, where: str) -> _Rule:
    if not isinstance(old, _Rule):
        _fail(where, "the DAG's params hold a rule for this XCom too; declare the rule in one place")
    for field in ("ttl_seconds", "same_run", "once"):
        if old.get(field) != new.get(field):
            _fail(where, f"an earlier call sets another {field.removesuffix('_seconds')}; set the same in each call")
    return _Rule(new, consumers=list(dict.fromkeys([*old["consumers"], *new["consumers"]])))


def _is_operator(value: Any) -> bool:
    from airflow.sdk import BaseOperator
    from airflow.sdk.definitions.mappedoperator import MappedOperator

    return isinstance(value, (BaseOperator, MappedOperator))


def _a(value: object) -> str:
    if value is None:
        return "None"
    called = "" if not hasattr(value, "override") else " (a @task function that was not called)"
    return f"of type {type(value).__name__}{called}"


def _fail(where: str, what: str) -> NoReturn:
    raise InvalidAcl(f"{where}: {what}")
