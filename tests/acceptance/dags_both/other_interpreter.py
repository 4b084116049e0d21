"""Code in another interpreter, under `dag.test()`: Airflow would never answer it. `denied_*` must fail at once."""

from __future__ import annotations

import sys
from typing import Any

from airflow.sdk import DAG, task

PRODUCED = {"dag_id": "other_interpreter", "run_id": "{{ run_id }}", "task_id": "produce"}

with DAG("other_interpreter", schedule=None, catchup=False) as other_interpreter:

    @task
    def produce() -> Any:
        return {"pair": (1, 2)}

    @task.external_python(python=sys.executable)
    def denied_pull(source: Any) -> None:
        from airflow.sdk.execution_time.xcom import XCom

        XCom.get_one(key="return_value", **source)

    @task.external_python(python=sys.executable)
    def denied_push(own: Any) -> None:
        from airflow.sdk.execution_time.xcom import XCom

        XCom.set(key="key", value="value", **own)

    produce() >> [denied_pull(PRODUCED), denied_push({**PRODUCED, "task_id": "denied_push"})]
