"""The README's DAG does what its comments say."""

from __future__ import annotations

import re

from devtools.airflow_stack import ROOT, AirflowStack

README = ROOT / "README.md"
SECRET = "s3cr3t"


def test_the_dag_of_the_readme_serves_load_refuses_report_and_leaves_no_secret_in_airflows_database(
    airflow: AirflowStack,
) -> None:
    source = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)[0]
    assert SECRET in source

    (dag_id,) = airflow.add_dag("readme", source)
    run_id = airflow.trigger(dag_id)
    airflow.wait_run(dag_id, run_id)

    states = {task_id: state for (task_id, _), state in airflow.task_states(dag_id, run_id).items()}
    assert states == {"extract": "success", "load": "success", "report": "failed"}
    assert "XComAccessDenied: " in airflow.task_log(dag_id, run_id, "report")
    stored = [
        *airflow.xcom_rows(dag_id, run_id),
        *airflow.rows("SELECT * FROM rendered_task_instance_fields WHERE dag_id = ?", dag_id),
    ]
    assert {row["task_id"] for row in stored} == {"extract", "load", "report"}
    assert [row["task_id"] for row in stored if SECRET in str(row)] == []
    logs = [airflow.task_log(dag_id, run_id, task_id) for task_id in states]
    assert [log for log in logs if SECRET in log] == []
