"""The DAG's param `xcom_acl`: read once as the DAG file has it, then fixed so that no trigger can change it."""

from __future__ import annotations

import difflib
import json
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from exclusive_redis_xcom.errors import InvalidAcl
from exclusive_redis_xcom.first_line import of_dag

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow.sdk import DAG

PARAM = "xcom_acl"

_DESCRIPTION = "Who may pull which XCom (exclusive-redis-xcom). Fixed in the DAG file."


_LETTERS = PARAM.replace("_", "")
_CLOSE = 0.85
_RENAME = "If the param is not an access list, give it another name."


class DeclaredAcl:
    """What a DAG declares about its XComs. The param is read here, once.

    Args:
        dag: A DAG, with or without the param.
    """

    def __init__(self, dag: DAG) -> None:
        self._dag = dag
        self._param = param_of(dag)

    @property
    def value(self) -> Any:
        """What the DAG file says. For a fixed param that is the constant: nothing in Airflow writes to it."""
        return {} if self._param is None else self._param.schema.get("const", self._param.value)

    @property
    def exists(self) -> bool:
        """Whether the DAG has the param."""
        return self._param is not None

    @property
    def is_changeable(self) -> bool:
        """Whether a run's conf can change the value: there is a param, and it accepts other values."""
        return self._param is not None and "const" not in self._param.schema

    def may_be_replaced_by(self, run_conf: Mapping[str, Any]) -> bool:
        """Tell whether the value that is read here may be a run's, and not the DAG file's.

        A run under way writes its conf over the param objects of the running task, but not over an `AclParam`. They are
        the DAG's own objects if the task has no copy, for example because the task is older than the param.
        """
        if not self.is_changeable or hasattr(self._param, "fixed") or run_conf[PARAM] != self._param.value:
            return False
        return not all(PARAM in task.params for task in self._dag.tasks)

    def refuse_misspelt(self) -> None:
        """Refuse a param that looks like `xcom_acl`: it would protect nothing.

        Raises:
            InvalidAcl: The DAG or one of its tasks has such a param.
        """
        own = set(self._dag.params)
        for name in filter(_is_misspelt, own):
            self._fail(
                lambda short, name=name: f"the param '{short(name)}' protects nothing. Did you mean '{PARAM}'?", _RENAME
            )
        for task in self._dag.tasks:
            for name in filter(_is_misspelt, set(task.params) - own):
                self._fail(
                    lambda short, name=name, task_id=task.task_id: (
                        f"the param '{short(name)}' of task {short(task_id)} protects nothing."
                    ),
                    f"Did you mean '{PARAM}'? Only the DAG may declare rules: DAG(params={{'{PARAM}': ...}}).",
                    _RENAME,
                )

    def refuse_task_params(self, run_conf: Mapping[str, Any]) -> None:
        """Refuse an `xcom_acl` that an author gave to a task.

        Airflow copies the DAG's params to each task when the task is created. A copy may be older than what `exclusive`
        wrote since; that is no contradiction. From Airflow 3.2 on, a param says whether the DAG or the task set it.
        Airflow 3.1 does not say, so there a value to which the DAG has only added counts as a copy.

        Args:
            run_conf: The conf of the run under way, which may have replaced a task's copy; {} at parse time.

        Raises:
            InvalidAcl: A task has an `xcom_acl` of its own.
        """
        for task in self._dag.tasks:
            if PARAM in task.params and not self._is_copy(_param_object(task.params), run_conf):
                self._fail(
                    lambda short, task_id=task.task_id: (
                        f"task {short(task_id)} has an '{PARAM}' that is not the DAG's."
                    ),
                    "Only the DAG may declare rules.",
                    f"Move the param of task '{task.task_id}' to DAG(params={{'{PARAM}': ...}}).",
                )

    def _is_copy(self, param: Any, run_conf: Mapping[str, Any]) -> bool:
        """Tell whether Airflow has copied a task's param from the DAG."""
        source = getattr(param, "source", None)
        # Nearly all params end here: a DAG may have a thousand rules, and each task has a copy of all of them.
        if source == "dag" or (self._param is not None and param.value == self.value):
            return True
        value = None if self._param is None else self._as_json
        own = _as_json(param.value)
        return own in (value, run_conf.get(PARAM, value)) or (source is None and _has_grown(own, value))

    def _fail(self, decision: Callable[..., str], *further: str) -> NoReturn:
        raise InvalidAcl("\n".join((of_dag(self._dag.dag_id, decision), *further)))

    def fix(self) -> None:
        """Make the param a constant, and the only one of the DAG; without a param do nothing.

        `declaration/fixed.py` says what that means. The tasks' copies are removed: Airflow gives them precedence, and
        a copy would take what a trigger says.
        """
        if self._param is None:
            return
        from exclusive_redis_xcom.declaration.fixed import AclParam, fixed_schema

        value, old = self._as_json, self._param
        schema = fixed_schema(value, old.schema)
        self._dag.params[PARAM] = AclParam(self._dag.dag_id, value, old.description or _DESCRIPTION, schema, fixed=True)
        for task in self._dag.tasks:
            if PARAM in task.params:
                del task.params[PARAM]

    @cached_property
    def _as_json(self) -> Any:
        return _as_json(self.value)


def param_of(dag: DAG) -> Any:
    """Return the Param object of a DAG's `xcom_acl`; None where the DAG has none."""
    return _param_object(dag.params) if PARAM in dag.params else None


def _param_object(params: Any) -> Any:
    # Subscripting would validate the value, which can fail on the author's own schema.
    from airflow.sdk import Param
    from airflow.sdk.definitions.param import ParamsDict

    found = params.get_param(PARAM) if isinstance(params, ParamsDict) else params[PARAM]
    return found if isinstance(found, Param) else Param(found)


def _is_misspelt(name: str) -> bool:
    """Tell whether a name differs from `xcom_acl` by one letter, or only by case and by what stands between letters."""
    letters = "".join(filter(str.isalnum, name.lower()))
    if name == PARAM or abs(len(letters) - len(_LETTERS)) > 1:
        return False
    # One letter is another one, too many or missing, or two neighbours are swapped: the ratio is 0.857 or more.
    return difflib.SequenceMatcher(None, _LETTERS, letters).ratio() > _CLOSE


def _as_json(value: Any) -> Any:
    """Copy a value in JSON's types: the author cannot change the copy, and it equals what a trigger sends back."""
    return json.loads(json.dumps(value))


def _has_grown(old: Any, new: Any) -> bool:
    if isinstance(old, dict) and isinstance(new, dict):
        return all(name in new and _has_grown(value, new[name]) for name, value in old.items())
    if isinstance(old, list) and isinstance(new, list):
        return all(item in new for item in old)
    return bool(old == new)
