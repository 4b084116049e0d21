"""What a serialized DAG of Airflow 3.1, 3.2 or 3.3 says about its XComs. Airflow's own classes are not needed."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from exclusive_redis_xcom.access.code import UNKNOWN, CodeFacts, ModuleCode, code_of_file
from exclusive_redis_xcom.access.facts import DagFacts, TaskFacts
from exclusive_redis_xcom.access.serialized_references import SerializedReferences, text_of
from exclusive_redis_xcom.access.task_facts import CALLBACKS, Operator, task_facts
from exclusive_redis_xcom.access.undecided import UndecidedError
from exclusive_redis_xcom.acl import parse
from exclusive_redis_xcom.declaration import places
from exclusive_redis_xcom.declaration.links import links_of
from exclusive_redis_xcom.declaration.param import PARAM
from exclusive_redis_xcom.declaration.validation import check
from exclusive_redis_xcom.errors import ExclusiveXComError
from exclusive_redis_xcom.first_line import fitted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exclusive_redis_xcom.declaration.references import Reference

#: The version of the format, in all of Airflow 3.1, 3.2 and 3.3.
_VERSION: Final = 3
_HOOKS: Final = ("_pre_execute_hook", "_post_execute_hook", "pre_execute", "post_execute", *CALLBACKS)
_MALFORMED = (AttributeError, LookupError, TypeError, ValueError, RecursionError)


def facts_of(data: Any, *, default_consumers: str, code: ModuleCode | None = None, text: str | None = None) -> DagFacts:
    """Read a serialized DAG.

    Args:
        data: What Airflow's table `serialized_dag` holds, as JSON's types.
        default_consumers: The policy word for XComs without a rule.
        code: The code of the DAG's file. None takes the file itself, if it is on this machine.
        text: The text of the DAG's file, in which the lines of rules are looked up. None as for `code`.

    Raises:
        UndecidedError: The data is no serialized DAG, or one of another version of the format.
        InvalidAcl: The rules are wrong.
    """
    version = data.get("__version") if isinstance(data, dict) else None
    if version != _VERSION:
        raise UndecidedError(
            f"This is no serialized DAG of Airflow 3.1 to 3.3: its version is {version!r:.20}.\n"
            "Let Airflow write it again: run `airflow dags reserialize`."
        )
    try:
        return _Reader(data, default_consumers, code, text).facts()
    except ExclusiveXComError:
        raise
    except _MALFORMED as error:
        what = (
            f"{type(error).__name__}: {error!s:.100}"
            if isinstance(error, (TypeError, ValueError))
            else "a part is missing"
        )
        raise UndecidedError(
            f"{fitted(lambda short: f'The serialized form of {short(_name(data))} cannot be read.')}\n"
            f"It has an unknown form ({what}). Let Airflow write it again: run `airflow dags reserialize`."
        ) from None


def _name(data: dict[str, Any]) -> str:
    dag = data.get("dag")
    dag_id = dag.get("dag_id") if isinstance(dag, dict) else None
    return f"DAG '{dag_id}'" if isinstance(dag_id, str) else "a DAG"


class _File(NamedTuple):
    """The file of a DAG, with the attributes that a DAG object has."""

    fileloc: str
    relative_fileloc: str


class _Reader:
    """Reads one serialized DAG.

    Args:
        data: The serialized DAG.
        default_consumers: The policy word for XComs without a rule.
        code: The code of the DAG's file, if the caller has it.
        text: The text of the DAG's file, if the caller has it.
    """

    def __init__(
        self, data: Mapping[str, Any], default_consumers: str, code: ModuleCode | None, text: str | None
    ) -> None:
        self._text = text
        dag = data["dag"]
        self._dag: Mapping[str, Any] = dag
        self._dag_id = text_of(dag["dag_id"])
        self._defaults = _mapping(_mapping(data.get("client_defaults", {})).get("tasks", {}))
        self._default_consumers = default_consumers
        # A number in place of a path would be taken for an open file of this process.
        self._file = _File(text_of(dag.get("fileloc") or ""), text_of(dag.get("relative_fileloc") or ""))
        is_here = os.path.isfile(self._file.fileloc)
        self._path = self._file.fileloc if is_here else None
        self._code = code_of_file(self._file.fileloc) if code is None and is_here else code
        self._tasks = {text_of(task["task_id"]): task for task in map(_operator, dag["tasks"])}

    def facts(self) -> DagFacts:
        downstream = {task_id: _texts(task.get("downstream_task_ids", ())) for task_id, task in self._tasks.items()}
        upstream: dict[str, set[str]] = {task_id: set() for task_id in self._tasks}
        for task_id, after in downstream.items():
            for each in after:
                upstream[each].add(task_id)
        references: dict[str, list[Reference]] = {}
        rendered: dict[str, list[CodeFacts]] = {}
        unread = set()
        for task_id, task in self._tasks.items():
            files = _texts(self._option(task, "template_ext") or ())
            finder = SerializedReferences(self._dag_id, upstream[task_id], files, self._code)
            references[task_id] = [each for value in _inputs(task) for each in finder.of_field(value)]
            list(finder.of(self._option(task, "map_index_template")))  # it makes no link
            rendered[task_id] = finder.code
            if not finder.is_whole:
                unread.add(task_id)
        declared = self._declared()
        acl = parse(declared, dag_id=self._dag_id, task_ids=self._tasks, default_consumers=self._default_consumers)
        facts = DagFacts(
            acl=acl,
            downstream=downstream,
            links=links_of(references.items(), self._dag_id),
            tasks={
                task_id: self._task(task_id, task, references[task_id], rendered[task_id])
                for task_id, task in self._tasks.items()
            },
            file=places.file_of(self._file),
            path=self._path,
            unread=frozenset(unread),
        )
        check(acl, facts.graph)
        if self._path is None and self._text is None:
            return facts
        rules = places.with_places(acl.rules, declared, self._file, by_exclusive=False, text=self._text)
        return replace(facts, acl=replace(acl, rules=rules))

    def _declared(self) -> Any:
        """Return the value of the DAG's param `xcom_acl`. For a fixed param that is the constant."""
        params = self._dag.get("params", ())
        for name, param in params.items() if isinstance(params, dict) else params:
            if name == PARAM:
                if not isinstance(param, dict) or "__class" not in param:
                    return _decoded(param)
                schema = _mapping(_decoded(param.get("schema") or {}))
                return schema.get("const", _decoded(param["default"]))
        return {}

    def _task(
        self, task_id: str, task: Mapping[str, Any], references: list[Reference], rendered: list[CodeFacts]
    ) -> TaskFacts:
        code = self._code_of(task)
        operator = Operator(
            task_type=text_of(task["task_type"]),
            module=text_of(task["_task_module"]),
            pushes=self._option(task, "do_xcom_push") is not False,
            multiple_outputs=self._has_multiple_outputs(task, code),
        )
        # A serialized DAG has no more than a sign of these, or their text.
        signs = (*(f"has_{name}" for name in CALLBACKS), *_HOOKS)
        hooks = [*rendered, UNKNOWN] if any(self._option(task, sign) for sign in signs) else rendered
        return task_facts(self._dag_id, task_id, operator, code, references, hooks)

    def _has_multiple_outputs(self, task: Mapping[str, Any], code: CodeFacts) -> bool:
        """Tell whether a task may have multiple outputs. Airflow does not write it for a mapped `@task`."""
        if task.get("_expand_input_attr") != "op_kwargs_expand_input":
            return bool(self._option(task, "multiple_outputs"))
        # The keys of outputs that may exist are not known, so the answers about `return_value` are "maybe".
        return True if code.multiple_outputs is None else code.multiple_outputs

    def _option(self, task: Mapping[str, Any], name: str) -> Any:
        """Return what an operator was given. A mapped operator keeps it among its partial arguments."""
        for options in (task.get("partial_kwargs", {}), task, self._defaults):
            if name in options:
                return _decoded(options[name])
        return None

    def _code_of(self, task: Mapping[str, Any]) -> CodeFacts:
        name = self._option(task, "python_callable_name")
        return UNKNOWN if name is None or self._code is None else self._code.function_named(text_of(name))


def _operator(encoded: Any) -> Mapping[str, Any]:
    if encoded["__type"] != "operator":
        raise ValueError("something else in place of an operator")
    return _mapping(encoded["__var"])


def _inputs(task: Mapping[str, Any]) -> list[Any]:
    """Return the values that Airflow resolves before a task runs."""
    fields = _texts(task.get("template_fields", ()))
    if not task.get("_is_mapped", False):
        return [task.get(field) for field in fields]
    partial = _mapping(task.get("partial_kwargs", {}))
    return [*(partial.get(field) for field in fields), _mapping(task[task["_expand_input_attr"]])["value"]]


def _decoded(value: Any) -> Any:
    """Read a value that Airflow encoded. A type that no access list may hold stays as it is."""
    if isinstance(value, list):
        return [_decoded(each) for each in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("__type")
    if kind == "dict":
        return {name: _decoded(each) for name, each in _mapping(value["__var"]).items()}
    if kind == "tuple":
        return tuple(_decoded(each) for each in value["__var"])
    return value


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"a {type(value).__name__:.40} in place of a dict")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"a {type(value).__name__:.40} in place of a list")
    return tuple(sorted(text_of(each) for each in value))
