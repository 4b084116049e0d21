"""`exclusive(...)`: name an XCom's consumers by the objects of the DAG file instead of by their ids."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from exclusive_redis_xcom.acl.entry import not_a_flag
from exclusive_redis_xcom.declaration.param import PARAM, param_of
from exclusive_redis_xcom.declaration.places import ExclusiveRule, caller
from exclusive_redis_xcom.errors import InvalidAcl
from exclusive_redis_xcom.first_line import fitted
from exclusive_redis_xcom.model import RETURN_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.sdk import DAG

_XCom = TypeVar("_XCom")


@dataclass(frozen=True, slots=True)
class _Call:
    """One call, for its errors: where it stands, and as far as that is known the XCom."""

    file: str
    line: int
    dag_id: str | None = None
    task_id: str = ""
    key: str = ""

    def fail(self, decision: str, *further: str) -> NoReturn:
        """Raise InvalidAcl: the decision, where the call is, and further lines."""
        if self.dag_id is None:
            first, dag = f"exclusive(): {decision}.", ""
        else:
            first = fitted(lambda short: f"exclusive() for '{short(self.key)}' of {short(self.task_id)}: {decision}.")
            dag = f" It is about XCom {self.key!r} of task '{self.task_id}' in DAG '{self.dag_id}'."
        raise InvalidAcl("\n".join((first, f"The call is at {self.file}:{self.line}.{dag}", *further)))


def exclusive(
    xcom: _XCom, *, to: Any, ttl: timedelta | None = None, same_run: bool = False, once: bool = False
) -> _XCom:
    """Let only these tasks pull an XCom. Several calls for one XCom add up.

    The call writes a rule into the DAG's param `xcom_acl`, as `{"<task id>": {"<key>": [<consumers>]}}` does.

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
        InvalidAcl: An argument is of another kind, or contradicts an earlier declaration. The text has the file and the
            line of the call.
    """
    call = _Call(*caller())
    producer, key = _producer(xcom, call)
    dag = _dag_of(producer, call)
    call = _Call(call.file, call.line, dag.dag_id, producer.task_id, key)
    rule = ExclusiveRule(consumers=list(dict.fromkeys(_consumers(to, dag, call))))
    rule.calls = ((call.file, call.line),)
    if "*" in key:
        call.fail("its key holds '*' and would be read as a pattern", "Write a rule for a pattern in the DAG's params.")
    if ttl is not None:
        rule["ttl_seconds"] = _seconds(ttl, call)
    for name, flag in (("same_run", same_run), ("once", once)):
        if not isinstance(flag, bool):
            call.fail(not_a_flag(name, flag).removesuffix("."))
        if flag:
            rule[name] = True
    _write(dag, rule, call)
    return xcom


def _producer(xcom: Any, call: _Call) -> tuple[Any, str]:
    from airflow.sdk import XComArg
    from airflow.sdk.definitions.xcom_arg import PlainXComArg

    if isinstance(xcom, PlainXComArg):
        return xcom.operator, xcom.key
    if isinstance(xcom, XComArg):
        call.fail(
            "its first argument is derived from other XComs and is not pushed itself",
            f"The argument {_is(xcom)}.",
            "Call exclusive() on each XCom that .map(), .zip() or .concat() was called on.",
        )
    if _is_operator(xcom):
        return xcom, RETURN_KEY
    if _is_uncalled(xcom):
        call.fail(f"its first argument {_is(xcom)}", "Call the function, and give exclusive() what the call returns.")
    call.fail(f"its first argument {_is(xcom)}", "Give it what a TaskFlow call returns, or an operator.")


def _dag_of(operator: Any, call: _Call) -> DAG:
    dag = operator.get_dag()
    if dag is None:
        call.fail(
            fitted(lambda short: f"task {short(operator.task_id)} has no DAG yet"), "Call exclusive() inside the DAG."
        )
    return dag


def _consumers(to: Any, dag: DAG, call: _Call) -> Iterator[str]:
    from airflow.sdk import TaskGroup, XComArg

    if isinstance(to, (list, tuple, set, frozenset)):
        for item in to:
            yield from _consumers(item, dag, call)
    elif isinstance(to, str):
        yield to
    elif isinstance(to, XComArg):
        yield from (_consumer(operator, dag, call) for operator, _ in to.iter_references())
    elif isinstance(to, TaskGroup):
        yield from _group(to, dag, call)
    elif _is_operator(to):
        yield _consumer(to, dag, call)
    elif _is_uncalled(to):
        call.fail(
            f"a consumer {_is(to)}", "Call the function, and give 'to' what the call returns. Or write the task's id."
        )
    else:
        call.fail(
            f"a consumer {_is(to)}", "Give operators, XComs, task groups or task ids. An empty list means nobody."
        )


def _group(group: Any, dag: DAG, call: _Call) -> Iterator[str]:
    tasks = list(group.iter_tasks())
    if not tasks:
        call.fail(
            "a task group in 'to' has no tasks yet",
            f"The group is '{group.group_id}'. Call exclusive() after the group is filled.",
        )
    yield from (_consumer(task, dag, call) for task in tasks)


def _consumer(operator: Any, dag: DAG, call: _Call) -> str:
    other = operator.get_dag()
    if other is None:
        call.fail(
            "a consumer has no DAG yet", f"The consumer is task '{operator.task_id}'. Call exclusive() inside the DAG."
        )
    task_id: str = operator.task_id
    return task_id if other.dag_id == dag.dag_id else f"{other.dag_id}/{task_id}"


def _seconds(ttl: Any, call: _Call) -> int:
    if not isinstance(ttl, timedelta):
        call.fail(f"ttl {_is(ttl)}", "Give a timedelta, for example timedelta(hours=1).")
    if ttl <= timedelta(0) or ttl % timedelta(seconds=1):
        call.fail(f"ttl is {ttl}", "Give a timedelta of whole seconds, at least one.")
    return ttl // timedelta(seconds=1)


def _write(dag: DAG, rule: ExclusiveRule, call: _Call) -> None:
    from exclusive_redis_xcom.declaration.fixed import AclParam

    task_id, key = call.task_id, call.key
    param = param_of(dag)
    declared = {} if param is None else param.value
    if not isinstance(declared, dict):
        call.fail(f"the DAG's param xcom_acl {_is(declared)}", "It must be a dict.")
    keys = declared.get(task_id, {})
    if not isinstance(keys, dict):
        call.fail(
            "the DAG's params have a rule in the task's name",
            f"xcom_acl[{task_id!r}] there is no dict of the task's XCom keys. Make it one, or remove it.",
        )
    rule = _united(keys[key], rule, call) if key in keys else rule
    # Every level is copied: the author may have given one dict to several DAGs.
    value = {**declared, task_id: {**keys, key: rule}}
    description, schema = (param.description, param.schema) if param else (None, {})
    dag.params[PARAM] = AclParam(dag.dag_id, value, description, schema, fixed=False)


def _united(old: Any, new: ExclusiveRule, call: _Call) -> ExclusiveRule:
    if not isinstance(old, ExclusiveRule):
        call.fail(
            "the DAG's params hold a rule for this XCom too",
            f"Remove this call, or remove xcom_acl[{call.task_id!r}][{call.key!r}] from the params.",
        )
    for field in ("ttl_seconds", "same_run", "once"):
        if old.get(field) != new.get(field):
            file, line = old.calls[0]
            call.fail(
                f"an earlier call sets another {field.removesuffix('_seconds')}",
                f"The earlier call is at {file}:{line}. Set the same in each call.",
            )
    united = ExclusiveRule(new, consumers=list(dict.fromkeys([*old["consumers"], *new["consumers"]])))
    united.calls = (*old.calls, *new.calls)
    return united


def _is_operator(value: Any) -> bool:
    from airflow.sdk import BaseOperator
    from airflow.sdk.definitions.mappedoperator import MappedOperator

    return isinstance(value, (BaseOperator, MappedOperator))


def _is_uncalled(value: object) -> bool:
    return hasattr(value, "override")


def _is(value: object) -> str:
    if value is None:
        return "is None"
    name = type(value).__name__
    if _is_uncalled(value):
        return "is a @task function that was not called"
    return f"is of type {name:.40}"
