"""Tasks in other interpreters: what they are given and what they return."""

from __future__ import annotations

import sys
from typing import Any

from airflow.sdk import DAG, task

from tests.acceptance.parity.seen import see

with DAG("parity_interpreters", schedule=None, catchup=False):

    @task
    def produce() -> Any:
        return {"numbers": [1, 2], "pair": (1, 2), "1": "text key"}

    @task.external_python(python=sys.executable, expect_airflow=False)
    def external(given):  # type: ignore[no-untyped-def]
        from datetime import datetime, timezone

        return {"given": given, "at": datetime(2026, 1, 2, tzinfo=timezone.utc), "set": {1}}

    @task.virtualenv(system_site_packages=False, multiple_outputs=True)
    def virtual(given):  # type: ignore[no-untyped-def]
        return {"kind": type(given).__name__, "sum": sum(given["numbers"])}

    @task
    def take(external: Any, kind: Any, total: Any) -> None:
        see("external", external)
        see("virtual", [kind, total])

    made = produce()
    outputs = virtual(made)
    take(external(made), outputs["kind"], outputs["sum"])
