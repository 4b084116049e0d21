"""Find which tasks take which XCom as an argument or in a template field, from the DAG's objects.

The search covers the places that Airflow resolves before a task runs:

- template fields, which hold TaskFlow arguments too
- the arguments of `expand` and `partial`
- arguments of mapped task groups
- objects with template fields of their own

Three places are not searched: template files, callables as template fields, and Python code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.declaration.references import Reference, References
from exclusive_redis_xcom.declaration.templates import pulls

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import jinja2
    from airflow.sdk import DAG

#: Where mapped operators keep the arguments of `expand`: `sdk/definitions/mappedoperator.py`, `sdk/bases/decorator.py`.
_EXPAND_INPUTS = ("expand_input", "op_kwargs_expand_input")


def find_links(dag: DAG) -> dict[tuple[str, str], frozenset[str]]:
    """Map (producer task id, key) to the tasks that take this XCom."""
    return links_of(find_references(dag), dag.dag_id)


def links_of(
    references: Iterable[tuple[str, Iterable[Reference]]], dag_id: str
) -> dict[tuple[str, str], frozenset[str]]:
    """Map (producer task id, key) to the tasks that take this XCom.

    Args:
        references: For each task, the XComs that it takes before it runs.
        dag_id: The DAG.
    """
    links: dict[tuple[str, str], set[str]] = {}
    for task_id, found in references:
        for reference in found:
            if reference.is_link(dag_id):
                links.setdefault((str(reference.task_id), str(reference.key)), set()).add(task_id)
    return {xcom: frozenset(consumers) for xcom, consumers in links.items()}


def find_references(dag: DAG) -> Iterator[tuple[str, Iterator[Reference]]]:
    """Yield each task's id, with the XComs that it takes before it runs."""
    environment = environment_of(dag)
    for task in dag.tasks:
        finder = _Finder(environment)
        yield task.task_id, (reference for value in inputs_of(task) for reference in finder.of(value))


def environment_of(dag: DAG) -> jinja2.Environment:
    """Return the environment that renders a DAG's templates."""
    import jinja2

    try:
        # The DAG's own environment: jinja_environment_kwargs may change delimiters or add syntax.
        environment = dag.get_template_env()
    except Exception:
        environment = None  # The author's settings are wrong. They fail again, with an error, when a task renders.
    return environment or jinja2.Environment(autoescape=False)  # noqa: S701 - nothing is rendered here


def inputs_of(task: Any) -> Iterator[Any]:
    """Yield the values that Airflow resolves before a task runs."""
    if not getattr(task, "is_mapped", False):
        yield from (getattr(task, field, None) for field in task.template_fields)
        return
    yield from (task.partial_kwargs.get(field) for field in task.template_fields)
    for name in _EXPAND_INPUTS:
        yield getattr(getattr(task, name, None), "value", None)


class _Finder(References):
    """Walks the values of one task of a DAG object."""

    def __init__(self, environment: jinja2.Environment) -> None:
        super().__init__()
        self._environment = environment

    def of_text(self, text: str) -> Iterable[Reference]:
        return pulls(text, self._environment)

    def of_object(self, value: Any) -> Iterable[Reference] | None:
        if not hasattr(value, "iter_references"):
            return None
        return [Reference(None, operator.task_id, key, "argument") for operator, key in value.iter_references()]

    def parts(self, value: Any) -> Iterable[Any]:
        return parts_of(value)


def parts_of(value: Any) -> list[Any]:
    """Return the values in a list or a dict, and those in the template fields of an object."""
    if isinstance(value, dict):
        return list(value.values())
    if isinstance(value, (list, tuple, set, frozenset)):
        return list(value)
    fields = getattr(value, "template_fields", None)
    if isinstance(value, type) or not isinstance(fields, (list, tuple, set, frozenset)):
        return []
    return [getattr(value, field, None) for field in fields if isinstance(field, str)]
