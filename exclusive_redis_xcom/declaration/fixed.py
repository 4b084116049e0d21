"""The param `xcom_acl` as this package writes it into a DAG: a run's conf cannot change its value.

Two places see a fixed param, and they must differ:

- Where a run is made, Airflow has the param as data, from the serialized DAG. There the schema refuses another value.
- In the task's process, Airflow has this object. A run is there already, and its conf never changes. So the object
  keeps its value, whatever the conf says.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from airflow.sdk import Param

from exclusive_redis_xcom.declaration.run_conf import note_other_rules
from exclusive_redis_xcom.process import kind

if TYPE_CHECKING:
    from collections.abc import Mapping

_NOTHING = object()

# Airflow words a refusal as "Invalid input for param xcom_acl: '...' was expected". It shows this schema below that.
_REFUSAL = {
    "const": "the value that is fixed in the DAG file",
    "remedy": "Leave xcom_acl out of the conf, or change the DAG file.",
}
#: Keywords of an author's schema that would change what `if` and `else` mean here.
_CONDITIONAL = ("if", "then", "else")


def fixed_schema(value: Any, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the author's schema for the param, with one value allowed.

    The conditional comes first, because Airflow shows the first of several errors. `const` alone would make the trigger
    form hide the param too, but its refusal would begin with the whole access list.
    """
    kept = {keyword: rest for keyword, rest in schema.items() if keyword not in _CONDITIONAL}
    return {"if": {"const": value}, "else": dict(_REFUSAL), **kept, "const": value}


class AclParam(Param):  # type: ignore[misc]  # airflow.* is not analysed, see pyproject.toml
    """A param that keeps its value while a task runs.

    Args:
        dag_id: The DAG, for the log line about a run's conf.
        value: The value, in JSON's types.
        description: The param's description.
        schema: The param's schema, for a fixed param what `fixed_schema` returns.
        fixed: Whether the DAG file can no longer change the value either.
    """

    def __init__(
        self, dag_id: str, value: Any, description: str | None, schema: Mapping[str, Any], *, fixed: bool
    ) -> None:
        super().__init__(value, description, schema=dict(schema))
        self.dag_id = dag_id
        self.fixed = fixed

    def __copy__(self) -> AclParam:
        """Copy the param. Airflow's own method would return a param that can be changed."""
        return self._like(vars(self))

    def __deepcopy__(self, memo: dict[int, Any]) -> AclParam:
        """Copy the param with its value. Airflow copies a DAG's params to each operator that it makes."""
        return self._like(copy.deepcopy(vars(self), memo))

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel as Airflow's own param: another interpreter (`@task.external_python`) may not have this package."""
        return Param, (), vars(self)

    def _like(self, attributes: Mapping[str, Any]) -> AclParam:
        made = type(self).__new__(type(self))
        made.__dict__.update(attributes)
        return made

    def resolve(self, value: Any = _NOTHING, suppress_exception: bool = False) -> Any:
        """Return the value, or take another one from the DAG file. The log says where a run's conf has another one."""
        if value is not _NOTHING and not self.fixed and kind.of_this_process() != "dag_test":
            return super().resolve(value, suppress_exception)
        if value is not _NOTHING and value != self.value:
            note_other_rules(self.dag_id)
        return self.value


# Airflow serializes a param's schema only if the class has exactly this name (`_serialize_params_dict`).
AclParam.__module__, AclParam.__name__ = Param.__module__, Param.__name__
