"""What a DAG object of Airflow says about its XComs."""

from __future__ import annotations

import inspect
import typing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.access.facts import DagFacts, Pull, TaskFacts
from exclusive_redis_xcom.acl import parse
from exclusive_redis_xcom.declaration import AirflowDagGraph, freeze, places
from exclusive_redis_xcom.declaration.param import DeclaredAcl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import DAG

    from exclusive_redis_xcom.acl import Acl


def facts_of(dag: DAG, *, default_consumers: str) -> DagFacts:
    """Read a DAG object.

    Args:
        dag: A DAG as its file made it, before any run. Its param `xcom_acl` is fixed, as Airflow's policy does it.
        default_consumers: The policy word for XComs without a rule.

    Raises:
        InvalidAcl: The rules are wrong.
    """
    return _facts(dag, freeze(dag, default_consumers=default_consumers).acl, AirflowDagGraph(dag))


def unchecked_facts_of(dag: DAG, *, default_consumers: str) -> DagFacts:
    """Read a DAG object whose rules may contradict it. Only lint may ask for these facts: such a DAG cannot run.

    Args:
        dag: A DAG, as for `facts_of`.
        default_consumers: The policy word for XComs without a rule.

    Raises:
        InvalidAcl: The rules are not well-formed.
    """
    declared, graph = DeclaredAcl(dag).value, AirflowDagGraph(dag)
    acl = parse(declared, dag_id=dag.dag_id, task_ids=graph.task_ids, default_consumers=default_consumers)
    for by_exclusive in (True, False):
        acl = replace(acl, rules=places.with_places(acl.rules, declared, dag, by_exclusive=by_exclusive))
    return _facts(dag, acl, graph)


def _facts(dag: DAG, acl: Acl, graph: AirflowDagGraph) -> DagFacts:
    links = dict(graph.links)
    return DagFacts(
        acl=acl,
        downstream={task_id: tuple(sorted(after)) for task_id, after in graph.downstream.items()},
        links=links,
        tasks={task.task_id: _task_facts(task, dag.dag_id, links) for task in dag.tasks},
        file=places.file_of(dag),
        path=dag.fileloc or None,
    )


def _task_facts(task: Any, dag_id: str, links: Mapping[tuple[str, str], frozenset[str]]) -> TaskFacts:
    multiple = bool(_option(task, "multiple_outputs"))
    pulls = [
        Pull(dag_id, producer, key, "argument")
        for (producer, key), consumers in sorted(links.items())
        if task.task_id in consumers
    ]
    return TaskFacts(
        task_id=task.task_id,
        returns=_returns(task),
        multiple_outputs=multiple,
        outputs=_outputs(_function(task)) if multiple else None,
        pulls=tuple(pulls),
    )


def _option(task: Any, name: str) -> Any:
    """Return what an operator was given. A mapped operator keeps it among its partial arguments."""
    partial = getattr(task, "partial_kwargs", None)
    return partial.get(name) if isinstance(partial, dict) and name in partial else getattr(task, name, None)


def _function(task: Any) -> Any:
    """Return the function that a task calls; None for other operators."""
    found = _option(task, "python_callable")
    return inspect.unwrap(found) if callable(found) else None


def _returns(task: Any) -> bool | None:
    """Tell whether a task pushes `return_value`; None where its code decides."""
    if _option(task, "do_xcom_push") is False:
        return False
    function = _function(task)
    if function is not None and _hints(function).get("return") is type(None):
        return False
    return None


def _outputs(function: Any) -> tuple[str, ...] | None:
    """Return the keys of a TypedDict that a function is annotated to return; None for anything else."""
    hint = None if function is None else _hints(function).get("return")
    keys = getattr(hint, "__annotations__", None) if typing.is_typeddict(hint) else None
    return None if keys is None else tuple(sorted(keys))


def _hints(function: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function)
    except Exception:  # an annotation may name what exists only for a type checker
        return {}
