"""Who asks, and what Airflow lets them see. Airflow's own dependencies decide that for each route."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from fastapi import Depends

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "GetUserDep",
    "Readable",
    "may_read_audit_log",
    "may_see_health",
    "may_see_overview",
    "may_see_xcoms",
    "readable",
]

#: Airflow asks the same before it shows XComs.
may_see_xcoms = Depends(requires_access_dag("GET", DagAccessEntity.XCOM))
#: Airflow asks the same before it lists XComs of all DAGs. The list then has those of the DAGs that the user may read.
may_see_overview = may_see_xcoms


class Readable:
    """The DAGs that a user may read. The names of all others stay hidden.

    Args:
        dag_ids: These DAGs.
        all_dag_ids: All DAGs that Airflow knows.
    """

    def __init__(self, dag_ids: Iterable[str], all_dag_ids: Iterable[str]) -> None:
        self.dag_ids = frozenset(dag_ids)
        self.hidden = len(set(all_dag_ids) - self.dag_ids)
        self.are_all = not self.hidden

    def shows(self, dag_id: str) -> bool:
        """Tell whether this user may see the name of a DAG, or a pattern of such names."""
        return self.are_all or dag_id in self.dag_ids


def may_see_health(user: Any) -> bool:
    """Ask Airflow whether a user may see connections. The section on health says as much about Redis as one of them."""
    return bool(get_auth_manager().is_authorized_connection(method="GET", user=user))


def readable(user: Any) -> Readable:
    """Ask Airflow which DAGs a user may read. It reads Airflow's database."""
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        known = list(session.scalars(select(DagModel.dag_id)))
    return Readable(get_auth_manager().get_authorized_dag_ids(user=user, method="GET"), known)


def may_read_audit_log(user: Any, dag_id: str) -> bool:
    """Tell whether Airflow lets a user read a DAG's rows of its audit log."""
    return bool(
        get_auth_manager().is_authorized_dag(
            method="GET", access_entity=DagAccessEntity.AUDIT_LOG, details=DagDetails(id=dag_id), user=user
        )
    )
