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

from exclusive_redis_xcom.declaration.templates import pulls

if TYPE_CHECKING:
    from collections.abc import Iterator

    import jinja2
    from airflow.sdk import DAG

#: Where mapped operators keep the arguments of `expand`: `sdk/definitions/mappedoperator.py`, `sdk/bases/decorator.py`.
_EXPAND_INPUTS = ("expand_input", "op_kwargs_expand_input")


def find_links(dag: DAG) -> dict[tuple[str, str], frozenset[str]]:
    """Map (producer task id, key) to the tasks that take this XCom."""
    links: dict[tuple[str, str], set[str]] = {}
    environment = _environment(dag)
    for task in dag.tasks:
        finder = _Finder(environment, dag.dag_id)
        for value in _inputs(task):
            for reference in finder.references(value):
                links.setdefault(reference, set()).add(task.task_id)
    return {reference: frozenset(consumers) for reference, consumers in links.items()}


def _environment(dag: DAG) -> jinja2.Environment:
    import jinja2

    try:
        # The DAG's own environment: jinja_environment_kwargs may change delimiters or add syntax.
        environment = dag.get_template_env()
    except Exception:
        environment = None  # The author's settings are wrong. They fail again, with an error, when a task renders.
    return environment or jinja2.Environment(autoescape=False)  # noqa: S701 - nothing is rendered here


def _inputs(task: Any) -> Iterator[Any]:
    if not getattr(task, "is_mapped", False):
        yield from (getattr(task, field, None) for field in task.template_fields)
        return
    yield from (task.partial_kwargs.get(field) for field in task.template_fields)
    for name in _EXPAND_INPUTS:
        yield getattr(getattr(task, name, None), "value", None)


class _Finder:
    """Walk the values of one task. Each object is visited once, however deeply the author nests it."""

    def __init__(self, environment: jinja2.Environment, dag_id: str) -> None:
        self._environment = environment
        self._dag_id = dag_id
        self._seen: set[int] = set()

    def references(self, value: Any) -> Iterator[tuple[str, str]]:
        """Yield (task_id, key) of every XCom that the value takes."""
        pending = [value]
        while pending:
            current = pending.pop()
            if isinstance(current, str):
                yield from pulls(current, self._environment, self._dag_id)
            elif current is not None and id(current) not in self._seen:
                self._seen.add(id(current))
                if hasattr(current, "iter_references"):
                    yield from ((operator.task_id, key) for operator, key in current.iter_references())
                else:
                    pending.extend(_parts(current))


def _parts(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    if isinstance(value, (list, tuple, set, frozenset)):
        return list(value)
    fields = getattr(value, "template_fields", None)
    if isinstance(value, type) or not isinstance(fields, (list, tuple, set, frozenset)):
        return []
    return [getattr(value, field, None) for field in fields if isinstance(field, str)]
