"""``dag.test()``: all tasks in one process, an in-process API, and no policy on the DAG object under test."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from devtools.airflow_stack import AirflowStack

SCRIPT = """
import importlib.util, json, sys
path, dag_id = sys.argv[1:]
spec = importlib.util.spec_from_file_location("under_test", path)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
dag = next(value for value in vars(module).values() if hasattr(value, "test") and value.dag_id == dag_id)
run = dag.test()
states = {f"{ti.task_id}/{ti.map_index}": str(ti.state) for ti in run.get_task_instances()}
print("STATES " + json.dumps([str(run.state), states]))
"""


def dag_test(airflow: AirflowStack, file: str, dag_id: str) -> tuple[str, dict[str, str], str]:
    path = airflow.dags_folder / f"{file}.py"
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(path), dag_id],
        env=airflow.env,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    output = done.stdout + done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("STATES ")]
    assert lines, output[-4000:]
    state, states = json.loads(lines[0].removeprefix("STATES "))
    return state, states, output


@pytest.mark.parametrize(("file", "dag_id"), [("pulls", "pulls_plain"), ("flows", "flow_branching")])
def test_a_dag_of_pulls_passes(airflow: AirflowStack, file: str, dag_id: str) -> None:
    state, states, output = dag_test(airflow, file, dag_id)

    assert state == "success", (states, output[-4000:])


def test_refusals_are_the_same_as_in_a_scheduled_run(airflow: AirflowStack) -> None:
    _, states, _ = dag_test(airflow, "refusals", "refusals")

    wrong = {
        name: state
        for name, state in states.items()
        if state != ("failed" if name.startswith("denied_") else "success")
    }
    assert len(states) > 15
    assert wrong == {}
