"""Find the XComs that a Jinja template pulls, as far as its text tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.model import RETURN_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    import jinja2
    from jinja2 import nodes

#: Names of the task instance in a template context.
_TASK_INSTANCE = ("ti", "task_instance")

#: Positional parameters of `RuntimeTaskInstance.xcom_pull` (`airflow/sdk/execution_time/task_runner.py`).
_POSITIONAL = ("task_ids", "dag_id", "key", "include_prior_dates")


def pulls(text: str, environment: jinja2.Environment, dag_id: str) -> Iterator[tuple[str, str]]:
    """Yield (task_id, key) of each `ti.xcom_pull(...)` whose arguments are constants and name this DAG."""
    if "xcom_pull" not in text:
        return
    import jinja2
    from jinja2 import nodes

    try:
        tree = environment.parse(text)
    except jinja2.TemplateError:
        return  # Rendering reports the error.
    for call in tree.find_all(nodes.Call):
        if _is_xcom_pull(call):
            yield from _pulled(call, dag_id)


def _is_xcom_pull(call: nodes.Call) -> bool:
    from jinja2 import nodes

    method = call.node
    if not isinstance(method, nodes.Getattr) or method.attr != "xcom_pull":
        return False
    return isinstance(method.node, nodes.Name) and method.node.name in _TASK_INSTANCE


def _pulled(call: nodes.Call, dag_id: str) -> Iterator[tuple[str, str]]:
    arguments = _constants(call)
    key = arguments.get("key", RETURN_KEY)
    if arguments.get("dag_id") not in (None, dag_id) or not isinstance(key, str):
        return
    task_ids = arguments.get("task_ids")
    for task_id in [task_ids] if isinstance(task_ids, str) else task_ids or ():
        if isinstance(task_id, str):
            yield task_id, key


def _constants(call: nodes.Call) -> dict[str, Any]:
    """Return the arguments that tell the XCom; {} if the text does not tell one of them."""
    from jinja2 import nodes

    if call.dyn_args is not None or call.dyn_kwargs is not None:
        return {}
    arguments = dict(zip(_POSITIONAL, call.args, strict=False))
    arguments.update({argument.key: argument.value for argument in call.kwargs})
    try:
        return {name: arguments[name].as_const() for name in ("task_ids", "dag_id", "key") if name in arguments}
    except nodes.Impossible:
        return {}
