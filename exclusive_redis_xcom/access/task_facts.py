"""What is known of a task: what Airflow holds of it, and what its code says. Both readers of DAGs use it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from exclusive_redis_xcom.access.code.code_facts import CodeFacts
from exclusive_redis_xcom.access.facts import Pull, TaskFacts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from exclusive_redis_xcom.declaration.references import Reference

#: Operators of Airflow's standard provider that push what their function returns, and nothing else of their own.
_RETURNING: Final = frozenset(
    (
        "PythonOperator",
        "PythonVirtualenvOperator",
        "ExternalPythonOperator",
        "_PythonDecoratedOperator",
        "_PythonVirtualenvDecoratedOperator",
        "_PythonExternalDecoratedOperator",
    )
)
#: Operators of it that call a function, and push something else than the function returns.
_CALLING: Final = _RETURNING | {
    "BranchExternalPythonOperator",
    "BranchPythonOperator",
    "BranchPythonVirtualenvOperator",
    "DecoratedSensorOperator",
    "PythonSensor",
    "ShortCircuitOperator",
    "_BashDecoratedOperator",
    "_BranchExternalPythonDecoratedOperator",
    "_BranchPythonDecoratedOperator",
    "_BranchPythonVirtualenvDecoratedOperator",
    "_ShortCircuitDecoratedOperator",
}
#: Operators of it that run no code of an author, with the keys that they push besides `return_value`.
_OWN_KEYS: Final[dict[str, frozenset[str]]] = {
    **dict.fromkeys(
        (
            "BashOperator",
            "BashSensor",
            "BranchDateTimeOperator",
            "BranchDayOfWeekOperator",
            "DateTimeSensor",
            "DateTimeSensorAsync",
            "DayOfWeekSensor",
            "EmptyOperator",
            "ExternalTaskMarker",
            "FileSensor",
            "LatestOnlyOperator",
            "SmoothOperator",
            "TimeDeltaSensor",
            "TimeDeltaSensorAsync",
            "TimeSensor",
            "TimeSensorAsync",
            "WaitSensor",
        ),
        frozenset(),
    ),
    "TriggerDagRunOperator": frozenset({"trigger_run_id"}),
}
#: Those of them that return nothing.
_SILENT: Final = frozenset({"EmptyOperator", "ExternalTaskMarker", "SmoothOperator"})
_STANDARD: Final = "airflow.providers.standard."
#: The callbacks of an operator that run in the task's process.
CALLBACKS: Final = (
    "on_execute_callback",
    "on_failure_callback",
    "on_retry_callback",
    "on_skipped_callback",
    "on_success_callback",
)


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator, as Airflow serializes it.

    Attributes:
        task_type: The name of its class.
        module: The module of its class.
        pushes: Whether it pushes what it returns.
        multiple_outputs: Whether it pushes each item of what it returns, too.
    """

    task_type: str
    module: str
    pushes: bool
    multiple_outputs: bool

    @property
    def calls_function(self) -> bool:
        """Whether all that the operator runs is its function. Nobody knows what operators of others do."""
        return self.module.startswith(_STANDARD) and self.task_type in _CALLING

    @property
    def code(self) -> CodeFacts | None:
        """What is known of an operator that runs no code of an author; None for all others."""
        keys = _OWN_KEYS.get(self.task_type) if self.module.startswith(_STANDARD) else None
        if keys is None:
            return None
        return CodeFacts(keys=keys, computes_keys=False, returns=False if self.task_type in _SILENT else None)

    @property
    def returns_of_function(self) -> bool:
        """Whether the operator pushes what its function returns."""
        return self.module.startswith(_STANDARD) and self.task_type in _RETURNING


def task_facts(
    dag_id: str,
    task_id: str,
    operator: Operator,
    code: CodeFacts,
    references: Iterable[Reference],
    hooks: Collection[CodeFacts] = (),
) -> TaskFacts:
    """Put together what is known of a task.

    Args:
        dag_id: The task's DAG.
        task_id: The task.
        operator: Its operator.
        code: What is known of the function that it calls; `UNKNOWN` if it calls none.
        references: The XComs that it takes before it runs.
        hooks: What is known of its callbacks, and of what runs before and after it. They have its task instance.
    """
    if operator.code is not None:
        code = operator.code
    elif not operator.calls_function:
        code = CodeFacts(outputs=code.outputs, possible_outputs=code.possible_outputs)
    multiple = operator.multiple_outputs and operator.pushes
    is_written_out = operator.returns_of_function and not any(each.may_push_result for each in (code, *hooks))
    outputs = code.outputs if multiple and is_written_out else None
    pulls = {Pull(dag_id if each.dag_id is None else each.dag_id, *each[1:]): None for each in references}
    of_code = {Pull(pull.dag_id or dag_id, pull.task_id, pull.key, "code", pull.line): None for pull in code.pulls}
    return TaskFacts(
        task_id=task_id,
        keys=(code.keys | code.possible_outputs if multiple else code.keys).union(*(each.keys for each in hooks)),
        computes_keys=any(each.computes_keys for each in (code, *hooks)) or (multiple and outputs is None),
        returns=_returns(operator, code),
        multiple_outputs=multiple,
        outputs=outputs,
        pulls=(*sorted(pulls, key=_order), *of_code),
    )


def _returns(operator: Operator, code: CodeFacts) -> bool | None:
    if not operator.pushes:
        return False
    return code.returns if operator.returns_of_function or operator.code is not None else None


def _order(pull: Pull) -> tuple[str, ...]:
    return (pull.dag_id, pull.task_id or "", pull.key or "", pull.how)
