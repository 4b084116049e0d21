"""ACLs in DAG code: read from Airflow's DAG objects, checked against the graph and frozen."""

from __future__ import annotations

from exclusive_redis_xcom.declaration.frozen import FrozenAcl, freeze, frozen_acl, frozen_acl_by_id
from exclusive_redis_xcom.declaration.graph import AirflowDagGraph
from exclusive_redis_xcom.declaration.validation import AclWarning

__all__ = ["AclWarning", "AirflowDagGraph", "FrozenAcl", "freeze", "frozen_acl", "frozen_acl_by_id"]
