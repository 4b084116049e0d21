"""Airflow's cluster policies (entry point group `airflow.policy`), called for every DAG that is parsed.

They do nothing where this package is installed and not in use.

`DagBag.bag_dag` calls `dag_policy` for the DAG, then `task_policy` for each of its tasks (Airflow 3.1 to 3.3).

Every process that imports Airflow imports this module, long before it loads plugins. So this module also registers what
acts on Airflow's commands.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from airflow.exceptions import AirflowClusterPolicyViolation
from airflow.policies import hookimpl
from airflow.sdk import get_parsing_context

from exclusive_redis_xcom.airflow import commands, parents, quiet_returns, uncounted
from exclusive_redis_xcom.declaration import freeze
from exclusive_redis_xcom.errors import ConfigurationError, InvalidAcl
from exclusive_redis_xcom.process import identity
from exclusive_redis_xcom.settings import is_in_use, load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

commands.register()
parents.register()


@hookimpl  # type: ignore[untyped-decorator]  # airflow.* is not analysed, see pyproject.toml
def dag_policy(dag: Any) -> None:
    """Check and freeze the DAG's `xcom_acl`. A mistake in it becomes the DAG's import error."""
    if not is_in_use():
        return
    context = get_parsing_context()
    identity.remember_parsing(context.dag_id, context.task_id)
    uncounted.let_end_from_trigger(dag)
    with _violation():
        settings = load_settings()
        freeze(dag, default_consumers=settings.default_consumers, report_consumers=settings.report_consumers)


@hookimpl  # type: ignore[untyped-decorator]  # see above
def task_policy(task: Any) -> None:
    """Keep a task from logging a restricted value that it returns, even with `mask = off`."""
    if not is_in_use():
        return
    with _violation():
        quiet_returns.hide_restricted(task)


@contextlib.contextmanager
def _violation() -> Iterator[None]:
    try:
        yield
    except (InvalidAcl, ConfigurationError) as error:
        # Airflow shows an import error as the name of its class and its text. So the name is that of our error.
        violation: Any = type(type(error).__name__, (AirflowClusterPolicyViolation,), {})
        raise violation(str(error)) from None
