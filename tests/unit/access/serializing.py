"""Serialize DAGs as the installed Airflow does it."""

from __future__ import annotations

import json
from typing import Any

from airflow.serialization import serialized_objects


def serialized(dag: Any) -> Any:
    """Return what Airflow's database would hold of a DAG, after a trip through JSON."""
    serializer: Any = getattr(serialized_objects, "DagSerialization", None) or serialized_objects.SerializedDAG
    return json.loads(json.dumps(serializer.to_dict(dag)))
