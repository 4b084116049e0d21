"""The keys that Jinja templates push. A template has the task instance, so `{{ ti.xcom_push(...) }}` pushes.

What is not understood is never taken for harmless: the template may then push other keys, too.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from exclusive_redis_xcom.access.code import UNKNOWN, CodeFacts

if TYPE_CHECKING:
    from collections.abc import Collection

    import jinja2
    from jinja2 import nodes

_TASK_INSTANCE: Final = ("ti", "task_instance")
_PUSHES: Final = ("xcom_push", "axcom_push")
_PULLS: Final = ("xcom_pull", "axcom_pull")
#: Attributes of a task instance that hold it again, or the author's own code.
_HOLDING: Final = (*_PUSHES, "get_template_context", "task")
#: Variables of a template whose methods push nothing. `task` and `dag` hold the author's own code.
_VARIABLES: Final = frozenset(
    (
        "conf",
        "conn",
        "dag_run",
        "data_interval_end",
        "data_interval_start",
        "ds",
        "ds_nodash",
        "exception",
        "inlet_events",
        "inlets",
        "logical_date",
        "loop",
        "outlet_events",
        "outlets",
        "params",
        "prev_data_interval_end_success",
        "prev_data_interval_start_success",
        "prev_end_date_success",
        "prev_start_date_success",
        "reason",
        "run_id",
        "start_date",
        "task_instance_key_str",
        "test_mode",
        "triggering_asset_events",
        "ts",
        "ts_nodash",
        "ts_nodash_with_tz",
        "var",
    )
)
#: What Airflow offers as `macros` (`airflow/sdk/execution_time/macros.py`). A plugin may add others.
_MACROS: Final = frozenset(
    (
        "datetime",
        "datetime_diff_for_humans",
        "dateutil",
        "ds_add",
        "ds_format",
        "ds_format_locale",
        "json",
        "random",
        "time",
        "timedelta",
        "uuid",
        "yaml",
    )
)
#: The filters of Airflow (`airflow/sdk/definitions/_internal/templater.py`).
_FILTERS: Final = frozenset(("ds", "ds_nodash", "ts", "ts_nodash", "ts_nodash_with_tz"))

#: Filters that apply another filter or test, which they take by its name.
_APPLYING: Final = frozenset(("map", "select", "reject", "selectattr", "rejectattr"))

NOTHING: Final = CodeFacts(computes_keys=False)


def pushes(text: str, environment: jinja2.Environment) -> CodeFacts:
    """Return what is known of the keys that a template pushes. A text that is no template pushes nothing."""
    signs = (environment.variable_start_string, environment.block_start_string, environment.line_statement_prefix)
    if not any(sign in text for sign in signs if sign is not None):
        return NOTHING
    return _pushes(text, environment) or NOTHING  # where parsing fails, rendering fails before anything runs


def pushes_in_serialized(text: str) -> CodeFacts:
    """Return the same of a text in a serialized DAG. The delimiters of the DAG are not known there."""
    if "xcom_push" not in text and "{{" not in text and "{%" not in text:
        return NOTHING
    found = _pushes(text, default_environment())
    if found is None:
        return UNKNOWN  # the text may be the `repr` of a field that holds templates
    return found if found.keys or found.computes_keys or "xcom_push" not in text else UNKNOWN


@lru_cache(maxsize=1)
def default_environment() -> jinja2.Environment:
    """Return an environment with the delimiters that templates have unless a DAG says otherwise."""
    import jinja2

    return jinja2.Environment(autoescape=False)  # noqa: S701 - nothing is rendered here


@lru_cache(maxsize=4096)
def _pushes(text: str, environment: jinja2.Environment) -> CodeFacts | None:
    import jinja2

    try:
        tree = environment.parse(text)
    except jinja2.TemplateSyntaxError:
        return None
    except Exception:
        return UNKNOWN
    reader = _Reader(environment)
    reader.read(tree)
    return CodeFacts(keys=frozenset(reader.keys), computes_keys=reader.computes_keys)


class _Reader:
    """Reads one parsed template."""

    def __init__(self, environment: jinja2.Environment) -> None:
        self.keys: set[str] = set()
        self.computes_keys = False
        self._environment = environment
        #: The names that the template binds, and those of its macros. A macro is read where it stands.
        self._bound: Collection[str] = ()
        self._macros: Collection[str] = ()
        #: Whether a name that the template binds may stand for code of others.
        self._binds_code = False

    def read(self, tree: nodes.Template) -> None:
        from jinja2 import nodes

        named = {each.name for each in tree.find_all(nodes.Name) if each.ctx != "load"}
        self._macros = {each.name for each in tree.find_all(nodes.Macro)} - named
        self._bound = named.union(self._macros)
        self._binds_code = bool(named) and self._has_code_of_others(tree)
        self._visit(tree)

    def _visit(self, node: nodes.Node) -> None:
        from jinja2 import nodes

        if isinstance(node, nodes.Output):
            self._visit_all(each for each in node.nodes if not _is_task_instance(each))  # it is only shown
        elif isinstance(node, nodes.Call):
            self._call(node)
        elif isinstance(node, (nodes.Getattr, nodes.Getitem)):
            self._attribute(node)
        elif _is_task_instance(node) or isinstance(
            node, (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
        ):
            self.computes_keys = True  # what happens with it is not followed
        else:
            if isinstance(node, (nodes.Filter, nodes.Test)):
                self.computes_keys |= not self._is_builtin(node) or not self._applies_builtins(node)
            self._visit_all(node.iter_child_nodes())

    def _visit_all(self, several: Any) -> None:
        for each in several:
            self._visit(each)

    def _attribute(self, node: nodes.Getattr | nodes.Getitem) -> None:
        if _is_task_instance(node.node):
            self.computes_keys |= _attribute_of(node) in (None, *_HOLDING[:-1])
        else:
            self._visit(node.node)
        self._visit_all(child for child in node.iter_child_nodes() if child is not node.node)

    def _call(self, call: nodes.Call) -> None:
        from jinja2 import nodes

        function = call.node
        if isinstance(function, (nodes.Getattr, nodes.Getitem)) and _is_task_instance(function.node):
            self._call_of_task_instance(_attribute_of(function), call)
        elif isinstance(function, nodes.Name):
            self.computes_keys |= self._is_code_of_others(function.name, alone=True)
        else:
            self.computes_keys |= self._runs_code_of_others(function)
            self._visit(function)
        self._visit_all(child for child in call.iter_child_nodes() if child is not function)

    def _call_of_task_instance(self, method: str | None, call: nodes.Call) -> None:
        if method in _PUSHES:
            key = _key(call)
            if key is None:
                self.computes_keys = True
            else:
                self.keys.add(key)
        elif method not in _PULLS:
            self.computes_keys |= method in (None, *_HOLDING)

    def _runs_code_of_others(self, function: nodes.Node) -> bool:
        """Tell whether a call of `a.b.c()` may run code that the author of the DAG or a plugin wrote."""
        from jinja2 import nodes

        whole, names = function, list[str | None]()
        while isinstance(function, (nodes.Getattr, nodes.Getitem)):
            names.append(_attribute_of(function))
            function = function.node
        if not isinstance(function, nodes.Name):
            return self._has_code_of_others(whole)
        if function.name == "macros":
            return names[-1] not in _MACROS
        if function.name in _TASK_INSTANCE:
            return names[-1] in (None, *_HOLDING)
        if function.name in self._bound:
            return self._is_code_of_others(function.name)
        return function.name not in _VARIABLES

    def _has_code_of_others(self, node: nodes.Node) -> bool:
        """Tell whether a part of a template names something that may be code of others."""
        from jinja2 import nodes

        of_task = any(_is_task_instance(each.node) and each.attr == "task" for each in node.find_all(nodes.Getattr))
        names = {each.name for each in node.find_all(nodes.Name) if each.ctx == "load"} - {*_TASK_INSTANCE}
        return of_task or any(self._is_code_of_others(name) for name in names)

    def _is_code_of_others(self, name: str, *, alone: bool = False) -> bool:
        """Tell whether a name may stand for code of others. What is called `alone` is no variable of Airflow."""
        if name in self._bound:
            return name not in self._macros and self._binds_code
        return not (self._is_global(name) or (name in _VARIABLES and not alone))

    def _applies_builtins(self, node: nodes.Filter | nodes.Test) -> bool:
        """Tell whether `map`, `select` and the like name a filter or a test of Jinja."""
        from jinja2 import nodes

        if node.name not in _APPLYING or not node.args:
            return True
        applied = node.args[0 if node.name in ("map", "select", "reject") else 1 :][:1]
        if not all(isinstance(each, nodes.Const) and isinstance(each.value, str) for each in applied):
            return False
        kind = nodes.Filter if node.name == "map" else nodes.Test
        return all(self._is_builtin(kind(None, each.value, [], [], None, None)) for each in applied)  # type: ignore[attr-defined]

    def _is_builtin(self, node: nodes.Filter | nodes.Test) -> bool:
        """Tell whether a filter or a test is one of Jinja or Airflow. A DAG may bring others under the same names."""
        from jinja2 import nodes

        if isinstance(node, nodes.Test):
            of_jinja, here = default_environment().tests, self._environment.tests
        elif node.name in _FILTERS:
            return True
        else:
            of_jinja, here = default_environment().filters, self._environment.filters
        return node.name in of_jinja and here.get(node.name) is of_jinja[node.name]

    def _is_global(self, name: str) -> bool:
        of_jinja = default_environment().globals
        # Airflow's sandbox has a `range` of its own.
        return name in of_jinja and (name == "range" or self._environment.globals.get(name) is of_jinja[name])


def _is_task_instance(node: nodes.Node) -> bool:
    return getattr(node, "name", None) in _TASK_INSTANCE and type(node).__name__ == "Name"


def _attribute_of(node: nodes.Getattr | nodes.Getitem) -> str | None:
    """Return the name of an attribute; None if it is computed."""
    from jinja2 import nodes

    if isinstance(node, nodes.Getattr):
        return node.attr
    return str(node.arg.value) if isinstance(node.arg, nodes.Const) else None


def _key(call: nodes.Call) -> str | None:
    """Return the key of `xcom_push(key=..., value=...)`; None if it is computed."""
    from jinja2 import nodes

    if call.dyn_args is not None or call.dyn_kwargs is not None:
        return None
    named = [argument.value for argument in call.kwargs if argument.key == "key"]
    given = (named or call.args)[:1]
    try:
        key = given[0].as_const() if given else None
    except nodes.Impossible:
        return None
    return key if isinstance(key, str) else None
