"""Airflow's cluster policy (entry point group `airflow.policy`): freezes the ACL of every DAG that is parsed."""

from __future__ import annotations

from typing import Any

from airflow.exceptions import AirflowClusterPolicyViolation
from airflow.policies import hookimpl
from airflow.sdk import get_parsing_context

from exclusive_redis_xcom import identity
from exclusive_redis_xcom.declaration import freeze
from exclusive_redis_xcom.errors import ConfigurationError, InvalidAcl
from exclusive_redis_xcom.settings import load_settings


@hookimpl  # type: ignore[untyped-decorator]  # airflow.* is not analysed, see pyproject.toml
def dag_policy(dag: Any) -> None:
    """Check and freeze the DAG's `xcom_acl`; what is wrong with it becomes the DAG's import error."""
    context = get_parsing_context()
    identity.remember_parsing(context.dag_id, context.task_id)
    try:
        freeze(dag, default_consumers=load_settings().default_consumers)
    except (InvalidAcl, ConfigurationError) as error:
        raise AirflowClusterPolicyViolation(f"{type(error).__name__}: {error}") from None
