"""Effective access: which task may pull which XCom, in a set of DAGs. Commands, pages and the test kit ask here.

`DagFacts` is what one DAG says. `parsed` reads it from DAG objects, and `serialized` from Airflow's database. `Access`
answers questions about a set of them. It asks `acl.decide`, as tasks do.
"""

from __future__ import annotations

from exclusive_redis_xcom.access.access import Access
from exclusive_redis_xcom.access.answers import Answer, Grant, Reader, Verdict
from exclusive_redis_xcom.access.facts import DagFacts, Pull, TaskFacts
from exclusive_redis_xcom.access.names import TaskName, XComName

__all__ = ["Access", "Answer", "DagFacts", "Grant", "Pull", "Reader", "TaskFacts", "TaskName", "Verdict", "XComName"]
