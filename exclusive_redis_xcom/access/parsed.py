"""What a DAG object of Airflow says about its XComs."""

from __future__ import annotations

import inspect
import typing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.access.code import UNKNOWN, CodeFacts, code_of_file
from exclusive_redis_xcom.access.facts import DagFacts, TaskFacts
from exclusive_redis_xcom.access.task_facts import Operator, task_facts
from exclusive_redis_xcom.declaration import AirflowDagGraph, freeze, places
from exclusive_redis_xcom.declaration.links import find_references, links_of

if TYPE_CHECKING:
    from airflow.sdk import DAG

    from exclusive_redis_xcom.declaration.references import Reference


def facts_of(dag: DAG, *, default_consumers: str) -> DagFacts:
    """Read a DAG object.

    Args:
        dag: A DAG as its file made it, before any run. Its param `xcom_acl` is fixed, as Airflow's policy does it.
        default_consumers: The policy word for XComs without a rule.

    Raises:
        InvalidAcl: The rules are wrong.
    """
    frozen = freeze(dag, default_consumers=default_consumers)
    references = {task_id: list(found) for task_id, found in find_references(dag)}
    return DagFacts(
        acl=frozen.acl,
        downstream={task_id: tuple(sorted(after)) for task_id, after in AirflowDagGraph(dag).downstream.items()},
        links=links_of(references.items(), dag.dag_id),
        tasks={task.task_id: _task_facts(task, dag.dag_id, references[task.task_id]) for task in dag.tasks},
        file=places.file_of(dag),
        path=dag.fileloc or None,
    )


def _task_facts(task: Any, dag_id: str, references: list[Reference]) -> TaskFacts:
    operator = Operator(
        task_type=task.task_type,
        module=getattr(task, "_task_module", type(task).__module__),
        pushes=_option(task, "do_xcom_push") is not False,
        multiple_outputs=bool(_option(task, "multiple_outputs")),
    )
    return task_facts(dag_id, task.task_id, operator, _code(_function(task)), references)


def _option(task: Any, name: str) -> Any:
    """Return what an operator was given. A mapped operator keeps it among its partial arguments."""
    partial = getattr(task, "partial_kwargs", None)
    return partial.get(name) if isinstance(partial, dict) and name in partial else getattr(task, name, None)


def _function(task: Any) -> Any:
    """Return the function that a task calls; None for other operators."""
    found = _option(task, "python_callable")
    return found if callable(found) else None


def _code(function: Any) -> CodeFacts:
    """Return what is known of a function: from the text of its file, and from its annotations."""
    if function is None:
        return UNKNOWN
    written = inspect.unwrap(function)
    code = getattr(written, "__code__", None)
    module = None if code is None else code_of_file(code.co_filename)
    facts = UNKNOWN if module is None or code is None else module.function_at(code.co_firstlineno)
    return _annotated(facts, _hints(written).get("return"), is_read=module is not None)


def _annotated(facts: CodeFacts, hint: Any, *, is_read: bool) -> CodeFacts:
    """Add what an annotation says. Python finds a TypedDict of another file, too."""
    if typing.is_typeddict(hint):
        keys = frozenset(hint.__annotations__)
        # Where annotations are texts, Python does not find NotRequired in them.
        is_optional = bool(hint.__optional_keys__) or any(
            "Required" in str(each) for each in hint.__annotations__.values()
        )
        outputs = None if is_optional else tuple(sorted(keys))
        return replace(facts, outputs=outputs, possible_outputs=keys)
    if hint is type(None) and not is_read:
        return replace(facts, returns=False)
    return facts


def _hints(function: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function)
    except Exception:  # an annotation may name what exists only for a type checker
        return {}
