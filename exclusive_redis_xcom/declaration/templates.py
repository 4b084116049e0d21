"""Find the XComs that a Jinja template pulls, as far as its text tells."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.declaration.references import Reference
from exclusive_redis_xcom.model import RETURN_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    import jinja2
    from jinja2 import nodes

#: Names of the task instance in a template context.
_TASK_INSTANCE = ("ti", "task_instance")

#: Positional parameters of `RuntimeTaskInstance.xcom_pull` (`airflow/sdk/execution_time/task_runner.py`).
_POSITIONAL = ("task_ids", "dag_id", "key", "include_prior_dates")

#: It stands in place of an argument that is no constant.
_COMPUTED = object()


def pulls(text: str, environment: jinja2.Environment) -> Iterator[Reference]:
    """Yield what each `ti.xcom_pull(...)` in a template pulls, besides the task's own XComs.

    A text that is no template yields nothing: rendering reports the error.
    """
    if "xcom_pull" not in text:
        return
    import jinja2

    with contextlib.suppress(jinja2.TemplateError):
        yield from pulls_in(environment.parse(text))


def pulls_in(tree: nodes.Template) -> Iterator[Reference]:
    """Yield what each `ti.xcom_pull(...)` in a parsed template pulls, besides the task's own XComs."""
    from jinja2 import nodes

    for call in tree.find_all(nodes.Call):
        if _is_xcom_pull(call):
            yield from _pulled(call)


def _is_xcom_pull(call: nodes.Call) -> bool:
    from jinja2 import nodes

    method = call.node
    if not isinstance(method, nodes.Getattr) or method.attr != "xcom_pull":
        return False
    return isinstance(method.node, nodes.Name) and method.node.name in _TASK_INSTANCE


def _pulled(call: nodes.Call) -> Iterator[Reference]:
    arguments = _arguments(call)
    if arguments is None:
        yield Reference(None, None, None, "template")
        return
    dag_id, key = arguments.get("dag_id"), arguments.get("key", RETURN_KEY)
    key = key if isinstance(key, str) else None
    task_ids: Any = arguments.get("task_ids", ())
    if not isinstance(task_ids, (list, tuple)):
        task_ids = () if task_ids is None else [task_ids]
    if not (dag_id is None or isinstance(dag_id, str)):
        task_ids, dag_id = [None for _ in task_ids[:1]], None
    for task_id in task_ids:
        yield Reference(dag_id, task_id if isinstance(task_id, str) else None, key, "template")


def _arguments(call: nodes.Call) -> dict[str, Any] | None:
    """Return the arguments that tell the XCom, `_COMPUTED` for those that are no constants; None if nothing is told."""
    from jinja2 import nodes

    if call.dyn_args is not None or call.dyn_kwargs is not None:
        return None
    arguments = dict(zip(_POSITIONAL, call.args, strict=False))
    arguments.update({argument.key: argument.value for argument in call.kwargs})
    found: dict[str, Any] = {}
    for name in ("task_ids", "dag_id", "key"):
        if name in arguments:
            try:
                found[name] = arguments[name].as_const()
            except nodes.Impossible:
                found[name] = _COMPUTED
    return found
