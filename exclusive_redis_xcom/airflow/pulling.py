"""`pull`, which can tell an XCom that nobody pushed from a None that somebody pushed."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.acl.glob import is_pattern
from exclusive_redis_xcom.airflow import absent
from exclusive_redis_xcom.airflow.failures import counted_pull
from exclusive_redis_xcom.declaration.frozen import frozen_acl_by_id
from exclusive_redis_xcom.errors import ConfigurationError
from exclusive_redis_xcom.model import NOT_MAPPED, RETURN_KEY, Coordinate
from exclusive_redis_xcom.process import identity
from exclusive_redis_xcom.reporting import losses, refusals
from exclusive_redis_xcom.tracebacks import errors_without_locals

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from exclusive_redis_xcom.acl import Rule
    from exclusive_redis_xcom.airflow.rows import Asked

#: How many near names an error offers.
_MOST_NAMES = 3

_NOT_GIVEN: Any = object()


@errors_without_locals
def pull(
    task_ids: str | Iterable[str] | None = None,
    *,
    key: str = RETURN_KEY,
    dag_id: str | None = None,
    run_id: str | None = None,
    map_indexes: int | Iterable[int] | None = _NOT_GIVEN,
    include_prior_dates: bool = False,
    default: Any = None,
    required: bool = False,
) -> Any:
    """Pull as the running task, as its `ti.xcom_pull` does. With `required`, an XCom that nobody pushed is an error.

        @task
        def load():
            token = exclusive_redis_xcom.pull("extract", key="token", required=True)

    Args:
        task_ids: The task that pushed, or several. None stands for the running task itself.
        key: The key of the XCom.
        dag_id: The DAG of the task that pushed. None stands for the running task's DAG.
        run_id: The run. None stands for the running task's run.
        map_indexes: The index of a mapped task's instance, or several. Without it, all results are pulled.
        include_prior_dates: Whether to look back at earlier runs, too.
        default: What stands for an XCom that is missing. With `required`, it is not used.
        required: Whether Airflow must have a row of every XCom that is asked for.

    Raises:
        XComMissing: With `required`, Airflow has no row of an XCom. The text offers near names of the DAG.
        XComAccessDenied: No task runs here; else as for `xcom_pull`.
        ConfigurationError: With `required`, Airflow has another XCom backend, which cannot tell what is missing.
        ExclusiveXComError: As for `xcom_pull`.
    """
    task_instance = identity.running_task_instance()
    if task_instance is None:
        raise refusals.no_task_pulls()
    if required:
        _require_our_backend()
    indexes = {} if map_indexes is _NOT_GIVEN else {"map_indexes": map_indexes}
    with absent.noted() as missing:
        found = task_instance.xcom_pull(
            task_ids,
            dag_id=dag_id,
            key=key,
            include_prior_dates=include_prior_dates,
            default=default,
            run_id=run_id,
            **indexes,
        )
    if required and missing:
        first = missing[0]
        at = Coordinate(first.dag_id, first.run_id, first.task_id, first.key, _index(first))
        with counted_pull.of(first):
            raise losses.missing(at, prior_dates=first.prior_dates, near=_near(first, task_instance), of=len(missing))
    return found


def _require_our_backend() -> None:
    from airflow.sdk.execution_time.xcom import XCom

    from exclusive_redis_xcom.airflow.backend import ExclusiveRedisXCom

    if not issubclass(XCom, ExclusiveRedisXCom):
        raise ConfigurationError(
            "pull(required=True) cannot tell what is missing with another XCom backend.\n"
            f"[core] xcom_backend is {XCom.__module__}.{XCom.__name__}.\n"
            "Set it to exclusive_redis_xcom.ExclusiveRedisXCom."
        )


def _index(asked: Asked) -> int:
    return NOT_MAPPED if asked.map_index is None else asked.map_index


def _near(asked: Asked, task_instance: Any) -> list[str]:
    """Name what the DAG's own file has and the author may have meant. Other DAGs' names stay unsaid."""
    if asked.dag_id != task_instance.dag_id:
        return []
    task_ids = set(task_instance.task.dag.task_dict)
    if asked.task_id not in task_ids:
        in_groups = sorted(task_id for task_id in task_ids if task_id.endswith(f".{asked.task_id}"))
        return [f"task '{task_id}'" for task_id in (in_groups or _close(asked.task_id, task_ids))[:_MOST_NAMES]]
    frozen = frozen_acl_by_id(asked.dag_id)  # a run's conf has no say in this one
    rules = [rule for rule in (() if frozen is None else frozen.acl.rules) if not is_pattern(rule.key)]
    others = sorted(_producers(rules, asked.key) & task_ids - {asked.task_id})
    return [
        *(f"key '{key}'" for key in _near_keys(rules, asked)),
        *(f"task '{task_id}'" for task_id in others[:_MOST_NAMES]),
    ]


def _near_keys(rules: Collection[Rule], asked: Asked) -> list[str]:
    keys = {rule.key for rule in rules if rule.selects(asked.task_id, rule.key)} | {RETURN_KEY}
    keys.discard(asked.key)
    # Whoever names no key asks for what the task returns.
    return sorted(keys)[:_MOST_NAMES] if asked.key == RETURN_KEY else _close(asked.key, keys)


def _producers(rules: Collection[Rule], key: str) -> set[str]:
    return {rule.producer for rule in rules if rule.key == key and rule.producer is not None}


def _close(name: str, names: Collection[str]) -> list[str]:
    return difflib.get_close_matches(name, sorted(names), n=_MOST_NAMES)
