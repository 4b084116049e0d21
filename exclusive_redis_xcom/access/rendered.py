"""What the values of a DAG object push, and what template files pull, when Airflow renders a task's fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.access.code import UNKNOWN, CodeFacts
from exclusive_redis_xcom.access.template_pushes import pushes
from exclusive_redis_xcom.declaration.links import inputs_of, parts_of
from exclusive_redis_xcom.declaration.references import Reference, References
from exclusive_redis_xcom.declaration.templates import pulls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import jinja2


class Rendered(References):
    """Walks the values of one task of a DAG object.

    Args:
        task: The task.
        environment: The environment that renders the DAG's templates.
        read: Returns what is known of a function of the author, which is given a value of an XCom.
        read_hook: Returns the same of one that is given the context.

    Attributes:
        code: What is known of the keys that values push.
        pulls: The XComs that template files pull. The policy word `linked` does not count them.
    """

    def __init__(
        self,
        task: Any,
        environment: jinja2.Environment,
        read: Callable[[Any], CodeFacts],
        read_hook: Callable[[Any], CodeFacts],
    ) -> None:
        super().__init__()
        self._environment = environment
        self._read = read
        self._read_hook = read_hook
        options = getattr(task, "partial_kwargs", {})
        self._extensions = tuple(options.get("templates_exts") or getattr(task, "template_ext", None) or ())
        self.code: list[CodeFacts] = []
        self.pulls: list[Reference] = []
        fields = list(inputs_of(task))
        # Airflow calls a function in place of a field.
        self.code += [read_hook(field) for field in fields if callable(field)]
        template = options.get("map_index_template") or getattr(task, "map_index_template", None)
        for value in (*fields, template):
            list(self.of(value))

    def of_text(self, text: str) -> Iterable[Reference]:
        """Note what a template pushes. A text that ends as the operator's files do names a file."""
        if self._extensions and text.endswith(self._extensions):
            self._file(text)
        else:
            self.code.append(pushes(text, self._environment))
        return ()

    def _file(self, name: str) -> None:
        try:
            loader = self._environment.loader
            text = "" if loader is None else loader.get_source(self._environment, name)[0]
        except Exception:  # the file is not here
            self.code.append(UNKNOWN)
            return
        self.code.append(pushes(text, self._environment))
        self.pulls += pulls(text, self._environment)

    def of_object(self, value: Any) -> Iterable[Reference] | None:
        """Note what functions of `map` push; go into everything else."""
        for part in (*getattr(value, "args", ()), getattr(value, "arg", None)) if _is_argument(value) else ():
            self.of_object(part)
        if _is_argument(value):
            self.code += [self._read(each) for each in getattr(value, "callables", ())]
            return ()
        if callable(getattr(type(value), "resolve", None)) and not _is_airflows(value):
            self.code.append(UNKNOWN)  # Airflow gives it the context
        if not isinstance(value, (list, tuple, set, frozenset, dict)):
            fields = [part for part in parts_of(value) if callable(part)]
            self.code += [self._read_hook(field) for field in fields]
        return None

    def parts(self, value: Any) -> Iterable[Any]:
        """Return the values in a value."""
        return parts_of(value)


def _is_argument(value: Any) -> bool:
    return hasattr(type(value), "iter_references") and _is_airflows(value)


def _is_airflows(value: Any) -> bool:
    return type(value).__module__.startswith(("airflow.", "pathlib"))
