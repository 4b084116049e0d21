"""What a DAG object of Airflow says about its XComs."""

from __future__ import annotations

import inspect
import sys
import typing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.access.code import UNKNOWN, CodeFacts, code_of_file, trusted
from exclusive_redis_xcom.access.facts import DagFacts, TaskFacts
from exclusive_redis_xcom.access.rendered import Rendered
from exclusive_redis_xcom.access.task_facts import CALLBACKS, Operator, task_facts
from exclusive_redis_xcom.acl import parse
from exclusive_redis_xcom.declaration import AirflowDagGraph, freeze, places
from exclusive_redis_xcom.declaration.links import environment_of, find_references, links_of
from exclusive_redis_xcom.declaration.param import DeclaredAcl

if TYPE_CHECKING:
    from collections.abc import Iterator

    import jinja2
    from airflow.sdk import DAG

    from exclusive_redis_xcom.acl import Acl
    from exclusive_redis_xcom.declaration.references import Reference

_NOTHING = CodeFacts(computes_keys=False)


def facts_of(dag: DAG, *, default_consumers: str) -> DagFacts:
    """Read a DAG object.

    Args:
        dag: A DAG as its file made it, before any run. Its param `xcom_acl` is fixed, as Airflow's policy does it.
        default_consumers: The policy word for XComs without a rule.

    Raises:
        InvalidAcl: The rules are wrong.
    """
    return _facts(dag, freeze(dag, default_consumers=default_consumers).acl)


def unchecked_facts_of(dag: DAG, *, default_consumers: str) -> DagFacts:
    """Read a DAG object whose rules may contradict it. Only lint may ask for these facts: such a DAG cannot run.

    Args:
        dag: A DAG, as for `facts_of`.
        default_consumers: The policy word for XComs without a rule.

    Raises:
        InvalidAcl: The rules are not well-formed.
    """
    declared, task_ids = DeclaredAcl(dag).value, AirflowDagGraph(dag).task_ids
    acl = parse(declared, dag_id=dag.dag_id, task_ids=task_ids, default_consumers=default_consumers)
    for by_exclusive in (True, False):
        acl = replace(acl, rules=places.with_places(acl.rules, declared, dag, by_exclusive=by_exclusive))
    return _facts(dag, acl)


def _facts(dag: DAG, acl: Acl) -> DagFacts:
    references = {task_id: list(found) for task_id, found in find_references(dag)}
    environment = environment_of(dag)
    return DagFacts(
        acl=acl,
        downstream={task_id: tuple(sorted(after)) for task_id, after in AirflowDagGraph(dag).downstream.items()},
        links=links_of(references.items(), dag.dag_id),
        tasks={
            task.task_id: _task_facts(task, dag.dag_id, references[task.task_id], environment) for task in dag.tasks
        },
        file=places.file_of(dag),
        path=dag.fileloc or None,
    )


def _task_facts(task: Any, dag_id: str, references: list[Reference], environment: jinja2.Environment) -> TaskFacts:
    operator = Operator(
        task_type=task.task_type,
        module=getattr(task, "_task_module", type(task).__module__),
        pushes=_option(task, "do_xcom_push") is not False,
        multiple_outputs=bool(_option(task, "multiple_outputs")),
    )
    rendered = Rendered(task, environment, _code_of_mapped, _code_of_hook)
    hooks = [*(_code_of_hook(hook) for hook in _hooks(task)), *rendered.code]
    if _is_changed(task):
        hooks.append(UNKNOWN)
    return task_facts(dag_id, task.task_id, operator, _code(_function(task)), [*references, *rendered.pulls], hooks)


def _is_changed(task: Any) -> bool:
    """Tell whether an operator is not what its class says: a method was put in place, or the class has a false name."""
    kind = getattr(task, "operator_class", type(task))
    named = getattr(sys.modules.get(kind.__module__), kind.__name__, kind)
    methods = (name for name in vars(task) if inspect.isroutine(getattr(kind, name, None)))
    return named is not kind or any(methods)


def _code_of_mapped(function: Any) -> CodeFacts:
    """Return what is known of a function that `map` was given. It gets the value of an XCom alone."""
    code = getattr(function, "__code__", None)
    if code is None or code.co_name != "<lambda>":
        return _code(function)
    module = code_of_file(code.co_filename)
    return UNKNOWN if module is None else module.lambdas()


def _option(task: Any, name: str) -> Any:
    """Return what an operator was given. A mapped operator keeps it among its partial arguments."""
    partial = getattr(task, "partial_kwargs", None)
    return partial.get(name) if isinstance(partial, dict) and name in partial else getattr(task, name, None)


def _function(task: Any) -> Any:
    """Return the function that a task calls; None for other operators."""
    found = _option(task, "python_callable")
    return found if callable(found) else None


def _hooks(task: Any) -> Iterator[Any]:
    """Yield the callbacks of a task, and what runs before and after it. They all have its task instance."""
    for name in CALLBACKS:
        found = _option(task, name)
        yield from found if isinstance(found, (list, tuple)) else [found] if found else []
    for name in ("pre_execute", "post_execute"):
        # An operator's own method of this name belongs to its class.
        hook = getattr(task, f"_{name}_hook", None) or getattr(task, "partial_kwargs", {}).get(name)
        if hook is not None:
            yield hook


def _code_of_hook(hook: Any) -> CodeFacts:
    if ((inspect.isroutine(hook) and _module(hook)) or type(hook).__module__).startswith("airflow."):
        return _NOTHING  # Airflow's notifiers push nothing
    try:
        first = next(iter(inspect.signature(hook).parameters.values()), None)
    except (TypeError, ValueError):
        return UNKNOWN
    # Code is read for what it does with a context of one of these names.
    is_seen = first is None or first.name in ("context", "ti", "task_instance") or first.kind is first.VAR_KEYWORD
    return _code(hook) if is_seen else UNKNOWN


def _code(function: Any) -> CodeFacts:
    """Return what is known of a function: from the text of its file, and from its annotations."""
    if function is None:
        return UNKNOWN
    written = inspect.unwrap(function)
    if not _pushes_nothing_around(function):
        return UNKNOWN
    code = getattr(written, "__code__", None)
    module = None if code is None else code_of_file(code.co_filename)
    facts = UNKNOWN if module is None or code is None else module.function_at(code.co_firstlineno)
    return _annotated(facts, _hints(written).get("return"), is_read=module is not None)


def _pushes_nothing_around(function: Any) -> bool:
    """Tell whether all that wraps a function is known to push nothing. `functools.wraps` copies the function's name."""
    while hasattr(function, "__wrapped__"):
        module = _module(function)
        if not (module.startswith("airflow.") or trusted.pushes_nothing(module)):
            return False
        function = function.__wrapped__
    return True


def _module(function: Any) -> str:
    """Return the module whose code an object runs: for a function the one that it was written in."""
    names = getattr(getattr(function, "__func__", function), "__globals__", None)
    return str(type(function).__module__ if names is None else names.get("__name__", ""))


def _annotated(facts: CodeFacts, hint: Any, *, is_read: bool) -> CodeFacts:
    """Add what an annotation says. Python finds a TypedDict of another file, too."""
    if typing.is_typeddict(hint) and facts.outputs is None:
        return replace(facts, possible_outputs=facts.possible_outputs.union(hint.__annotations__))
    if hint is type(None) and not is_read:
        return replace(facts, returns=False)
    return facts


def _hints(function: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function)
    except Exception:  # an annotation may name what exists only for a type checker
        return {}
